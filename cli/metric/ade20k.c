/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/metric/ade20k.c -- deformer metric ade20k: scores label maps in two folders of PNG files as mmseg does.
 *
 * Each thread takes the next pair and counts into its own accumulator; the sums have the same bits for any number of
 * threads.
 */
#include <string.h>

#include "cli/metric/map_names.h"
#include "datasets/datasets.h"
#include "report/report.h"

typedef struct {
    const char *gt_dir;
    const char *const *pred_dirs; /* shards: the first that has a prediction counts */
    size_t n_preds;
    CliFiles files;
    DfMiouParams params;
    struct Worker *workers;
    size_t n_workers;
} Run;

typedef struct Worker {
    DfMiou *acc, *one;     /* of all pairs, of the present one */
    DfImage label, pred;   /* the present one                  */
    DfImageScores *scores; /* with --per-image                 */
    size_t label_outside, pred_outside; /* files; SIZE_MAX: none */
    size_t repeated;                    /* predictions that a later folder has again */
} Worker;

/* ---- one pair ---------------------------------------------------------------------------------------------------- */

/* The path of the prediction for a label file: the same name, with the other suffix. */
static char *pred_path(const char *folder, const char *name)
{
    const size_t stem = strlen(name) - strlen(cli_metric.gt_suffix);
    const size_t suffix = strlen(cli_metric.pred_suffix);
    char *other = df_malloc(stem + suffix + 1);
    if (!other)
        return NULL;
    memcpy(other, name, stem);
    memcpy(other + stem, cli_metric.pred_suffix, suffix + 1);
    char *path = df_path_join(folder, other);
    df_free(other);
    return path;
}

/* The prediction in the first folder that has it; later ones are counted. */
static int find_pred(const Run *r, Worker *w, const char *name, const char *label_path, char **out)
{
    *out = NULL;
    for (size_t k = 0; k < r->n_preds; k++) {
        char *const path = pred_path(r->pred_dirs[k], name);
        if (!path)
            return df_fail_memory("a path");
        const bool there = df_file_exists(path);
        w->repeated += there && *out;
        if (there && !*out)
            *out = path;
        else
            df_free(path);
    }
    if (*out)
        return DF_OK;
    char *const path = pred_path(r->pred_dirs[0], name);
    const int error = df_fail(DF_EIO, "%s does not exist%s: want a prediction for %s", path ? path : name,
                              r->n_preds > 1 ? ", nor in the other folders" : "", label_path);
    df_free(path);
    return error;
}

/* The pair by itself, then into the sum. */
static int add_scored(const Run *r, Worker *w, size_t i, const DfImage *label, const DfImage *pred)
{
    DfMiouResult result;
    char name[512]; /* without the suffix, as eval names it */
    snprintf(name, sizeof name, "%.*s", (int)(strlen(r->files.name[i]) - strlen(cli_metric.gt_suffix)),
             r->files.name[i]);
    df_miou_clear(w->one);
    int error = df_miou_add_image(w->one, pred->pixels, label->pixels, (size_t)label->height, (size_t)label->width);
    if (error == DF_OK)
        error = df_miou_result(&result, w->one, &r->params);
    if (error == DF_OK)
        error = df_image_scores_add_areas(w->scores, name, &result);
    if (error == DF_OK)
        df_miou_merge(w->acc, w->one);
    return error;
}

static int add_pair(const Run *r, Worker *w, size_t i, const DfImage *label, const DfImage *pred,
                    const char *label_path, const char *path)
{
    if (label->height != pred->height || label->width != pred->width)
        return df_fail(DF_EVALUE, "%s is %d x %d and %s is %d x %d: want a prediction of the size of the labels",
                       path, pred->width, pred->height, label_path, label->width, label->height);
    const size_t n = df_image_bytes(label);
    const DfMiouParams plain = { .classes = r->params.classes, .ignore_index = -1 };
    if (w->label_outside == SIZE_MAX && df_miou_outside(&r->params, label->pixels, n))
        w->label_outside = i;
    if (w->pred_outside == SIZE_MAX && df_miou_outside(&plain, pred->pixels, n))
        w->pred_outside = i;
    if (!w->scores)
        return df_miou_add_image(w->acc, pred->pixels, label->pixels, (size_t)label->height, (size_t)label->width);
    return add_scored(r, w, i, label, pred);
}

