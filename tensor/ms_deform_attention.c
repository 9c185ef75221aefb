/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/ms_deform_attention.c -- attention that reads a few points of each level of a pyramid, and where those
 * points lie: Zhu et al., "Deformable DETR: Deformable Transformers for End-to-End Object Detection", ICLR 2021,
 * section 4.1.
 */
#include "tensor/op.h"

/* ---- attention -------------------------------------------------------------------------------------------------- */

static DfMsDeformProblem problem_of(const DfTensor *value, const DfTensor *location, const DfTensor *attention,
                                    const DfPyramid *levels)
{
    DfMsDeformProblem p = {
        .B = df_dim(value, 0), .queries = df_dim(location, 1), .heads = df_dim(value, 2), .depth = df_dim(value, 3),
        .levels = levels->n,
        .points = df_dim(location, 4), .value = value->data, .location = location->data, .attention = attention->data,
    };
    for (int l = 0; l < levels->n; l++) {
        p.height[l] = levels->h[l];
        p.width[l] = levels->w[l];
    }
    return p;
}

static void backward(DfCtx *c, DfTensor *y)
{
    DfTensor *value = y->src[0];
    DfTensor *location = y->src[1];
    DfTensor *attention = y->src[2];
    const DfMsDeformProblem p = problem_of(value, location, attention, y->saved);
    float *dvalue = df_grad(c, value);
    float *dlocation = df_grad(c, location);
    float *dattention = df_grad(c, attention);
    if (!c->err && df_ms_deform_backward(c->pool, &p, y->grad, dvalue, dlocation, dattention))
        df_ctx_fail(c, DF_ENOMEM, "%s", df_error());
}

static const DfOp op = { "ms_deform_attention", backward };

int df_pyramid_cells(const DfPyramid *levels)
{
    int n = 0;
    for (int l = 0; l < levels->n; l++)
        n += levels->h[l] * levels->w[l];
    return n;
}

static bool fits(DfCtx *c, const DfTensor *value, const DfTensor *location, const DfTensor *attention,
                 const DfPyramid *levels)
{
    const int cells = df_pyramid_cells(levels);
    const int B = df_dim(value, 0);
    const int heads = value->shape.n == 4 ? df_dim(value, 2) : 0;
    if (value->shape.n != 4 || df_dim(value, 1) != cells)
        df_refuse(c, "ms_deform_attention: value is (%s): want B %d heads channels", DF_TEXT(value), cells);
    else if (location->shape.n != 6 || df_dim(location, 0) != B || df_dim(location, 2) != heads ||
             df_dim(location, 3) != levels->n || df_dim(location, 5) != 2)
        df_refuse(c, "ms_deform_attention: locations are (%s): want %d queries %d %d points 2", DF_TEXT(location), B,
                  heads, levels->n);
    else if (attention->shape.n < 1 || 2 * df_size(attention) != df_size(location))
        df_refuse(c, "ms_deform_attention: weights are (%s) for locations (%s)", DF_TEXT(attention), DF_TEXT(location));
    return !c->err;
}

DfTensor *df_ms_deform_attention(DfCtx *c, DfTensor *value, DfTensor *location, DfTensor *attention,
                                 const DfPyramid *levels)
{
    if (c->err || !fits(c, value, location, attention, levels))
        return &c->nil;
    const int heads = df_dim(value, 2), depth = df_dim(value, 3);
    DfTensor *y = df_output(c, &op, DF_SHAPE(df_dim(value, 0), df_dim(location, 1), heads * depth),
                            DF_SOURCES_OF(value, location, attention));
    df_macs(c, DF_MACS_ATTENTION, 5.0 * (double)df_size(attention) * depth); /* four taps and a weight */
    if (df_skip(c, y))
        return y;
    DfPyramid *note = df_taped(y) ? df_save(c, y, sizeof *note) : NULL;
    if (note)
        *note = *levels;
    const DfMsDeformProblem p = problem_of(value, location, attention, levels);
    if (!c->err && df_ms_deform_forward(c->pool, &c->k->ms_deform, &p, y->data))
        df_ctx_fail(c, DF_ENOMEM, "%s", df_error());
    return y;
}

/* ---- locations -------------------------------------------------------------------------------------------------- */

/* A row is a query: its reference (2 or 4 numbers) and the offsets of its heads, levels and points. */
typedef struct {
    DfPyramid levels;
    int queries, heads, points, parts; /* parts: numbers of a reference */
    const float *ratios;               /* B levels 2                    */
} Places;

typedef struct {
    const Places *s;
    const float *reference, *offset, *g;
    float *location, *dreference, *doffset;
} Job;

/* location = reference * ratio + offset * step, along an axis: a reference point has steps of one cell, a reference
 * box of half its size over the number of points. */
static float step_of(const Places *s, int level, int axis, const float *reference, float ratio)
{
    if (s->parts == 4)
        return reference[2 + axis] * ratio * 0.5f / (float)s->points;
    return 1 / (float)(axis ? s->levels.h[level] : s->levels.w[level]);
}

