/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/evaluate_classifier.c -- the test set of a classifier: how often its class, or one of its five likeliest, is
 * the right one.
 */
#include "inference/evaluation.h"

static int open_set(DfEvaluation *e)
{
    const int n = df_detector_classes(e->detector);
    if (e->o.out_dir)
        return df_fail(DF_EVALUE, "%s: the results of a classifier are its scores alone, nothing is kept", e->o.out_dir);
    const int error = df_classification_from_config(&e->pictures, df_evaluation_dataset(e), e->o.data_dir);
    if (error < 0 || e->pictures->classes.n == n)
        return error;
    return df_fail(DF_EVALUE, "%s has %d classes and the network %d: set the backbone's or the head's num_classes",
                   e->pictures->folder, e->pictures->classes.n, n);
}

static int begin(DfEvaluation *e)
{
    const EvaluationPart part = df_evaluation_part(&e->o, e->pictures->n);
    e->order = df_malloc(((size_t)e->pictures->n + 1) * sizeof *e->order);
    if (!e->order)
        return df_fail_memory("the list of images");
    for (int64_t i = part.first; i < part.end; i += part.step)
        e->order[e->n_order++] = (int)i;
    e->n = e->n_order;
    return e->n ? DF_OK : df_fail(DF_EVALUE, "%s: %d images, none of them in this shard", e->pictures->folder,
                                  e->pictures->n);
}

/* How many classes have a higher score than this one; of equal scores the first class stands first. */
static int rank_of(const float *scores, int n, int label)
{
    int rank = 0;
    for (int i = 0; i < n; i++)
        rank += scores[i] > scores[label] || (i < label && !(scores[i] < scores[label]));
    return rank;
}

static int take(DfEvaluation *e, const DfSample *sample)
{
    DfResult result;
    const int label = e->pictures->label[sample->index];
    const int error = df_detector_run_sample(e->detector, sample, &result);
    if (error == DF_OK) {
        const int rank = rank_of(result.class_scores, e->pictures->classes.n, label);
        e->top.first += rank == 0;
        e->top.five += rank < 5;
    }
    df_result_done(&result);
    return error;
}

/* A picture that could not be read counts as one that is not known. */
static int score(DfEvaluation *e)
{
    e->top.images = e->n;
    e->top.classes = e->pictures->classes.n;
    if (e->unreadable)
        df_log(DF_LOG_WARNING, "%ld of %ld images could not be read and count as wrong", e->unreadable, e->n);
    return DF_OK;
}

static void close_all(DfEvaluation *e)
{
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
    .score = score,
    .close = close_all,
    .pictures = pictures,
    .ahead = 4,
};
