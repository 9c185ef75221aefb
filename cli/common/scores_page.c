/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/scores_page.c -- writes the page that explains a COCO score, with small pictures if there is a folder of
 * them.
 */
#include "cli/common/scores_page.h"

#include <string.h>
#include <sys/stat.h>

#include "datasets/datasets.h"
#include "report/report.h"

/* ---- thumbnails -------------------------------------------------------------------------------------------------- */

enum { THUMBNAIL_WIDTH = 420, QUALITY = 72 };

static char *base64(const char *prefix, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const size_t before = strlen(prefix);
    char *text = df_malloc(before + (size + 2) / 3 * 4 + 1), *to = text;
    if (!text)
        return NULL;
    memcpy(to, prefix, before);
    to += before;
    for (size_t i = 0; i < size; i += 3, to += 4) {
        const uint32_t three = (uint32_t)bytes[i] << 16 | (i + 1 < size ? (uint32_t)bytes[i + 1] << 8 : 0) |
                               (i + 2 < size ? bytes[i + 2] : 0);
        to[0] = digits[three >> 18];
        to[1] = digits[three >> 12 & 63];
        to[2] = i + 1 < size ? digits[three >> 6 & 63] : '=';
        to[3] = i + 2 < size ? digits[three & 63] : '=';
    }
    *to = 0;
    return text;
}

typedef struct {
    const char *images_dir;
    char *folder;  /* for one small file at a time */
} Thumbnails;

static int shrink_and_encode(const Thumbnails *t, const DfImage *image, char **uri)
{
    DfImage small = { 0 };
    DfFile file = { 0 };
    const int width = image->width < THUMBNAIL_WIDTH ? image->width : THUMBNAIL_WIDTH;
    const int height = (int)((long)image->height * width / image->width);
    char *path = df_path_join(t->folder, "thumbnail.jpg");
    int error = path ? df_resize_cv2(&small, image, height > 0 ? height : 1, width) : df_fail_memory("a path");
    if (error == DF_OK)
        error = df_image_write(&small, path, QUALITY);
    if (error == DF_OK)
        error = df_file_open(&file, path, DF_IMAGE_MAX_FILE);
    if (error == DF_OK && !(*uri = base64("data:image/jpeg;base64,", file.data, file.size)))
        error = df_fail_memory("a thumbnail");
    df_file_close(&file);
    df_image_free(&small);
    df_free(path);
    return error;
}

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
        error = shrink_and_encode(t, &image, uri);
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
        df_remove_folder(thumbnails.folder, (const char *const[]){ "thumbnail.jpg", NULL });
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