static void place_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Job *j = arg;
    const Places *s = j->s;
    const int L = s->levels.n, points = s->points;
    (void)k;
    for (size_t q = from; q < from + count; q++) {
        const float *const reference = j->reference + q * (size_t)s->parts;
        const float *const ratios = s->ratios + q / (size_t)s->queries * (size_t)L * 2;
        for (int level = 0; level < L; level++)
            for (int axis = 0; axis < 2; axis++) {
                const float ratio = ratios[2 * level + axis];
                const float start = reference[axis] * ratio;
                const float step = step_of(s, level, axis, reference, ratio);
                for (int head = 0; head < s->heads; head++) {
                    const size_t at = (((q * (size_t)s->heads + (size_t)head) * (size_t)L + (size_t)level) * (size_t)points) * 2 + (size_t)axis;
                    for (int i = 0; i < points; i++)
                        j->location[at + 2 * (size_t)i] = start + j->offset[at + 2 * (size_t)i] * step;
                }
            }
    }
}

static void place_grad_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Job *j = arg;
    const Places *s = j->s;
    const int L = s->levels.n, points = s->points;
    (void)k;
    for (size_t q = from; q < from + count; q++) {
        const float *const reference = j->reference + q * (size_t)s->parts;
        const float *const ratios = s->ratios + q / (size_t)s->queries * (size_t)L * 2;
        for (int level = 0; level < L; level++)
            for (int axis = 0; axis < 2; axis++) {
                const float ratio = ratios[2 * level + axis];
                const float step = step_of(s, level, axis, reference, ratio);
                double sum = 0, moved = 0;
                for (int head = 0; head < s->heads; head++) {
                    const size_t at = (((q * (size_t)s->heads + (size_t)head) * (size_t)L + (size_t)level) * (size_t)points) * 2 + (size_t)axis;
                    for (size_t i = at; i < at + 2 * (size_t)points; i += 2) {
                        if (j->doffset)
                            j->doffset[i] += j->g[i] * step;
                        sum += (double)j->g[i];
                        moved += (double)(j->g[i] * j->offset[i]);
                    }
                }
                if (!j->dreference)
                    continue;
                j->dreference[q * (size_t)s->parts + (size_t)axis] += (float)sum * ratio;
                if (s->parts == 4)
                    j->dreference[q * (size_t)s->parts + 2 + (size_t)axis] += (float)moved * ratio * 0.5f / (float)points;
            }
    }
}

static void run_places(DfCtx *c, const DfTensor *reference, Job *job, DfRange *range)
{
    const Places *s = job->s;
    const size_t row = (size_t)s->heads * (size_t)s->levels.n * (size_t)s->points * 2;
    df_ranges(c, df_size(reference) / (size_t)s->parts, df_at_least_1(DF_BLOCK / df_at_least_1(row)), range, job);
}

static void places_backward(DfCtx *c, DfTensor *y)
{
    DfTensor *reference = y->src[0], *offset = y->src[1];
    Job job = { .s = y->saved, .reference = reference->data, .offset = offset->data, .g = y->grad,
                .dreference = df_grad(c, reference), .doffset = df_grad(c, offset) };
    if (!c->err)
        run_places(c, reference, &job, place_grad_range);
}

static const DfOp places_op = { "sampling_locations", places_backward };

DfTensor *df_sampling_locations(DfCtx *c, DfTensor *reference, DfTensor *offset, const float *ratios,
                                const DfPyramid *levels, int heads, int points)
{
    if (c->err)
        return &c->nil;
    const int L = levels->n, parts = reference->shape.n == 3 ? df_dim(reference, 2) : 0;
    if ((parts != 2 && parts != 4) || offset->shape.n != 3 || df_dim(offset, 0) != df_dim(reference, 0) ||
        df_dim(offset, 1) != df_dim(reference, 1) ||
        df_dim(offset, 2) != heads * L * points * 2)
        return df_refuse(c, "sampling_locations: references (%s) and offsets (%s): want B Q 2 or 4 and B Q %d",
                         DF_TEXT(reference), DF_TEXT(offset), heads * L * points * 2);
    const int B = df_dim(reference, 0), queries = df_dim(reference, 1);
    DfTensor *y = df_output(c, &places_op, DF_SHAPE(B, queries, heads, L, points, 2), DF_SOURCES_OF(reference, offset));
    if (df_skip(c, y))
        return y;
    const size_t room = (size_t)B * (size_t)L * 2;
    Places now = { *levels, queries, heads, points, parts, ratios }, *note = df_taped(y) ? df_save(c, y,
                                                                                                   sizeof *note + room * sizeof *ratios) : NULL;
    if (note) { /* the ratios are the caller's: keep a copy */
        *note = now;
        float *copy = (float *)(void *)(note + 1);
        for (size_t i = 0; i < room; i++)
            copy[i] = ratios[i];
        note->ratios = copy;
    }
    Job job = { .s = &now, .reference = reference->data, .offset = offset->data, .location = y->data };
    if (!c->err)
        run_places(c, reference, &job, place_range);
    return y;
}
