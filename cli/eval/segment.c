/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/eval/segment.c -- deformer eval of a segmentor: every picture of the test set becomes a label map, which is counted against the
 * annotation at once. With --out the maps are kept as PNG files, and those of a stopped run are counted instead of made again.
 */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/common/detector.h"
#include "cli/common/segmentor.h"
#include "cli/eval/eval.h"
#include "cli/eval/fingerprint.h"
#include "eval/eval.h"

enum { RUN_FILE = 1 << 16 };

typedef struct {
    const CliEval *o;
    CliSession *session;
    DfSegmentation *set;
    DfPipeline *pipeline;
    DfMiou *counts, *one;  /* of all pictures, of the present one */
    DfImageScores *scores; /* of each picture                     */
    DfMiouParams params;
    int *order;          /* what is still to do              */
    int n_order;
    long n, n_done;      /* that are asked for; of these done */
    long unreadable, outside;
} Run;

/* ---- opening ------------------------------------------------------------------------------------------------------- */

static int check_classes(const Run *r)
{
    const int n = df_model_classes(r->session->model), most = 256 - r->o->from_one;
    if (r->set->classes.n && r->set->classes.n != n)
        return df_fail(DF_EVALUE, "%s has %d classes and the head %d: set the dataset's `classes` or the head's num_classes", r->set->folder, r->set->classes.n, n);
    if (n > most)
        return df_fail(DF_EVALUE, "%d classes: label maps of one byte per pixel can hold at most %d", n, most);
    if (!r->set->label && !r->o->out_dir)
        return df_fail(DF_EVALUE, "%s has no ann_dir, so there is nothing to score: want one, or --out DIR for the label maps alone", r->set->type);
    return DF_OK;
}

static int open_run(Run *r)
{
    const DfModelLoad load = { .wrapper = r->o->wrapper, .allow_missing = r->o->allow_missing };
    int error = cli_test_pipeline(r->session, &r->pipeline);
    if (error == DF_OK)
        error = df_segmentation_from_config(&r->set, df_node_at(r->session->root, "data.test"), r->o->data_dir);
    if (error == DF_OK)
        error = check_classes(r);
    if (error == DF_OK)
        error = cli_check_output(r->o->json_path);
    if (error == DF_OK)
        error = cli_session_load(r->session, r->o->checkpoint, &load);
    if (error == DF_OK)
        error = df_miou_new(&r->counts, 0);
    if (error == DF_OK)
        error = df_miou_new(&r->one, 0);
    if (error < 0)
        return error;
    r->params = df_miou_params();
    r->params.classes = df_model_classes(r->session->model);
    r->params.ignore_index = r->set->ignore_index;
    r->params.reduce_zero_label = r->set->reduce_zero_label;
    return df_image_scores_new(&r->scores, DF_IMAGES_MIOU, r->params.classes, r->set->classes.n ? r->set->classes.name : NULL);
}

/* ---- counting ------------------------------------------------------------------------------------------------------ */

static void warn_outside(Run *r, int i, const DfImage *label)
{
    if (df_miou_outside(&r->params, label->pixels, df_image_bytes(label)) && r->outside++ < CLI_SHOWN)
        df_log(DF_LOG_WARNING, "%s has labels outside 0..%d%s", r->set->label[i], r->params.classes - 1,
               r->set->reduce_zero_label ? ", after 1 is subtracted" : "; did you mean reduce_zero_label=True?");
}

/* `pred` has one byte a pixel, counted from 0. */
static int count(Run *r, int i, const uint8_t *pred, int height, int width)
{
    DfImage label;
    if (!r->set->label)
        return DF_OK;
    int error = df_segmentation_label(r->set, i, height, width, &label);
    if (error < 0)
        return error;
    DfMiouResult result;
    warn_outside(r, i, &label);
    df_miou_clear(r->one);
    error = df_miou_add_image(r->one, pred, label.pixels, (size_t)height, (size_t)width);
    if (error == DF_OK)
        error = df_miou_result(&result, r->one, &r->params);
    if (error == DF_OK)
        error = df_image_scores_add_areas(r->scores, r->set->name[i], &result);
    if (error == DF_OK)
        df_miou_merge(r->counts, r->one);
    df_image_free(&label);
    return error;
}

