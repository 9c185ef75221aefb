/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/sampling_locations.c -- the sampling locations of multi-scale deformable attention: Zhu et al., "Deformable
 * DETR", ICLR 2021, section 4.1 and its appendix. Along each axis, in [0, 1] of a level,
 *     location = reference * ratio + offset * step
 *     step     1 / size of the level                    for a reference point: offsets are in cells
 *              size of the box * ratio / 2 / points     for a reference box: offsets are relative to its size
 * `ratio` is the share of the level that is not padding.
 */
#include "tensor/op.h"

/* A row is a query: its reference (2 or 4 numbers) and the offsets of its heads, levels and points. */
typedef struct {
    DfPyramid levels;
    int queries, heads, points;
    int parts;           /* numbers of a reference: x y, or cx cy w h */
    const float *ratios; /* B levels 2                                */
} Places;

typedef struct {
    const Places *s;
    const float *reference, *offset, *g;
    float *location, *dreference, *doffset;
} Job;

/* One axis of one level of a query: its numbers stand two apart, `points` of them for each head. */
typedef struct {
    float start, step; /* location = start + offset * step            */
    float ratio;
    size_t at, next;   /* of the first head; from one head to the next */
} Strand;

static Strand strand_of(const Job *j, size_t q, int level, int axis)
{
    const Places *s = j->s;
    const size_t L = (size_t)s->levels.n;
    const size_t points = (size_t)s->points;
    const float *const reference = j->reference + q * (size_t)s->parts;
    const float *const ratios = s->ratios + q / (size_t)s->queries * L * 2;
    Strand t = { .ratio = ratios[2 * level + axis], .next = L * points * 2 };
    t.start = reference[axis] * t.ratio;
    if (s->parts == 4)
        t.step = reference[2 + axis] * t.ratio * 0.5f / (float)s->points;
    else
        t.step = 1 / (float)(axis ? s->levels.h[level] : s->levels.w[level]);
    t.at = q * (size_t)s->heads * t.next + (size_t)level * points * 2 + (size_t)axis;
    return t;
}

static void place_strand(const Job *j, Strand t)
{
    for (int head = 0; head < j->s->heads; head++, t.at += t.next)
        for (size_t i = t.at; i < t.at + 2 * (size_t)j->s->points; i += 2)
            j->location[i] = t.start + j->offset[i] * t.step;
}

static void place_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Job *j = arg;
    (void)k;
    for (size_t q = from; q < from + count; q++)
        for (int level = 0; level < j->s->levels.n; level++)
            for (int axis = 0; axis < 2; axis++)
                place_strand(j, strand_of(j, q, level, axis));
}

/* All points of a query move with its reference, and a box's with its size. */
static void strand_backward(const Job *j, size_t q, int axis, Strand t)
{
    const Places *s = j->s;
    double sum = 0;   /* of the gradients                   */
    double moved = 0; /* and of them along the offsets      */
    for (int head = 0; head < s->heads; head++, t.at += t.next)
        for (size_t i = t.at; i < t.at + 2 * (size_t)s->points; i += 2) {
            if (j->doffset)
                j->doffset[i] += j->g[i] * t.step;
            sum += (double)j->g[i];
            moved += (double)(j->g[i] * j->offset[i]);
        }
    if (!j->dreference)
        return;
    float *to = j->dreference + q * (size_t)s->parts + axis;
    to[0] += (float)sum * t.ratio;
    if (s->parts == 4)
        to[2] += (float)moved * t.ratio * 0.5f / (float)s->points;
}

static void place_grad_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Job *j = arg;
    (void)k;
    for (size_t q = from; q < from + count; q++)
        for (int level = 0; level < j->s->levels.n; level++)
            for (int axis = 0; axis < 2; axis++)
                strand_backward(j, q, axis, strand_of(j, q, level, axis));
}

static void run(DfCtx *c, const DfTensor *reference, Job *job, DfRange *range)
{
    const Places *s = job->s;
    const size_t row = (size_t)s->heads * (size_t)s->levels.n * (size_t)s->points * 2;
    const size_t rows = df_size(reference) / (size_t)s->parts;
    df_ranges(c, rows, df_at_least_1(DF_BLOCK / df_at_least_1(row)), range, job);
}

static void backward(DfCtx *c, DfTensor *y)
{
    DfTensor *reference = y->src[0], *offset = y->src[1];
    Job job = { .s = y->saved, .reference = reference->data, .offset = offset->data, .g = y->grad };
    job.dreference = df_grad(c, reference);
    job.doffset = df_grad(c, offset);
    if (!c->err)
        run(c, reference, &job, place_grad_range);
}

static const DfOp op = { "sampling_locations", backward };

/* The ratios are the caller's: a copy follows the note. */
static void keep_places(DfCtx *c, DfTensor *y, const Places *s, size_t n_ratios)
{
    Places *note = df_taped(y) ? df_save(c, y, sizeof *note + n_ratios * sizeof *s->ratios) : NULL;
    if (!note)
        return;
    float *copy = (float *)(void *)(note + 1);
    for (size_t i = 0; i < n_ratios; i++)
        copy[i] = s->ratios[i];
    *note = *s;
    note->ratios = copy;
}

static bool fits(const DfTensor *reference, const DfTensor *offset, int numbers)
{
    if (reference->shape.n != 3 || offset->shape.n != 3)
        return false;
    const int parts = df_dim(reference, 2);
    return (parts == 2 || parts == 4) && df_dim(offset, 0) == df_dim(reference, 0) &&
           df_dim(offset, 1) == df_dim(reference, 1) && df_dim(offset, 2) == numbers;
}

DfTensor *df_sampling_locations(DfCtx *c, DfTensor *reference, DfTensor *offset, const float *ratios,
                                const DfPyramid *levels, int heads, int points)
{
    if (c->err)
        return &c->nil;
    const int L = levels->n;
    if (!fits(reference, offset, heads * L * points * 2))
        return df_refuse(c, "sampling_locations: references (%s) and offsets (%s): want B Q 2 or 4 and B Q %d",
                         DF_TEXT(reference), DF_TEXT(offset), heads * L * points * 2);
    const int B = df_dim(reference, 0);
    const int queries = df_dim(reference, 1);
    DfTensor *y = df_output(c, &op, DF_SHAPE(B, queries, heads, L, points, 2), DF_SOURCES_OF(reference, offset));
    if (df_skip(c, y))
        return y;
    const Places places = { *levels, queries, heads, points, df_dim(reference, 2), ratios };
    keep_places(c, y, &places, (size_t)B * (size_t)L * 2);
    Job job = { .s = &places, .reference = reference->data, .offset = offset->data, .location = y->data };
    if (!c->err)
        run(c, reference, &job, place_range);
    return y;
}
