/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/products.h -- products of tensors with weights and with each other: linear layers, matrix products and
 * convolutions. Included by tensor/tensor.h; tensor/ops.h has the conventions.
 */
#ifndef DF_TENSOR_PRODUCTS_H
#define DF_TENSOR_PRODUCTS_H

#include "tensor/context.h"

DF_BEGIN_DECLS

/* ---- products: linear.c, mlp.c, matmul.c ------------------------------------------------------------------------ */

/* What a linear layer or a convolution does to its result before it is stored: y = act(y + bias) * scale + residual, or
 * with a residual that is inside y = act(y + bias + residual) * scale.
 * The bias is an argument of its own. When the tape is on it is computed as separate ops, with the same value up to
 * rounding. */
typedef struct {
    DfAct act;          /* DF_ACT_NONE, RELU, GELU, ... (kernels/act.h)        */
    DfTensor *scale;    /* O: of each output channel (layer scale), or NULL    */
    DfTensor *residual; /* same shape as the result, or NULL                   */
    bool inside;        /* the residual is added before the activation         */
    bool spent;         /* df_conv2d(): nobody else reads the residual, now or later, and it is inside: without a tape the
                         * result takes over its memory                        */
    DfTensor *fold;     /* df_conv2d() without a tape: O, a factor of the weight itself, which costs nothing once the
                         * weight is packed; or NULL                           */
    DfTensor *reader;   /* df_conv2d(): the weight of another one that alone reads the result, which is then kept in
                         * bfloat16 where both multiply in it; or NULL         */
    bool first_inputs;  /* df_conv2d() without a tape, of a weight that df_conv2d_has_taps(): x has the first of the
                         * inputs of the weight alone                          */
} DfFuse;

/* y = x weight' + bias. weight: O I, in any shape of O rows; bias: O or NULL.                          .. I -> .. O */
DF_API DfTensor *df_linear(DfCtx *, DfTensor *x, DfTensor *weight, DfTensor *bias);
DF_API DfTensor *df_linear_fused(DfCtx *, DfTensor *x, DfTensor *weight, DfTensor *bias, DfFuse);
/* The same with `count` rows of weight and bias, from `first` on, packed once as a weight is.       .. I -> .. count */
DF_API DfTensor *df_linear_rows(DfCtx *, DfTensor *x, DfTensor *weight, DfTensor *bias, int first, int count);
/* act(x w1' + b1) w2' + b2, and what `fuse` adds: the hidden layer exists a few rows at a time only. w1: H I; b1: H or
 * NULL; w2: O H; b2: O or NULL.                                                                        .. I -> .. O */
DF_API DfTensor *df_mlp(DfCtx *, DfTensor *x, DfTensor *w1, DfTensor *b1, DfAct act, DfTensor *w2, DfTensor *b2,
                        DfFuse);
/* A product for every index of the leading dimensions, which are equal.                    .. M K, .. K N -> .. M N */
DF_API DfTensor *df_matmul(DfCtx *, DfTensor *a, DfTensor *b);

/* ---- convolutions: conv2d.c, conv_transpose2d.c, deform_conv2d.c ------------------------------------------------ */

/* Along y, along x. Strides and dilations are at least 1, paddings at least 0; groups divide I and O. */
typedef struct {
    int stride[2], padding[2], dilation[2];
    int groups;
} DfConv;
/* H' = (H + 2 padding - dilation (kh - 1) - 1) / stride + 1, rounded down, and W' likewise; the kernel must fit into
 * the padded map. weight: O kh kw I/groups, or kh kw I for groups == I == O (depthwise); bias: O or NULL.
 *                                                                                            N H W I -> N H' W' O */
