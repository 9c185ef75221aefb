/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/evaluate_segmentor.c -- the test set of a segmentor: every picture becomes a label map, which is compared
 * with the annotation at once. With a results folder the maps are kept as PNG files, and a resumed run reads those of
 * the stopped one instead of computing them again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inference/evaluation.h"
#include "inference/fingerprint.h"
#include "inference/label_map.h"

enum { RUN_FILE = 1 << 16 };

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static int check_classes(const DfEvaluation *e)
{
    const int n = df_detector_classes(e->detector);
    const int most = 256 - e->o.first_class;
    if (e->set->classes.n && e->set->classes.n != n)
        return df_fail(DF_EVALUE,
                       "%s has %d classes and the head %d: set the dataset's `classes` or the head's num_classes",
                       e->set->folder, e->set->classes.n, n);
    if (n > most)
        return df_fail(DF_EVALUE, "%d classes: label maps of one byte per pixel can hold at most %d", n, most);
    if (!e->set->label && !e->o.out_dir)
        return df_fail(
            DF_EVALUE,
            "%s has no ann_dir, so there is nothing to score: want one, or --out DIR for the label maps alone",
            e->set->type);
    return DF_OK;
}

/* Of a set that is made of several, each is counted by itself, too. */
static int open_parts(DfEvaluation *e)
{
    const int n = e->set->n_parts;
    int error = DF_OK;
    if (n < 2)
        return DF_OK;
    e->part = df_calloc((size_t)n, sizeof *e->part);
    e->of_part = df_calloc((size_t)n, sizeof *e->of_part);
    if (!e->part || !e->of_part)
        return df_fail_memory("the scores of parts");
    e->n_parts = n;
    for (int i = 0; error == DF_OK && i < n; i++) {
        e->part[i].path = e->set->part[i].path;
        error = df_miou_new(&e->of_part[i], 0);
    }
    return error;
}

static int part_of(const DfEvaluation *e, int picture)
{
    int i = 0;
    while (i + 1 < e->n_parts && picture >= e->set->part[i + 1].first)
        i++;
    return i;
}

static int open_set(DfEvaluation *e)
{
    int error = df_segmentation_from_config(&e->set, df_evaluation_dataset(e), e->o.data_dir);
    if (error == DF_OK)
        error = check_classes(e);
    if (error == DF_OK)
        error = df_miou_new(&e->counts, 0);
    if (error == DF_OK)
        error = df_miou_new(&e->one, 0);
    if (error == DF_OK)
        error = open_parts(e);
    if (error < 0)
        return error;
    e->miou.params = df_miou_params();
    e->miou.params.classes = df_detector_classes(e->detector);
    e->miou.params.ignore_index = e->set->ignore_index;
    e->miou.params.reduce_zero_label = e->set->reduce_zero_label;
    e->miou.names = e->set->classes.n ? e->set->classes.name : NULL;
    return df_image_scores_new(&e->scores, DF_IMAGES_MIOU, e->miou.params.classes, e->miou.names);
}

/* ---- counting ---------------------------------------------------------------------------------------------------- */

static void warn_outside(DfEvaluation *e, int i, const DfImage *label)
{
    if (df_miou_outside(&e->miou.params, label->pixels, df_image_bytes(label)) && e->outside++ < SHOWN)
        df_log(DF_LOG_WARNING, "%s has labels outside 0..%d%s", e->set->label[i], e->miou.params.classes - 1,
               e->set->reduce_zero_label ? ", after 1 is subtracted" : "; did you mean reduce_zero_label=True?");
}

/* `pred` has one byte a pixel, counted from 0. */
static int count(DfEvaluation *e, int i, const uint8_t *pred, int height, int width)
{
    DfImage label;
    if (!e->set->label)
        return DF_OK;
    int error = df_segmentation_label(e->set, i, height, width, &label);
    if (error < 0)
        return error;
    DfMiouResult result;
    warn_outside(e, i, &label);
    df_miou_clear(e->one);
    error = df_miou_add_image(e->one, pred, label.pixels, (size_t)height, (size_t)width);
    if (error == DF_OK)
        error = df_miou_result(&result, e->one, &e->miou.params);
    if (error == DF_OK)
        error = df_image_scores_add_areas(e->scores, e->set->name[i], &result);
    if (error == DF_OK)
        df_miou_merge(e->counts, e->one);
    if (error == DF_OK && e->n_parts) {
        df_miou_merge(e->of_part[part_of(e, i)], e->one);
        e->part[part_of(e, i)].images++;
    }
    df_image_free(&label);
    return error;
}

