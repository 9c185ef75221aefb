/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/compare/runs.c -- finds the results in a run, and compares those of one kind.
 */
#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

#include "cli/compare/options.h"
#include "cli/compare/runs.h"
#include "cli/compare/runs_page.h"
#include "inference/inference.h"

enum { MOST_NUMBERS = 1 << 26 }; /* bytes of a file of numbers */

static const struct {
    const char *key;
    const char *metric;
    const char *file;   /* in the --out folder of an eval                                              */
    const char *number; /* the metric's key in a file of numbers; NULL: COCO's, stats[0] under the kind */
    bool coco;
} kinds[CLI_RUN_KINDS] = {
    [CLI_RUN_BBOX] = { "bbox", "AP",      "results.bbox.json", NULL,   true  },
    [CLI_RUN_SEGM] = { "segm", "mask AP", "results.segm.json", NULL,   true  },
    [CLI_RUN_MIOU] = { "miou", "mIoU",    "results.miou.json", "mIoU", false },
    [CLI_RUN_TOPK] = { "topk", "top-1",   "results.topk.json", "top1", false },
};

const char *cli_run_key(CliRunKind kind)
{
    return kinds[kind].key;
}

const char *cli_run_metric(CliRunKind kind)
{
    return kinds[kind].metric;
}

/* ---- what a file is -------------------------------------------------------------------------------------------- */

typedef enum { COCO_RESULTS, IMAGE_SCORES, NUMBERS } Form;

/* From its first bytes. `kind`: of scores of images. */
static int form_of(const char *path, Form *form, CliRunKind *kind)
{
    static const char *const number_keys[] = { "bbox", "segm", "proposal", "aAcc", "top1" };
    DfJson *json;
    DfJsonValue v;
    int error = df_json_open(&json, path);
    if (error < 0)
        return error;
    DfJsonEvent event = df_json_next(json, &v);
    bool known = event == DF_JSON_ARRAY;
    *form = COCO_RESULTS;
    if (event == DF_JSON_OBJECT && (event = df_json_next(json, &v)) == DF_JSON_KEY && strcmp(v.text, "type") == 0) {
        *form = IMAGE_SCORES;
        event = df_json_next(json, &v);
        for (int k = CLI_RUN_MIOU; event == DF_JSON_TEXT && k <= CLI_RUN_TOPK; k++)
            if (strcmp(v.text, kinds[k].key) == 0) {
                *kind = (CliRunKind)k;
                known = true;
            }
    } else if (event == DF_JSON_KEY) {
        *form = NUMBERS;
        for (size_t i = 0; i < sizeof number_keys / sizeof *number_keys; i++)
            known |= strcmp(v.text, number_keys[i]) == 0;
    }
    if (!known && event == DF_JSON_ERROR)
        error = df_json_error(json);
    else if (!known)
        error = df_fail(DF_EFORMAT,
                        "%s holds no results: want the --out folder of an eval, a file from it, COCO results, or what "
                        "--json wrote", path);
    df_json_close(json);
    return error;
}

bool cli_run_wanted(CliRunKind kind, bool otherwise)
{
    const size_t length = strlen(kinds[kind].key);
    if (!cli_compare.type)
        return otherwise;
    for (const char *at = cli_compare.type; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strcspn(at, ",") == length && strncmp(at, kinds[kind].key, length) == 0)
            return true;
    return false;
}

static int file_in_folder(const char *folder, CliRunKind kind, char **file)
{
    if (!cli_run_wanted(kind, true))
        return DF_OK;
    if (!(*file = df_path_join(folder, kinds[kind].file)))
        return df_fail_memory("a path");
    if (!df_file_exists(*file)) {
        df_free(*file);
        *file = NULL;
    }
    return DF_OK;
}

int cli_run_file(const char *run, CliRunKind kind, char **file)
{
    Form form;
    CliRunKind of = kind;
    *file = NULL;
    if (df_is_directory(run))
        return file_in_folder(run, kind, file);
    const int error = form_of(run, &form, &of);
    if (error < 0 || form == NUMBERS || of != kind || kinds[kind].coco != (form == COCO_RESULTS))
        return error;
    /* A COCO file does not say whether boxes or masks are meant: boxes, if nobody asks for masks. */
    if (!cli_run_wanted(kind, form == IMAGE_SCORES || kind == CLI_RUN_BBOX))
        return DF_OK;
    return (*file = df_path_join("", run)) ? DF_OK : df_fail_memory("a path");
}

/* ---- numbers --------------------------------------------------------------------------------------------------- */

int cli_run_number(const char *run, CliRunKind kind, double *value)
{
    Form form;
    CliRunKind of = kind;
    char *text;
    size_t size;
    *value = (double)NAN;
    int error = df_is_directory(run) ? DF_OK : form_of(run, &form, &of);
    if (error < 0 || df_is_directory(run) || form != NUMBERS || !cli_run_wanted(kind, true))
        return error;
    if ((error = df_file_text(&text, &size, run, MOST_NUMBERS)) < 0)
        return error;
    cJSON *json = cJSON_Parse(text);
    const cJSON *at;
    if (kinds[kind].coco) {
        const cJSON *of_kind = cJSON_GetObjectItemCaseSensitive(json, kinds[kind].key);
        at = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(of_kind, "stats"), 0);
    } else {
        at = cJSON_GetObjectItemCaseSensitive(json, kinds[kind].number);
    }
    if (cJSON_IsNumber(at))
        *value = at->valuedouble;
    if (!json)
        error = df_fail(DF_EFORMAT, "%s: not JSON", run);
    cJSON_Delete(json);
    df_free(text);
    return error;
}

