/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/deform_conv2d.c -- convolution whose points read the map where offsets say: Dai et al., Deformable
 * Convolutional Networks, ICCV 2017 (v1); with a weight for each sample, Zhu et al., CVPR 2019 (v2).
 */
#include "tensor/fuse.h"

typedef struct {
    DfConv conv;
    int offset_groups;
} Note;

static int outputs(int size, int kernel, int stride, int padding, int dilation)
{
    const long long room = (long long)size + 2LL * padding - (long long)dilation * (kernel - 1) - 1;
    return room < 0 ? 0 : (int)(room / stride) + 1;
}

static DfDeformConv problem(const DfTensor *x, const DfTensor *offset, const DfTensor *mask, const DfTensor *w,
                            Note note)
{
    DfConvShape s = { .N = df_dim(x, 0), .H = df_dim(x, 1), .W = df_dim(x, 2), .I = df_dim(x, 3), .O = df_dim(w, 0),
                      .kh = df_dim(w, 1),
                      .kw = df_dim(w, 2), .groups = note.conv.groups };
    for (int i = 0; i < 2; i++) {
        s.stride[i] = note.conv.stride[i];
        s.padding[i] = note.conv.padding[i];
        s.dilation[i] = note.conv.dilation[i];
    }
    s.oH = outputs(s.H, s.kh, s.stride[0], s.padding[0], s.dilation[0]);
    s.oW = outputs(s.W, s.kw, s.stride[1], s.padding[1], s.dilation[1]);
    return (DfDeformConv){ s, note.offset_groups, x->data, offset->data, mask ? mask->data : NULL };
}

static void backward(DfCtx *c, DfTensor *y)
{
    DfTensor *const x = y->src[0];
    DfTensor *const offset = y->src[1];
    DfTensor *const mask = y->src[2];
    DfTensor *const w = y->src[3];
    const DfDeformConv d = problem(x, offset, mask, w, *(const Note *)y->saved);
    const DfDeformConvGrads to = { df_grad(c, x), df_grad(c, offset), df_grad(c, mask), df_grad(c, w) };
    df_add_columns(c, DF_COLUMN_SUM, df_grad(c, y->src[4]), y->grad, NULL, df_size(y) / (size_t)d.shape.O,
                   (size_t)d.shape.O);
    if (!c->err && df_deform_conv_backward(c->pool, c->k, &d, w->data, y->grad, &to))
        df_ctx_fail(c, DF_ENOMEM, "%s", df_error());
}

static const DfOp op = { "deform_conv2d", backward };

static bool options_fit(DfConv conv)
{
    bool good = conv.groups >= 1;
    for (int i = 0; i < 2; i++)
        good = good && conv.stride[i] >= 1 && conv.padding[i] >= 0 && conv.dilation[i] >= 1;
    return good;
}

static bool fits(DfCtx *c, const DfTensor *x, const DfTensor *offset, const DfTensor *mask, const DfTensor *w,
                 Note note)
{
    const int G = note.offset_groups;
    bool good = options_fit(note.conv) && G >= 1 && x->shape.n == 4 && w->shape.n == 4 && df_dim(x, 3) == df_dim(w,
                                                                                                                 3) * note.conv.groups &&
                df_dim(w, 0) % note.conv.groups == 0 && df_dim(x, 3) % G == 0 && df_size(w) > 0;
    if (good) {
        const DfConvShape s = problem(x, offset, mask, w, note).shape;
        const int points = s.kh * s.kw;
        good = df_same_shape(offset->shape, DF_SHAPE(s.N, s.oH, s.oW, 2 * G * points)) &&
               (!mask || df_same_shape(mask->shape, DF_SHAPE(s.N, s.oH, s.oW, G * points)));
    }
    if (!good)
        df_refuse(c, "deform_conv2d: x (%s), offset (%s), mask (%s), weight (%s), %d groups, %d offset groups: want N H W I, N H' W' 2GP, "
                  "N H' W' GP, O kh kw I/groups with P = kh kw", DF_TEXT(x), DF_TEXT(offset), mask ? DF_TEXT(mask) : "none", DF_TEXT(w),
                  note.conv.groups, G);
    return good;
}

static int run(DfCtx *c, const DfDeformConv *d, DfTensor *weight, const DfTensor *bias, const DfTensor *y)
{
    const size_t O = (size_t)d->shape.O;
    const DfPackedWeight w = df_weight(c, weight, NULL, DF_PACK_GEMM, O, df_size(weight) / O, (size_t)d->shape.groups);
    const int error = w.packed ? df_deform_conv_forward(c->pool, c->k, d, w.packed, y->data,
                                                        df_fuse_epilogue(bias, (DfFuse){ 0 })) : DF_OK;
    df_weight_done(w);
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
    DfTensor *y = df_output(c, &op, shape, DF_SOURCES_OF(x, offset, mask, weight, bias));
    df_macs(c, DF_MACS_LAYER, (double)d.shape.N * d.shape.oH * d.shape.oW * (double)df_size(weight));
    Note *saved = df_taped(y) ? df_save(c, y, sizeof *saved) : NULL;
    if (saved)
        *saved = note;
    if (df_skip(c, y))
        return y;
    const int error = run(c, &d, weight, bias, y);
    if (error)
        df_ctx_fail(c, error, "%s", df_error());
    return y;
}