static int count_labels(DfEvaluation *e, int i, const uint16_t *labels, int height, int width)
{
    const size_t n = (size_t)height * (size_t)width;
    uint8_t *pred = df_malloc(n);
    if (!pred)
        return df_fail_memory("a label map");
    for (size_t k = 0; k < n; k++)
        pred[k] = (uint8_t)labels[k];
    const int error = count(e, i, pred, height, width);
    df_free(pred);
    return error;
}

/* ---- what an earlier run left ------------------------------------------------------------------------------------ */

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    return a && b && stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int count_map(DfEvaluation *e, int i, const char *path)
{
    DfImage map;
    int error = df_image_read_labels(&map, path);
    if (error < 0)
        return error;
    for (size_t k = 0; k < df_image_bytes(&map); k++)
        map.pixels[k] = (uint8_t)(map.pixels[k] - e->o.first_class);
    error = count(e, i, map.pixels, map.height, map.width);
    df_image_free(&map);
    return error;
}

static bool is_of_the_data(const DfEvaluation *e, int i, const char *path)
{
    return same_file(path, e->set->picture[i]) || (e->set->label && same_file(path, e->set->label[i]));
}

/* What is at `path` is not of this run. */
static int make_room(const DfEvaluation *e, const char *path)
{
    if (!e->o.fresh)
        return df_fail(DF_EVALUE, "%s already exists and is not from a known run: want another --out, or --fresh",
                       path);
    return unlink(path) != 0 ? df_fail_errno("%s", path) : df_sync_folder_of(path);
}

/* Counts the map of picture i if it may be used, else plans to make it. */
static int take_map(DfEvaluation *e, int i, bool resumed)
{
    char *path = NULL;
    int error = e->o.out_dir ? df_label_map_path(&path, e->o.out_dir, e->set->name[i]) : DF_OK;
    if (error == DF_EVALUE)
        return df_fail_in(error, "%s: ", e->set->listed_in);
    const bool there = error == DF_OK && path && df_file_exists(path);
    if (there && is_of_the_data(e, i, path))
        error = df_fail(DF_EVALUE, "--out %s: %s would be replaced", e->o.out_dir, path);
    else if (there)
        error = resumed ? count_map(e, i, path) : make_room(e, path);
    if (error == DF_OK && there && resumed)
        e->n_done++;
    else if (error == DF_OK)
        e->order[e->n_order++] = i;
    df_free(path);
    return error;
}

static int choose_pictures(DfEvaluation *e, bool resumed)
{
    const int total = e->set->n;
    const EvaluationPart part = df_evaluation_part(&e->o, total);
    int error = DF_OK;
    if (!(e->order = df_malloc(((size_t)total + 1) * sizeof *e->order)))
        return df_fail_memory("the list of pictures");
    for (int64_t i = part.first; error == DF_OK && i < part.end; i += part.step, e->n++)
        error = take_map(e, (int)i, resumed);
    if (error == DF_OK && e->n == 0 && !e->o.ranks)
        error = df_fail(DF_EVALUE, "%s: %d pictures, none of them in this shard", e->set->folder, total);
    return error;
}

/* DIR/run.json says what the maps are of. The names are for the reader; the fingerprint is compared. */
static int describe(const DfEvaluation *e, char fingerprint[64], char **out)
{
    DfDetector *d = e->detector;
    DfTextbuf json = { 0 };
    uint64_t weights;
    const int error = df_hash_weights(df_detector_model(d), &weights);
    if (error < 0)
        return error;
    snprintf(fingerprint, 64, "%016" PRIx64 "-%016" PRIx64 "-%016" PRIx64 "-%d",
             df_hash_settings(d), weights, df_hash_segmentation(e->set), e->o.first_class);
    df_textbuf_add(&json, "{\n\t\"config\":\t");
    df_textbuf_json(&json, df_detector_config_path(d));
    df_textbuf_add(&json, ",\n\t\"checkpoint\":\t");
    df_textbuf_json(&json, df_detector_checkpoint_path(d) ? df_detector_checkpoint_path(d) : "");
    df_textbuf_add(&json, ",\n\t\"first_class\":\t%d,\n\t\"fingerprint\":\t\"%s\"\n}", e->o.first_class, fingerprint);
    return df_textbuf_take(&json, out);
}

