/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/deform_conv2d.c -- deformable convolution: Dai et al., Deformable Convolutional Networks, ICCV 2017 (v1);
 * with a mask, Zhu et al., CVPR 2019 (v2).
 *     y(p) = sum over points k of the kernel of  w_k x(p + p_k + offset_k(p)) mask_k(p)
 */
#include "tensor/columns.h"
#include "tensor/conv_shape.h"
#include "tensor/fuse.h"
#include "tensor/weights.h"

typedef struct {
    DfConv conv;
    int offset_groups;
} Note;

static DfDeformConv problem(const DfTensor *x, const DfTensor *offset, const DfTensor *mask, const DfTensor *w,
                            Note note)
{
    DfConvShape s = df_conv_shape(x, df_dim(w, 0), df_dim(w, 1), df_dim(w, 2), note.conv);
    s.oH = s.oH < 0 ? 0 : s.oH; /* of a kernel that does not fit there is no result */
    s.oW = s.oW < 0 ? 0 : s.oW;
    return (DfDeformConv){ s, note.offset_groups, x->data, offset->data, df_data_of(mask) };
}

static void backward(DfCtx *c, DfTensor *y)
{
    DfTensor *const x = y->src[0], *const offset = y->src[1], *const mask = y->src[2], *const w = y->src[3];
    const DfDeformConv d = problem(x, offset, mask, w, *(const Note *)y->saved);
    const DfDeformConvGrads to = { df_grad(c, x), df_grad(c, offset), df_grad(c, mask), df_grad(c, w) };
    const size_t O = (size_t)d.shape.O;
    df_add_columns(c, DF_COLUMN_SUM, df_grad(c, y->src[4]), y->grad, NULL, df_size(y) / O, O);
    if (!c->err)
        df_check(c, df_deform_conv_backward(c->pool, c->k, &d, w->data, y->grad, &to));
}

static const DfOp op = { "deform_conv2d", backward };

static bool shapes_fit(const DfTensor *x, const DfTensor *offset, const DfTensor *mask, const DfTensor *w, Note note)
{
    const int G = note.offset_groups;
    if (!df_conv_fits(note.conv) || G < 1 || x->shape.n != 4 || w->shape.n != 4 || df_size(w) == 0)
        return false;
    if (df_dim(x, 3) != df_dim(w, 3) * note.conv.groups || df_dim(w, 0) % note.conv.groups || df_dim(x, 3) % G)
        return false;
    const DfConvShape s = problem(x, offset, mask, w, note).shape;
    const int points = s.kh * s.kw;
    return df_same_shape(offset->shape, DF_SHAPE(s.N, s.oH, s.oW, 2 * G * points)) &&
           (!mask || df_same_shape(mask->shape, DF_SHAPE(s.N, s.oH, s.oW, G * points)));
}

static bool fits(DfCtx *c, const DfTensor *x, const DfTensor *offset, const DfTensor *mask, const DfTensor *w,
                 Note note)
{
    if (shapes_fit(x, offset, mask, w, note))
        return true;
    df_refuse(c, "deform_conv2d: x (%s), offset (%s), mask (%s), weight (%s), %d groups, %d offset groups: want "
                 "N H W I, N H' W' 2GP, N H' W' GP, O kh kw I/groups with P = kh kw", DF_TEXT(x), DF_TEXT(offset),
              DF_TEXT(mask), DF_TEXT(w), note.conv.groups, note.offset_groups);
    return false;
}

static int run(DfCtx *c, const DfDeformConv *d, DfTensor *weight, const DfTensor *bias, const DfTensor *y)
{
    const size_t O = (size_t)d->shape.O;
    const DfEpilogue e = { .bias = df_data_of(bias) };
    const DfPackedWeight w = df_weight(c, weight, NULL, DF_PACK_GEMM, O, df_size(weight) / O, (size_t)d->shape.groups);
    const int error = w.packed ? df_deform_conv_forward(c->pool, c->k, d, w.packed, y->data, e) : DF_OK;
    df_weight_done(c, w);
    return error;
}

DfTensor *df_deform_conv2d(DfCtx *c, DfTensor *x, DfTensor *offset, DfTensor *mask, DfTensor *weight, DfTensor *bias,
                           DfConv conv, int offset_groups)
{
    const Note note = { conv, offset_groups };
    if (c->err || !fits(c, x, offset, mask, weight, note))
        return &c->nil;
    const DfDeformConv d = problem(x, offset, mask, weight, note);
    const DfShape shape = DF_SHAPE(d.shape.N, d.shape.oH, d.shape.oW, d.shape.O);
    if (!df_fuse_fits(c, "deform_conv2d", shape, bias, (DfFuse){ 0 }))
        return &c->nil;
    DfTensor *y = df_output_packing(c, &op, shape, DF_SOURCES_OF(x, offset, mask, weight, bias));
    df_macs(c, DF_MACS_LAYER, (double)d.shape.N * d.shape.oH * d.shape.oW * (double)df_size(weight));
    df_note(c, y, &note, sizeof note);
    if (df_skip(c, y))
        return y;
    df_observe_weight(c, weight, x);
    df_check(c, run(c, &d, weight, bias, y));
    return y;
}