/* ---- results of one kind --------------------------------------------------------------------------------------- */

/* Files by name, to be compared with these settings. */
typedef struct {
    const char *const *files, *const *names;
    size_t n;
    const DfCompareParams *params;
    DfPool *pool;
    bool miou;
} Comparison;

/* Image ids, ascending; NULL: all of the ground truth. */
typedef struct {
    int64_t *ids;
    size_t n;
} Images;

/* The images that the run of a results file did. Only a file of a run tells: a file by another name may hold more. */
static int images_of(Images *out, const char *file)
{
    const char *name = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
    *out = (Images){ 0 };
    if (strcmp(name, kinds[CLI_RUN_BBOX].file) != 0 && strcmp(name, kinds[CLI_RUN_SEGM].file) != 0)
        return DF_OK;
    char *folder = df_path_join("", file);
    if (!folder)
        return df_fail_memory("a path");
    folder[name - file] = 0;
    const int error = df_images_scored(&out->ids, &out->n, folder[0] ? folder : ".");
    df_free(folder);
    return error;
}

/* Leaves those that are in both. */
static void keep_common(Images *all, const Images *more)
{
    size_t n = 0;
    for (size_t i = 0, k = 0; i < all->n; i++) {
        while (k < more->n && more->ids[k] < all->ids[i])
            k++;
        if (k < more->n && more->ids[k] == all->ids[i])
            all->ids[n++] = all->ids[i];
    }
    all->n = n;
}

/* The images that all runs did: one that a run never looked at is not one in which it found nothing. */
static int common_images(Images *out, const Comparison *of)
{
    int error = DF_OK;
    *out = (Images){ 0 };
    for (size_t i = 0; error == DF_OK && i < of->n; i++) {
        Images images;
        error = images_of(&images, of->files[i]);
        if (!out->ids) {
            *out = images;
            continue;
        }
        if (images.ids)
            keep_common(out, &images);
        df_free(images.ids);
    }
    if (error == DF_OK && out->ids && out->n == 0)
        error = df_fail(DF_EVALUE, "the runs have no image in common: want runs of the same images");
    return error;
}

static void tell_images(const Images *images, const DfCoco *gt)
{
    if (images->ids && images->n < df_coco_images(gt))
        df_log(DF_LOG_WARNING, "%zu of the %zu images of %s are compared: those that are in every run", images->n,
               df_coco_images(gt), cli_compare.gt);
}

static int compare_coco(DfCompare **out, const Comparison *of)
{
    const size_t n = of->n;
    DfCoco *gt = NULL;
    Images images = { 0 };
    DfCompareParams params = *of->params;
    DfCocoResults **results = df_calloc(n, sizeof *results);
    if (!results)
        return df_fail_memory("results");
    int error = common_images(&images, of);
    if (error == DF_OK)
        error = df_coco_open_with(&gt, cli_compare.gt,
                                  &(DfCocoReading){ .pool = of->pool,
                                                    .masks = params.masks,
                                                    .across_classes = cli_compare.explain != NULL });
    if (error == DF_OK)
        tell_images(&images, gt);
    params.image_ids = images.ids;
    params.n_image_ids = images.n;
    for (size_t i = 0; error == DF_OK && i < n; i++)
        if ((error = df_coco_results_new(&results[i], gt)) == DF_OK)
            error = df_coco_results_read(results[i], of->files[i]);
    if (error == DF_OK)
        error = df_compare_new(out, (const DfCocoResults *const *)results, of->names, n, &params, of->pool);
    if (error == DF_OK)
        error = cli_runs_page(&(CliRunsPage){ .compare = *out,
                                              .files = of->files,
                                              .n = n,
                                              .results = results,
                                              .masks = params.masks,
                                              .image_ids = images.ids,
                                              .n_image_ids = images.n,
                                              .pool = of->pool });
    for (size_t i = 0; i < n; i++)
        df_coco_results_free(results[i]);
    df_free(results);
    df_free(images.ids);
    df_coco_free(gt);
    return error;
}

static int compare_images(DfCompare **out, const Comparison *of)
{
    const size_t n = of->n;
    DfImageScores **scores = df_calloc(n, sizeof *scores);
    if (!scores)
        return df_fail_memory("results");
    int error = DF_OK;
    for (size_t i = 0; error == DF_OK && i < n; i++)
        error = df_image_scores_read(&scores[i], of->files[i]);
    if (error == DF_OK)
        error = df_compare_images(out, (const DfImageScores *const *)scores, of->names, n, of->params, of->pool);
    if (error == DF_OK)
        error = cli_runs_page(&(CliRunsPage){
            .compare = *out, .files = of->files, .n = n, .images = of->miou ? scores : NULL, .pool = of->pool });
    for (size_t i = 0; i < n; i++)
        df_image_scores_free(scores[i]);
    df_free(scores);
    return error;
}

int cli_run_compare(DfCompare **out, CliRunKind kind, const char *const *files, const char *const *names, size_t n,
                    DfPool *pool)
{
    const DfCompareParams params = {
        .masks = kind == CLI_RUN_SEGM,
        .replicates = (size_t)cli_compare.replicates,
        .seed = (uint64_t)cli_compare.seed,
        .confidence = cli_compare.confidence,
    };
    const Comparison of = { files, names, n, &params, pool, kind == CLI_RUN_MIOU };
    *out = NULL;
    if (!kinds[kind].coco)
        return compare_images(out, &of);
    if (!cli_compare.gt)
        return df_fail(CLI_EUSAGE, "want --gt GT.json, the annotation file of these results");
    return compare_coco(out, &of);
}
