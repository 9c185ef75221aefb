/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/scores_page.c -- writes the page that explains a COCO score, with small pictures if there is a folder of
 * them.
 */
#include "cli/common/scores_page.h"

#include <string.h>
#include <sys/stat.h>

#include "cli/common/picture_uri.h"
#include "datasets/datasets.h"
#include "report/report.h"

/* ---- thumbnails -------------------------------------------------------------------------------------------------- */

enum { THUMBNAIL_WIDTH = 420, QUALITY = 72 };

typedef struct {
    const char *images_dir;
    char *folder;  /* for one small file at a time */
} Thumbnails;

/* A picture that cannot be read is said, and drawn without. */
static int thumbnail(void *user, const char *file_name, char **uri)
{
    const Thumbnails *t = user;
    DfImage image = { 0 };
    *uri = NULL;
    char *path = df_path_join(t->images_dir, file_name);
    if (!path)
        return df_fail_memory("a path");
    int error = df_image_read(&image, path);
    if (error == DF_EIO || error == DF_EFORMAT) {
        df_log(DF_LOG_WARNING, "%s", df_error());
        error = DF_OK;
    } else if (error == DF_OK) {
        error = cli_picture_uri(&image, t->folder, THUMBNAIL_WIDTH, QUALITY, uri);
    }
    df_image_free(&image);
    df_free(path);
    return error;
}

/* ---- the page ---------------------------------------------------------------------------------------------------- */

static int add_names(DfExplain *why, const char *gt_path)
{
    DfJson *json;
    int error = df_json_open(&json, gt_path);
    if (error < 0)
        return error;
    error = df_explain_pictures(why, json);
    df_json_close(json);
    return error;
}

/* Masks are read once more, which a pipe cannot be: those are drawn as boxes. */
static int add_masks(DfExplain *why, const CliExplaining *x)
{
    struct stat s;
    int error = DF_OK;
    for (int i = 0; i < x->n_dt; i++)
        if (stat(x->dt_paths[i], &s) != 0 || !S_ISREG(s.st_mode))
            return DF_OK;
    for (int i = 0; error == DF_OK && i < x->n_dt; i++) {
        DfJson *json;
        if ((error = df_json_open(&json, x->dt_paths[i])) < 0)
            return error;
        error = df_explain_masks(why, json);
        df_json_close(json);
    }
    return error;
}

static int write_page(DfExplain *why, const CliExplaining *x)
{
    Thumbnails thumbnails = { x->images_dir, NULL };
    char *html = NULL;
    int error = DF_OK;
    if (x->images_dir) {
        if (!(thumbnails.folder = df_temporary_folder()))
            return DF_EIO;
        df_explain_thumbnails(why, thumbnail, &thumbnails);
    }
    error = df_report_explain(why, x->title, &html);
    if (error == DF_OK)
        error = cli_write_text(x->page_path, html);
    if (thumbnails.folder)
        df_remove_folder(thumbnails.folder, (const char *const[]){ CLI_PICTURE_FILE, NULL });
    df_free(thumbnails.folder);
    df_free(html);
    return error;
}

int cli_explain(const CliExplaining *x, const DfCocoResults *dt, const DfCocoEval *eval, char **json)
{
    DfExplain *why = NULL;
    *json = NULL;
    int error = df_explain_new(&why, dt, eval, x->score_threshold);
    if (error == DF_OK)
        error = add_names(why, x->gt_path);
    if (error == DF_OK && eval->type == DF_COCO_MASKS)
        error = add_masks(why, x);
    if (error == DF_OK)
        error = write_page(why, x);
    if (error == DF_OK)
        error = df_explain_json(why, json);
    df_explain_free(why);
    return error;
}
