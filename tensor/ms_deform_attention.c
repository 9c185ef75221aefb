/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/ms_deform_attention.c -- multi-scale deformable attention: Zhu et al., "Deformable DETR: Deformable
 * Transformers for End-to-End Object Detection", ICLR 2021, section 4.1, equation 3 without its two projections. For
 * query q and head m,
 *     out = sum over levels l and points k of  attention[l][k] value_l(location[l][k])
 * where value_l(..) reads level l bilinearly, with zeros outside. This file checks arguments; kernels/deform/
 * computes. tensor/sampling_locations.c computes the locations.
 */
#include "tensor/op.h"

static DfMsDeformProblem problem_of(const DfTensor *value, const DfTensor *location, const DfTensor *attention,
                                    const DfPyramid *levels)
{
    DfMsDeformProblem p = {
        .B = df_dim(value, 0), .queries = df_dim(location, 1), .heads = df_dim(value, 2), .depth = df_dim(value, 3),
        .levels = levels->n, .points = df_dim(location, 4), .value = value->data, .location = location->data,
        .attention = attention->data,
    };
    for (int l = 0; l < levels->n; l++) {
        p.height[l] = levels->h[l];
        p.width[l] = levels->w[l];
    }
    return p;
}

static void backward(DfCtx *c, DfTensor *y)
{
    DfTensor *value = y->src[0], *location = y->src[1], *attention = y->src[2];
    const DfMsDeformProblem p = problem_of(value, location, attention, y->saved);
    float *dvalue = df_grad(c, value), *dlocation = df_grad(c, location), *dattention = df_grad(c, attention);
    if (!c->err)
        df_check(c, df_ms_deform_backward(c->pool, &c->k->ms_deform, &p, y->grad, dvalue, dlocation, dattention));
}

static const DfOp op = { "ms_deform_attention", backward };

int df_pyramid_cells(const DfPyramid *levels)
{
    int n = 0;
    for (int l = 0; l < levels->n; l++)
        n += levels->h[l] * levels->w[l];
    return n;
}

static bool locations_fit(const DfTensor *location, int B, int heads, int levels)
{
    return location->shape.n == 6 && df_dim(location, 0) == B && df_dim(location, 2) == heads &&
           df_dim(location, 3) == levels && df_dim(location, 5) == 2;
}

static bool fits(DfCtx *c, const DfTensor *value, const DfTensor *location, const DfTensor *attention,
                 const DfPyramid *levels)
{
    const int cells = df_pyramid_cells(levels);
    const int B = df_dim(value, 0);
    const int heads = value->shape.n == 4 ? df_dim(value, 2) : 0;
    if (value->shape.n != 4 || df_dim(value, 1) != cells)
        df_refuse(c, "ms_deform_attention: value is (%s): want B %d heads channels", DF_TEXT(value), cells);
    else if (!locations_fit(location, B, heads, levels->n))
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
    const int heads = df_dim(value, 2);
    const int depth = df_dim(value, 3);
    const DfShape shape = DF_SHAPE(df_dim(value, 0), df_dim(location, 1), heads * depth);
    DfTensor *y = df_output(c, &op, shape, DF_SOURCES_OF(value, location, attention));
    df_macs(c, DF_MACS_ATTENTION, 5.0 * (double)df_size(attention) * depth); /* four taps and a weight */
    if (df_skip(c, y))
        return y;
    df_note(c, y, levels, sizeof *levels);
    const DfMsDeformProblem p = problem_of(value, location, attention, levels);
    if (!c->err)
        df_check(c, df_ms_deform_forward(c->pool, &c->k->ms_deform, &p, y->data));
    return y;
}