/* `resumed`: the folder is of the same run. It is said to be of this one only after its maps were looked at. */
static int check_folder(const DfEvaluation *e, const char *path, const char *fingerprint, bool *resumed)
{
    char *before;
    size_t size;
    *resumed = false;
    if (e->o.fresh || !df_file_exists(path))
        return DF_OK;
    const int error = df_file_text(&before, &size, path, RUN_FILE);
    if (error < 0)
        return error;
    *resumed = strstr(before, fingerprint) != NULL;
    df_free(before);
    return *resumed ? DF_OK
                    : df_fail(DF_EVALUE,
                              "%s is from a run with other settings, weights or data: want another --out, or --fresh",
                              path);
}

static int begin(DfEvaluation *e)
{
    if (!e->o.out_dir)
        return choose_pictures(e, false);
    bool resumed = false;
    char fingerprint[64];
    char *text = NULL;
    char *path = df_path_join(e->o.out_dir, "run.json");
    int error = path ? describe(e, fingerprint, &text) : df_fail_memory("a path");
    if (error == DF_OK)
        error = df_make_directory(e->o.out_dir);
    if (error == DF_OK)
        error = check_folder(e, path, fingerprint, &resumed);
    if (error == DF_OK)
        error = choose_pictures(e, resumed);
    if (error == DF_OK && !resumed)
        error = df_file_write_text(path, text);
    df_free(text);
    df_free(path);
    return error;
}

/* ---- the run ----------------------------------------------------------------------------------------------------- */

static const char *const *pictures(const DfEvaluation *e)
{
    return e->set->picture;
}

/* Labels that do not fit and a network that fails end the run. */
static int take(DfEvaluation *e, int index, DfResult *result)
{
    const int error = count_labels(e, index, result->label_map, result->height, result->width);
    if (error < 0 || !e->o.out_dir)
        return error;
    return df_label_map_write(e->o.out_dir, e->set->name[index], result->label_map, result->height, result->width,
                              e->o.first_class);
}

/* What a comparison of runs draws its intervals from. */
static int write_scores(const DfEvaluation *e)
{
    if (!e->o.out_dir)
        return DF_OK;
    char *path = df_path_join(e->o.out_dir, "results.miou.json");
    const int error = path ? df_image_scores_write(e->scores, path) : df_fail_memory("a path");
    df_free(path);
    return error;
}

static int gather(DfEvaluation *e)
{
    const EvaluationPart part = df_evaluation_part(&e->o, e->set->n);
    e->n = (long)(part.end - part.first);
    int error = df_miou_gather(e->counts, e->o.ranks);
    for (int i = 0; error == DF_OK && i < e->n_parts; i++)
        error = df_miou_gather(e->of_part[i], e->o.ranks);
    return error;
}

static int score(DfEvaluation *e)
{
    if (e->unreadable)
        df_log(DF_LOG_WARNING, "%ld of %ld images could not be read and are not counted", e->unreadable, e->n);
    if (e->outside > SHOWN)
        df_log(DF_LOG_WARNING, "%ld label maps have labels that are not a class", e->outside);
    if (!e->set->label)
        return DF_OK;
    int error = write_scores(e);
    if (error == DF_OK)
        error = df_miou_result(&e->miou.result, e->counts, &e->miou.params);
    for (int i = 0; error == DF_OK && i < e->n_parts; i++)
        error = df_miou_result(&e->part[i].miou, e->of_part[i], &e->miou.params);
    return error;
}

static void close_all(DfEvaluation *e)
{
    for (int i = 0; e->of_part && i < e->n_parts; i++)
        df_miou_free(e->of_part[i]);
    df_free(e->of_part);
    df_miou_free(e->counts);
    df_miou_free(e->one);
    df_image_scores_free(e->scores);
    df_segmentation_free(e->set);
}

const EvaluationKind df_evaluation_of_segmentor = {
    .open = open_set,
    .begin = begin,
    .take = take,
    .gather = gather,
    .score = score,
    .close = close_all,
    .pictures = pictures,
    .ahead = 2, /* with test-time augmentation a picture has twelve views */
};
