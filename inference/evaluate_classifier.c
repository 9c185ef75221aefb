/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/evaluate_classifier.c -- the test set of a classifier: top-1 and top-5 accuracy, and accuracy with several
 * right labels (ReaL).
 */
#include <stdlib.h>
#include <string.h>

#include "inference/evaluation.h"
#include "inference/fingerprint.h"
#include "inference/parts.h"

/* ---- the data ---------------------------------------------------------------------------------------------------- */

static int read_real(DfEvaluation *e)
{
    DfJson *json;
    int error = df_json_open(&json, e->o.real_labels);
    if (error < 0)
        return error;
    error = df_real_labels_read(&e->real, json, df_detector_classes(e->detector));
    df_json_close(json);
    if (error < 0 || e->real.n == (size_t)e->pictures->n)
        return error;
    return df_fail(DF_EVALUE, "%s has labels of %zu pictures: want one list for each of the %d of %s", e->o.real_labels,
                   e->real.n, e->pictures->n, e->pictures->folder);
}

/* Where the data name no class they are called as the network calls them: ImageNet's, the checkpoint's. */
static int take_names(DfEvaluation *e)
{
    DfClassification *set = e->pictures;
    const int n = df_detector_classes(e->detector);
    const char **names = df_arena_alloc(set->arena, (size_t)n, sizeof *names);
    for (int i = 0; names && i < n; i++)
        names[i] = df_detector_class_name(e->detector, i);
    set->classes = (DfClasses){ .n = n, .name = names };
    return names ? DF_OK : df_fail_memory("class names");
}

static int open_set(DfEvaluation *e)
{
    const int n = df_detector_classes(e->detector);
    const DfClasses *given = e->detector->names_given ? &e->detector->classes : NULL;
    const int error = df_classification_from_config(&e->pictures, df_evaluation_dataset(e), e->o.data_dir, given);
    if (error < 0)
        return error;
    if (e->pictures->classes.n != n && !(e->pictures->numbered && e->pictures->classes.n < n))
        return df_fail(DF_EVALUE, "%s has %d classes and the network %d: set the backbone's or the head's num_classes",
                       e->pictures->folder, e->pictures->classes.n, n);
    return e->o.real_labels ? read_real(e) : DF_OK;
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(name_of(*(const char *const *)a), name_of(*(const char *const *)b));
}

/* Real labels stand in the order of the pictures' names: where[i] is the place of picture i among them. */
static int place_pictures(const DfClassification *set, size_t *where)
{
    const char **sorted = df_malloc(((size_t)set->n + 1) * sizeof *sorted);
    if (!sorted)
        return df_fail_memory("the order of the real labels");
    memcpy(sorted, set->picture, (size_t)set->n * sizeof *sorted);
    qsort(sorted, (size_t)set->n, sizeof *sorted, by_name);
    for (int i = 0; i < set->n; i++) {
        const char **at = bsearch(&set->picture[i], sorted, (size_t)set->n, sizeof *sorted, by_name);
        where[i] = (size_t)(at - sorted);
    }
    df_free(sorted);
    return DF_OK;
}

/* ---- which pictures ---------------------------------------------------------------------------------------------- */

static int fingerprint(const DfEvaluation *e, uint64_t *out)
{
    const DfClassification *set = e->pictures;
    uint64_t parts[] = { df_hash_settings(e->detector), 0 };
    const int error = df_hash_weights(df_detector_model(e->detector), &parts[1]);
    *out = df_hash_add(DF_HASH_START, parts, sizeof parts);
    for (int i = 0; i < set->n; i++) {
        *out = df_hash_add_text(*out, set->picture[i] + strlen(set->folder));
        *out = df_hash_add(*out, &set->label[i], sizeof set->label[i]);
    }
    return error;
}

static int begin(DfEvaluation *e)
{
    const int total = e->pictures->n;
    const EvaluationPart part = df_evaluation_part(&e->o, total);
    uint64_t run;
    int error = e->pictures->numbered ? take_names(e) : DF_OK;
    if (error == DF_OK)
        error = fingerprint(e, &run);
    if (error == DF_OK)
        error = df_rankings_open(&e->rankings, e->o.out_dir, total, e->pictures->classes.n, run, e->o.fresh);
    if (error < 0)
        return error;
    e->order = df_malloc(((size_t)total + 1) * sizeof *e->order);
    e->chosen = df_calloc((size_t)total + 1, sizeof *e->chosen);
    if (!e->order || !e->chosen)
        return df_fail_memory("the list of images");
    for (int64_t i = part.first; i < part.end; i += part.step) {
        e->chosen[i] = true;
        e->n++;
        if (!e->rankings.done[i])
            e->order[e->n_order++] = (int)i;
    }
    e->n_done = e->n - e->n_order;
    return e->n || e->o.ranks ? DF_OK : df_fail(DF_EVALUE, "%s: %d images, none of them in this shard",
                                                e->pictures->folder, total);
}

