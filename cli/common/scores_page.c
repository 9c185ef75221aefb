/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/scores_page.c -- writes the page that explains a COCO score, with thumbnails if there is a folder of
 * pictures.
 */
#include "cli/common/scores_page.h"

#include <string.h>
#include <sys/stat.h>

#include "cli/common/page_pictures.h"
#include "report/report.h"

enum { MOST_KEYS = 32 };

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

/* Keys of the image records, with commas. */
static int split_keys(DfArena *arena, const char *text, const char **keys, size_t *n)
{
    for (const char *at = text; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        const size_t length = strcspn(at, ",");
        if (length == 0 || *n == MOST_KEYS)
            return df_fail(CLI_EUSAGE, "--slice %s: want at most %d keys of the image records, with commas", text,
                           (int)MOST_KEYS);
        if (!(keys[(*n)++] = df_arena_copy(arena, at, length)))
            return df_fail_memory("options");
    }
    return DF_OK;
}

static int add_slices(DfExplain *why, const CliExplaining *x)
{
    const char *keys[MOST_KEYS];
    DfSlicing slicing = df_slicing();
    DfJson *json = NULL;
    DfArena *arena = df_arena_new();
    int error = arena ? DF_OK : df_fail_memory("options");
    for (int i = 0; error == DF_OK && x->slice && i < x->slice->n; i++)
        error = split_keys(arena, x->slice->v[i], keys, &slicing.n_keys);
    slicing.keys = keys;
    if (error == DF_OK && slicing.n_keys > 0)
        error = df_json_open(&json, x->gt_path);
    if (error == DF_OK)
        error = df_explain_slice(why, &slicing, json, x->pool);
    if (json)
        df_json_close(json);
    df_arena_free(arena);
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
    CliPagePictures pictures;
    char *html = NULL;
    int error = cli_page_pictures_open(&pictures, x->images_dir);
    df_explain_thumbnails(why, cli_page_picture, &pictures);
    if (error == DF_OK)
        error = df_report_explain(why, x->title, &html);
    if (error == DF_OK)
        error = cli_write_text(x->page_path, html);
    df_explain_thumbnails(why, NULL, NULL);
    cli_page_pictures_close(&pictures);
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
    if (error == DF_OK)
        error = add_slices(why, x);
    if (error == DF_OK)
        error = df_explain_suspect(why);
    if (error == DF_OK && eval->type == DF_COCO_MASKS)
        error = add_masks(why, x);
    if (error == DF_OK)
        error = write_page(why, x);
    if (error == DF_OK)
        error = df_explain_json(why, json);
    df_explain_free(why);
    return error;
}