DF_API DfTensor *df_conv2d(DfCtx *, DfTensor *x, DfTensor *weight, DfTensor *bias, DfConv, DfFuse);
/* The arguments of one, but for x. */
typedef struct {
    DfTensor *weight, *bias;
    DfConv conv;
    DfFuse fuse;
} DfConvLayer;
/* y = df_conv2d(x) by `first`, and of y by `second` *z, with the same bits as one after the other. Both are computed
 * together where both are 1x1 and the map between them is large: so it is not read again. Else *z is NULL: then, and
 * while a tape is kept, it is the caller's to compute. */
DF_API DfTensor *df_conv2d_pair(DfCtx *, DfTensor *x, const DfConvLayer *first, const DfConvLayer *second,
                                DfTensor **z);
/* The same where the residual of `first`, which names none, is another convolution, of `side`: one that
 * df_conv2d_goes_along(), so that its result never exists as a whole. */
DF_API DfTensor *df_conv2d_pair_with(DfCtx *, DfTensor *x, const DfConvLayer *first, const DfConvLayer *second,
                                     DfTensor *side, const DfConvLayer *residual, DfTensor **z);
/* Are these two computed together, and is `residual` 1x1, of any stride, with nothing behind it but a bias? */
DF_API bool df_conv2d_goes_along(const DfCtx *, const DfTensor *x, const DfConvLayer *first, const DfConvLayer *second,
                                 const DfConvLayer *residual);
/* H' = (H - 1) stride - 2 padding + dilation (kh - 1) + output_padding + 1; the output padding (y, x) is less than the
 * stride or the dilation. weight: I kh kw O/groups; bias: O or NULL.                         N H W I -> N H' W' O */
DF_API DfTensor *df_conv_transpose2d(DfCtx *, DfTensor *x, DfTensor *weight, DfTensor *bias, DfConv,
                                     const int output_padding[2]);

/* Deformable convolution (Dai et al., ICCV 2017; with a mask Zhu et al., CVPR 2019): point p of the kernel reads x
 * bilinearly (zeros outside) at its place plus an offset, times its mask. G groups of channels have offsets of their
 * own; groups are those of the convolution. P = kh kw.
 *     offset  N H' W' 2GP: for each group and point dy, dx, in pixels
 *     mask    N H' W' GP (v2; a sigmoid is the caller's), or NULL for ones (v1)
 *     weight  O kh kw I/groups; bias: O or NULL                                              N H W I -> N H' W' O */
DF_API DfTensor *df_deform_conv2d(DfCtx *, DfTensor *x, DfTensor *offset, DfTensor *mask, DfTensor *weight,
                                  DfTensor *bias, DfConv, int G);

/* ---- of enlarged maps: conv2d_taps.c ----------------------------------------------------------------------------- */

/* A convolution, padded so that the size stays, of maps that are enlarged first: conv2d_taps.c. It is the sum, over the
 * maps, of that of the inputs of its weight that a map is for; small maps need not be enlarged for it. Without a tape.
 *     taps[m] = df_conv2d_taps(c, map[m], weight, fold, first input);      the products at the size of the map
 *     y = df_enlarge_taps(c, weight, taps, n, strip, align_corners);       enlarged (bilinear), moved by tap, and summed
 * That is kh kw products for a pixel of a map, where the whole convolution makes as many for one of the result. */
DF_API bool df_conv2d_has_taps(const DfCtx *, const DfTensor *weight); /* does it go so: no tape, no 8 bits */
/* fold: O factors of the weight, or NULL.                                                N h w C -> N h w kh kw O */
DF_API DfTensor *df_conv2d_taps(DfCtx *, DfTensor *x, DfTensor *weight, DfTensor *fold, int first_input);
typedef struct {
    int H, W, first, rows; /* rows first .. first + rows - 1 of H x W pixels */
} DfStrip;
/* The weight is O kh kw I, kh and kw odd.                                           N h w kh kw O, .. -> N rows W O */
DF_API DfTensor *df_enlarge_taps(DfCtx *, const DfTensor *weight, DfTensor *const *taps, int n, DfStrip, bool align_corners);

DF_END_DECLS

#endif