static int count_labels(Run *r, int i, const uint16_t *labels, int height, int width)
{
    const size_t n = (size_t)height * (size_t)width;
    uint8_t *pred = df_malloc(n);
    if (!pred)
        return df_fail_memory("a label map");
    for (size_t k = 0; k < n; k++)
        pred[k] = (uint8_t)labels[k];
    const int error = count(r, i, pred, height, width);
    df_free(pred);
    return error;
}

/* ---- what an earlier run left --------------------------------------------------------------------------------------- */

static char *map_path(const Run *r, int i)
{
    char *stem = cli_join(r->o->out_dir, r->set->name[i]), *path = stem ? df_malloc(strlen(stem) + sizeof ".png") : NULL;
    if (path)
        snprintf(path, strlen(stem) + sizeof ".png", "%s.png", stem);
    else
        df_fail_memory("a path");
    df_free(stem);
    return path;
}

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    return a && b && stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int count_map(Run *r, int i, const char *path)
{
    DfImage map;
    int error = df_image_read_labels(&map, path);
    if (error < 0)
        return error;
    for (size_t k = 0; k < df_image_bytes(&map); k++)
        map.pixels[k] = (uint8_t)(map.pixels[k] - r->o->from_one);
    error = count(r, i, map.pixels, map.height, map.width);
    df_image_free(&map);
    return error;
}

/* Counts the map of picture i if it may be used, else plans to make it. */
static int take_map(Run *r, int i, bool resumed)
{
    char *path = r->o->out_dir ? map_path(r, i) : NULL;
    int error = r->o->out_dir && !path ? DF_ENOMEM : DF_OK;
    const bool there = path && df_file_exists(path);
    if (there && (same_file(path, r->set->picture[i]) || (r->set->label && same_file(path, r->set->label[i]))))
        error = df_fail(DF_EVALUE, "--out %s: %s would be replaced", r->o->out_dir, path);
    else if (there && resumed)
        error = count_map(r, i, path);
    else if (there && !r->o->fresh)
        error = df_fail(DF_EVALUE, "%s already exists and is not from a known run: want another --out, or --fresh", path);
    else if (there && unlink(path) != 0)
        error = df_fail_errno("%s", path);
    if (error == DF_OK && there && resumed)
        r->n_done++;
    else if (error == DF_OK)
        r->order[r->n_order++] = i;
    df_free(path);
    return error;
}

static int choose_pictures(Run *r, bool resumed)
{
    int shard, shards, error = cli_read_shard(r->o->shard, &shard, &shards);
    const int total = r->set->n, n = r->o->limit > 0 && r->o->limit < total ? (int)r->o->limit : total;
    if (error == DF_OK && !(r->order = df_malloc(((size_t)total + 1) * sizeof *r->order)))
        error = df_fail_memory("the list of pictures");
    for (int64_t i = shard - 1; error == DF_OK && i < n; i += shards, r->n++)
        error = take_map(r, (int)i, resumed);
    if (error == DF_OK && r->n == 0)
        error = df_fail(DF_EVALUE, "%s: %d pictures, none of them in this shard", r->set->folder, total);
    return error;
}

/* DIR/run.json says what the maps are of. The names are for the reader; the fingerprint is compared. */
static char *describe(const Run *r, char fingerprint[64])
{
    snprintf(fingerprint, 64, "%016" PRIx64 "-%016" PRIx64 "-%016" PRIx64 "-%d", cli_hash_settings(r->session->root), cli_hash_weights(r->session->model),
             cli_hash_segmentation(r->set), r->o->from_one);
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "config", r->o->config);
    cJSON_AddStringToObject(json, "checkpoint", r->o->checkpoint);
    cJSON_AddNumberToObject(json, "first_class", r->o->from_one);
    cJSON_AddStringToObject(json, "fingerprint", fingerprint);
    char *text = cJSON_Print(json);
    cJSON_Delete(json);
    return text;
}

/* `resumed`: the folder is of the same run. It is said to be of this one only after its maps were looked at. */
static int check_folder(const Run *r, const char *path, const char *fingerprint, bool *resumed)
{
    char *before;
    size_t size;
    *resumed = false;
    if (r->o->fresh || !df_file_exists(path))
        return DF_OK;
    const int error = df_file_text(&before, &size, path, RUN_FILE);
    if (error < 0)
        return error;
    *resumed = strstr(before, fingerprint) != NULL;
    df_free(before);
    return *resumed ? DF_OK : df_fail(DF_EVALUE, "%s is from a run with other settings, weights or data: want another --out, or --fresh", path);
}