static int read_pair(const Run *r, Worker *w, size_t i)
{
    DfImage *const label = &w->label, *const pred = &w->pred;
    char *label_path = df_path_join(r->gt_dir, r->files.name[i]);
    char *path = NULL;
    int error = label_path ? find_pred(r, w, r->files.name[i], label_path, &path) : df_fail_memory("a path");
    if (error == DF_OK)
        error = df_image_read_labels_again(label, label_path);
    if (error == DF_OK)
        error = df_image_read_labels_again(pred, path);
    if (error == DF_OK)
        error = add_pair(r, w, i, label, pred, label_path, path);
    df_free(label_path);
    df_free(path);
    return error;
}

static int take_pair(void *arg, size_t thread, size_t i)
{
    const Run *const r = arg;
    return read_pair(r, &r->workers[thread], i);
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

static bool wants_images(void)
{
    return cli_metric.per_image || cli_metric.explain;
}

static int make_workers(Run *r, int threads, const char *const *names)
{
    const double boundary = cli_metric.boundary ? cli_metric.boundary_ratio : 0;
    r->n_workers = (size_t)threads;
    if (!(r->workers = df_calloc(r->n_workers, sizeof *r->workers)))
        return df_fail_memory("counters");
    for (size_t t = 0; t < r->n_workers; t++) {
        Worker *w = &r->workers[t];
        w->label_outside = w->pred_outside = SIZE_MAX;
        int error = df_miou_new(&w->acc, boundary);
        if (error == DF_OK && wants_images() && (error = df_miou_new(&w->one, boundary)) == DF_OK)
            error = df_image_scores_new(&w->scores, DF_IMAGES_MIOU, r->params.classes, names);
        if (error < 0)
            return error;
    }
    return DF_OK;
}

/* Everything into the first worker. */
static int gather(Run *r)
{
    Worker *first = r->workers;
    for (size_t t = 0; t < r->n_workers; t++) {
        const Worker *w = &r->workers[t];
        first->label_outside = w->label_outside < first->label_outside ? w->label_outside : first->label_outside;
        first->pred_outside = w->pred_outside < first->pred_outside ? w->pred_outside : first->pred_outside;
        if (t > 0) {
            df_miou_merge(first->acc, w->acc);
            first->repeated += w->repeated;
        }
    }
    int error = DF_OK;
    for (size_t t = 1; error == DF_OK && first->scores && t < r->n_workers; t++)
        error = df_image_scores_merge(first->scores, r->workers[t].scores);
    return error;
}

static int count_pairs(Run *r, DfPool *pool, const char *const *names)
{
    int error = make_workers(r, df_pool_threads(pool), names);
    if (error == DF_OK)
        error = cli_each(pool, r->files.n, &(CliEach){ r, "pairs", take_pair });
    return error == DF_OK ? gather(r) : error;
}

static void warn(const Run *r, const DfMiouResult *result)
{
    const Worker *w = r->workers;
    if (w->repeated)
        df_log(DF_LOG_WARNING,
               "%zu predictions are in several folders: only those of the first folder count", w->repeated);
    if (result->label_outside)
        df_log(DF_LOG_WARNING, "%llu pixels have labels outside 0..%d (first in %s/%s)%s",
               (unsigned long long)result->label_outside, result->classes - 1, r->gt_dir,
               w->label_outside < r->files.n ? r->files.name[w->label_outside] : "?",
               r->params.reduce_zero_label ? "" : "; did you mean --reduce-zero-label?");
    if (result->pred_outside)
        df_log(DF_LOG_WARNING, "%llu pixels have predictions outside 0..%d (first for %s)%s",
               (unsigned long long)result->pred_outside, result->classes - 1,
               w->pred_outside < r->files.n ? r->files.name[w->pred_outside] : "?",
               r->params.reduce_zero_label ? ": predictions count classes from 0" : "");
}

/* The classes stand above an empty line. */
static void drop_classes(char *table)
{
    const char *const rest = strstr(table, "\n\n");
    if (rest)
        memmove(table, rest + 2, strlen(rest + 2) + 1);
}

static int print(const Run *r, const DfMiouResult *result, const CliLines *names)
{
    const char *const *name = names->n ? (const char *const *)names->line : NULL;
    char *table = NULL, *json = NULL;
    uint64_t *confusion = NULL;
    int error = cli_metric_wants_table() ? df_miou_table(result, name, &table) : DF_OK;
    if (error == DF_OK && table && !cli_metric.per_class)
        drop_classes(table);
    if (error == DF_OK && cli_metric.json && cli_metric.confusion)
        error = df_miou_confusion(&confusion, r->workers[0].acc, &r->params);
    if (error == DF_OK && cli_metric.json)
        error = df_miou_json(result, &r->params, name, &(DfMiouMore){ .confusion = confusion }, &json);
    df_free(confusion);
    return cli_metric_tell(error, table, json);
}

/* The classes have names, or else numbers. */
static int explain(const Run *r, const DfMiouResult *result)
{
    char numbers[DF_MIOU_CLASSES][8];
    char *html = NULL;
    const char *name[DF_MIOU_CLASSES];
    uint64_t *confusion = NULL;
    CliMapNames names;
    int error = cli_map_names(&names, r->gt_dir, r->pred_dirs[0], result->classes);
    for (int k = 0; k < result->classes; k++) {
        snprintf(numbers[k], sizeof numbers[k], "%d", k);
        name[k] = names.name ? names.name[k] : numbers[k];
    }
    if (error == DF_OK)
        error = df_miou_confusion(&confusion, r->workers[0].acc, &r->params);
    if (error == DF_OK)
        error = df_report_segmentation(&(DfSegmentationPage){ r->pred_dirs[0], result, name, !names.name, confusion,
                                                              r->workers[0].scores },
                                       &html);
    if (error == DF_OK)
        error = cli_write_text(cli_metric.explain, html);
    cli_map_names_done(&names);
    df_free(confusion);
    df_free(html);
    return error;
}

static int read_names(CliLines *names, int classes)
{
    if (!cli_metric.class_names)
        return DF_OK;
    const int error = cli_lines_read(names, cli_metric.class_names);
    if (error == DF_OK && names->n != (size_t)classes)
        return df_fail(DF_EVALUE, "%s has %zu lines: want the names of %d classes, one per line",
                       cli_metric.class_names, names->n, classes);
    return error;
}

static void take_options(DfMiouParams *p)
{
    *p = df_miou_params();
    p->classes = (int)cli_metric.num_classes;
    p->ignore_index = (int)cli_metric.ignore_index;
    p->reduce_zero_label = !cli_metric.no_reduce;
    p->open_last_bin = cli_metric.histc;
    p->beta = cli_metric.beta;
    p->nan_to_num = cli_metric.nan_to_num >= 0;
    p->nan_value = cli_metric.nan_to_num;
}

static int score(Run *r, DfPool *pool, const CliLines *names)
{
    DfMiouResult result;
    int error = cli_files_list(&r->files, r->gt_dir, cli_metric.gt_suffix);
    if (error == DF_OK && r->files.n == 0)
        error = df_fail(DF_EVALUE, "%s: no file ends in %s", r->gt_dir, cli_metric.gt_suffix);
    if (error == DF_OK)
        error = count_pairs(r, pool, names->n ? (const char *const *)names->line : NULL);
    if (error == DF_OK)
        error = df_miou_result(&result, r->workers[0].acc, &r->params);
    if (error == DF_OK) {
        warn(r, &result);
        error = print(r, &result, names);
    }
    if (error == DF_OK && cli_metric.explain)
        error = explain(r, &result);
    if (error == DF_OK && cli_metric.per_image)
        error = df_image_scores_write(r->workers[0].scores, cli_metric.per_image);
    return error;
}

static int run(int n, const char *const *args)
{
    Run r = { .gt_dir = args[0], .pred_dirs = args + 1, .n_preds = (size_t)n - 1 };
    DfPool *pool = NULL;
    CliLines names = { 0 };
    take_options(&r.params);
    int error =
        cli_check_outputs(3, (const char *const[]){ cli_metric.json, cli_metric.per_image, cli_metric.explain });
    if (error == DF_OK)
        error = read_names(&names, r.params.classes);
    if (error == DF_OK)
        error = df_pool_new(&pool, (int)cli.threads);
    if (error == DF_OK)
        error = score(&r, pool, &names);
    for (size_t t = 0; r.workers && t < r.n_workers; t++) {
        df_miou_free(r.workers[t].acc);
        df_miou_free(r.workers[t].one);
        df_image_free(&r.workers[t].label);
        df_image_free(&r.workers[t].pred);
        df_image_scores_free(r.workers[t].scores);
    }
    df_free(r.workers);
    cli_files_free(&r.files);
    cli_lines_free(&names);
    df_pool_free(pool);
    return error;
}

const CliSubcommand cli_metric_ade20k = { "ade20k", "GT_DIR PRED_DIR...", 2, -1, run };