static int take(DfEvaluation *e, int index, DfResult *result)
{
    int32_t best[DF_TOP];
    df_topk_rank(result->class_scores, e->pictures->classes.n, best);
    return df_rankings_add(&e->rankings, index, best);
}

/* The part of all processes. */
static int gather(DfEvaluation *e)
{
    const EvaluationPart part = df_evaluation_part(&e->o, e->pictures->n);
    e->n = 0;
    for (int64_t i = part.first; i < part.end; i += part.step) {
        e->chosen[i] = true;
        e->n++;
    }
    return df_rankings_gather(&e->rankings, e->o.ranks);
}

/* ---- the scores -------------------------------------------------------------------------------------------------- */

/* A picture that could not be read counts as one that is not known. */
static int add_pictures(DfEvaluation *e, const size_t *where)
{
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < e->pictures->n; i++) {
        const int32_t *best = e->rankings.best[i];
        if (!e->chosen[i])
            continue;
        error = df_topk_add(e->topk, best, e->pictures->label[i]);
        if (error == DF_OK && e->o.real_labels) {
            const size_t first = e->real.start[where[i]];
            error = df_topk_add_real(e->topk, best, e->real.labels + first, e->real.start[where[i] + 1] - first);
        }
    }
    return error;
}

/* What `deformer compare` reads, picture by picture. */
static int add_scores(DfImageScores *scores, const DfEvaluation *e)
{
    const DfClassification *set = e->pictures;
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < set->n; i++) {
        const int32_t *best = e->rankings.best[i];
        bool within = false;
        for (int k = 0; k < DF_TOP; k++)
            within |= best[k] == set->label[i];
        if (e->chosen[i])
            error = df_image_scores_add_top(scores, set->picture[i] + strlen(set->folder), set->label[i],
                                            best[0] == set->label[i], within);
    }
    return error;
}

static int write_scores(const DfEvaluation *e)
{
    const DfClassification *set = e->pictures;
    DfImageScores *scores = NULL;
    char *path = df_path_join(e->o.out_dir, "results.topk.json");
    int error = path ? df_image_scores_new(&scores, DF_IMAGES_TOPK, set->classes.n, set->classes.name)
                     : df_fail_memory("a path");
    if (error == DF_OK)
        error = add_scores(scores, e);
    if (error == DF_OK)
        error = df_image_scores_write(scores, path);
    df_image_scores_free(scores);
    df_free(path);
    return error;
}

static int score(DfEvaluation *e)
{
    const DfClassification *set = e->pictures;
    size_t *where = df_calloc((size_t)set->n + 1, sizeof *where);
    int error = where ? df_topk_new(&e->topk, set->classes.n) : df_fail_memory("the order of the real labels");
    if (error == DF_OK && e->o.real_labels)
        error = place_pictures(set, where);
    if (error == DF_OK)
        error = add_pictures(e, where);
    df_free(where);
    if (error == DF_OK && e->o.out_dir)
        error = df_rankings_export(&e->rankings, e->o.out_dir, set->picture);
    if (error == DF_OK && e->o.out_dir)
        error = write_scores(e);
    if (error < 0)
        return error;
    e->top = (DfTopScores){ .result = df_topk_result(e->topk), .names = set->classes.name };
    if (e->unreadable)
        df_log(DF_LOG_WARNING, "%ld of %ld images could not be read and count as wrong", e->unreadable, e->n);
    return DF_OK;
}

static void close_all(DfEvaluation *e)
{
    df_rankings_close(&e->rankings);
    df_topk_free(e->topk);
    df_real_labels_free(&e->real);
    df_free(e->chosen);
    df_classification_free(e->pictures);
}

static const char *const *pictures(const DfEvaluation *e)
{
    return e->pictures->picture;
}

const EvaluationKind df_evaluation_of_classifier = {
    .open = open_set,
    .begin = begin,
    .take = take,
    .gather = gather,
    .score = score,
    .close = close_all,
    .pictures = pictures,
    .ahead = 4,
};
