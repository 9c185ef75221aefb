/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/examples.c -- selects the boxes that a loss uses: drawn by a sampler, or given by the caller.
 */
#include "heads/examples.h"

#include <stdio.h>

const DfGivenSample *df_given_sample(const DfLossBatch *batch, const DfLosses *out)
{
    if (out->samplings >= batch->n_given || !batch->given[out->samplings].given)
        return NULL;
    return &batch->given[out->samplings];
}

static int check(const char *what, int n, const int *box, const AssignedBoxes *a, bool positive)
{
    for (int i = 0; i < n; i++) {
        if (box[i] < 0 || (size_t)box[i] >= a->n)
            return df_fail(DF_EVALUE, "a given sample has the %s box %d: want 0 to %d", what, box[i], (int)a->n - 1);
        if (positive && a->object_of_box[box[i]] < 0)
            return df_fail(DF_EVALUE, "a given sample has the positive box %d, which has no object", box[i]);
    }
    return DF_OK;
}

/* Only the given positives are objects, and all of them are taken; the sampler fills up with negatives. */
static int fill_up(const DfBoxSampler *s, const DfGivenSample *given, const AssignedBoxes *a, DfRandom *random,
                   DfBoxSample *out)
{
    DfBoxSampler all = *s;
    all.positives = DF_SAMPLE_ALL;
    int *object = df_malloc(a->n * sizeof *object);
    if (!object)
        return df_fail_memory("a given sample");
    for (size_t i = 0; i < a->n; i++)
        object[i] = a->object_of_box[i] < 0 ? a->object_of_box[i] : DF_NEITHER;
    for (int i = 0; i < given->n_positive; i++)
        object[given->positive[i]] = a->object_of_box[given->positive[i]];
    const int error = df_sample_boxes(&all, a->n, object, a->overlap, a->loss, random, out);
    df_free(object);
    return error;
}

static int copy(const DfGivenSample *given, DfBoxSample *out)
{
    const size_t n = (size_t)given->n_positive;
    const size_t m = (size_t)given->n_negative;
    int *box = df_malloc((n + m) * sizeof *box);
    if (!box)
        return df_fail_memory("a given sample");
    for (size_t i = 0; i < n; i++)
        box[i] = given->positive[i];
    for (size_t i = 0; i < m; i++)
        box[n + i] = given->negative[i];
    *out = (DfBoxSample){ n, m, box, box + n };
    return DF_OK;
}

static int as_given(const DfBoxSampler *s, const DfGivenSample *given, const AssignedBoxes *a, DfRandom *random,
                    DfBoxSample *out)
{
    int error = check("positive", given->n_positive, given->positive, a, true);
    if (error == DF_OK && !given->negative)
        return fill_up(s, given, a, random, out);
    if (error == DF_OK)
        error = check("negative", given->n_negative, given->negative, a, false);
    return error == DF_OK ? copy(given, out) : error;
}

/* A list of whole numbers for whoever listens. */
static void observe(DfCtx *c, int call, const char *what, size_t n, const int *list)
{
    char name[48];
    DfTensor *x = df_new(c, DF_SHAPE((int)n));
    for (size_t i = 0; !c->err && i < n; i++)
        x->data[i] = (float)list[i];
    snprintf(name, sizeof name, "sample%d_%s", call, what);
    df_observe(c, x, name, -1);
}

static void observe_assigned(DfCtx *c, int call, const AssignedBoxes *a)
{
    char name[48];
    DfTensor *x = df_new(c, DF_SHAPE((int)a->n));
    for (size_t i = 0; !c->err && i < a->n; i++) {
        const int object = a->object_of_box[i];
        x->data[i] = object == DF_NEITHER ? -1.0f : (float)(object + 1);
    }
    snprintf(name, sizeof name, "sample%d_assigned_gt_inds", call);
    df_observe(c, x, name, -1);
}

static void observe_all(DfCtx *c, int call, const AssignedBoxes *a, const DfBoxSample *sample)
{
    const DfMark m = df_enter(c, NULL, -1);
    observe_assigned(c, call, a);
    observe(c, call, "pos_inds", sample->n_positive, sample->positive);
    observe(c, call, "neg_inds", sample->n_negative, sample->negative);
    df_leave_all(c, m, NULL, 0);
}

bool df_choose_examples(DfCtx *c, const TrainCfg *train, const DfLossBatch *batch, DfLosses *out,
                        const AssignedBoxes *a, DfBoxSample *sample)
{
    *sample = (DfBoxSample){ 0 };
    DfBoxSampler s = train->sampler;
    if (s.floor_thr < 0)
        s.floor_thr = 0; /* as mmdet's own sampler has it from its second call on */
    DfRandom random = df_ctx_random(c, a->image);
    const DfGivenSample *const given = df_given_sample(batch, out);
    int error = DF_OK;
    if (given)
        error = as_given(&s, given, a, &random, sample);
    else
        error = df_sample_boxes(&s, a->n, a->object_of_box, a->overlap, a->loss, &random, sample);
    if (error < 0)
        df_ctx_fail(c, error, "%s", df_error());
    else if (df_listens(c))
        observe_all(c, out->samplings, a, sample);
    out->samplings++;
    return error == DF_OK;
}