static int choose_and_mark(Run *r)
{
    if (!r->o->out_dir)
        return choose_pictures(r, false);
    bool resumed = false;
    char fingerprint[64], *text = describe(r, fingerprint), *path = cli_join(r->o->out_dir, "run.json");
    int error = text && path ? df_make_directory(r->o->out_dir) : df_fail_memory("a run");
    if (error == DF_OK)
        error = check_folder(r, path, fingerprint, &resumed);
    if (error == DF_OK)
        error = choose_pictures(r, resumed);
    if (error == DF_OK && !resumed)
        error = cli_write_text(path, text);
    cJSON_free(text);
    df_free(path);
    return error;
}

/* ---- the run ------------------------------------------------------------------------------------------------------- */

/* A picture that cannot be read is not counted. Labels that do not fit and a network that fails end the run. */
static int take_sample(void *run, const DfSample *sample)
{
    Run *r = run;
    uint16_t *labels;
    const int height = sample->views.view[0].meta.ori_h, width = sample->views.view[0].meta.ori_w;
    int error = cli_segment(r->session, sample, &labels);
    if (error == DF_OK)
        error = count_labels(r, sample->index, labels, height, width);
    if (error == DF_OK && r->o->out_dir)
        error = cli_write_classes(r->o->out_dir, r->set->name[sample->index], labels, height, width, r->o->from_one);
    df_free(labels);
    return error;
}

static int run_pictures(Run *r)
{
    const DfLoading loading = { .pipeline = r->pipeline, .paths = r->set->picture, .order = r->order, .n = r->n_order, .threads = 1, .ahead = 2 };
    CliEvalImages images = { .loading = loading, .n = r->n, .done = r->n_done, .kept = r->o->out_dir, .take = take_sample, .run = r };
    const int error = cli_eval_images(&images);
    r->unreadable = images.unreadable;
    return error;
}

static int print_scores(const Run *r)
{
    DfMiouResult result;
    char *table = NULL, *json = NULL;
    const char *const *names = r->set->classes.n ? r->set->classes.name : NULL;
    int error = df_miou_result(&result, r->counts, &r->params);
    if (error == DF_OK && !(r->o->json_path && strcmp(r->o->json_path, "-") == 0) && (error = df_miou_table(&result, names, &table)) == DF_OK)
        printf("%s", table);
    if (error == DF_OK && r->o->json_path && (error = df_miou_json(&result, &r->params, names, NULL, &json)) == DF_OK)
        error = cli_write_text(r->o->json_path, json);
    df_free(table);
    df_free(json);
    return error;
}

/* What a comparison of runs draws its intervals from. */
static int write_scores(const Run *r)
{
    char *path = r->o->out_dir ? cli_join(r->o->out_dir, "results.miou.json") : NULL;
    int error = !r->o->out_dir || path ? DF_OK : df_fail_memory("a path");
    if (path)
        error = df_image_scores_write(r->scores, path);
    df_free(path);
    return error;
}

static int score(const Run *r)
{
    if (r->unreadable)
        df_log(DF_LOG_WARNING, "%ld of %ld images could not be read and are not counted", r->unreadable, r->n);
    if (r->outside > CLI_SHOWN)
        df_log(DF_LOG_WARNING, "%ld label maps have labels that are not a class", r->outside);
    if (!r->set->label)
        return DF_OK;
    const int error = write_scores(r);
    return error < 0 ? error : print_scores(r);
}

int cli_eval_segmentor(CliSession *session, const CliEval *o)
{
    Run r = { .o = o, .session = session };
    int error = open_run(&r);
    if (error == DF_OK)
        error = choose_and_mark(&r);
    if (error == DF_OK)
        error = run_pictures(&r);
    if (error == DF_OK)
        error = score(&r);
    df_miou_free(r.counts);
    df_miou_free(r.one);
    df_image_scores_free(r.scores);
    df_pipeline_free(r.pipeline);
    df_segmentation_free(r.set);
    df_free(r.order);
    return error;
}
