/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/ops.h -- all ops; the forward and backward pass of each are in one file. Here are norms, elementwise ops,
 * shapes and sampling; products.h has products and convolutions, attention.h attention, losses.h losses. Included by
 * tensor/tensor.h: include that.
 *
 * Shapes are before an arrow or at the right margin: `N H W I -> N H' W' O`; `..` is any number of dimensions,
 * including none. An op checks them and poisons the context with DF_ESHAPE and a sentence if they do not fit, with
 * DF_ENOMEM if memory runs out; then, and on a context that is already poisoned, it returns &c->nil. A tensor argument
 * may be NULL, which means absent, only where it says so. Results are new tensors unless a view is promised; arguments
 * are never written to.
 *
 * Names and conventions are those of PyTorch unless stated otherwise, except that maps are channels-last.
 */
#ifndef DF_TENSOR_OPS_H
#define DF_TENSOR_OPS_H

#include "tensor/attention.h"
#include "tensor/context.h"
#include "tensor/losses.h"
#include "tensor/products.h"

DF_BEGIN_DECLS

/* ---- rows.c ------------------------------------------------------------------------------------------------------ */

/* factor x / (|x|^power + eps) over the last dimension.                                                .. C -> .. C */
DF_API DfTensor *df_unit_rows(DfCtx *, DfTensor *x, float factor, float power, float eps);
/* (x - mean) / (s + eps) over all dimensions but the first, s^2 the unbiased variance: weight standardisation (Qiao et
 * al., 2019).                                                                                          O .. -> O .. */
DF_API DfTensor *df_standard_rows(DfCtx *, DfTensor *x, float eps);

/* ---- norms: layer_norm.c, group_norm.c, batch_norm.c ------------------------------------------------------------ */

/* (x - mean) / sqrt(var + eps) weight + bias; weight and bias are C, or NULL for ones and zeros. Variances are biased,
 * divided by the number of elements. */

/* Over the last dimension (Ba et al., 2016).                                                           .. C -> .. C */
DF_API DfTensor *df_layer_norm(DfCtx *, DfTensor *x, DfTensor *weight, DfTensor *bias, float eps);
/* Over the positions and the channels of a group, for each sample (Wu and He, ECCV 2018). groups divide C.
 *                                                                                                  N .. C -> N .. C */
DF_API DfTensor *df_group_norm(DfCtx *, DfTensor *x, int groups, DfTensor *weight, DfTensor *bias, float eps);
/* Over all positions, for each channel (Ioffe and Szegedy, ICML 2015), by running_* (C) or by the batch: then the
 * context remembers it, and df_apply_statistics() makes running_* (1 - momentum) old + momentum batch, the variance
 * unbiased. A running variance that is not above -eps is DF_EVALUE.                                   .. C -> .. C */
typedef enum {
    DF_BY_RUNNING,
    DF_BY_BATCH,
    DF_BY_ALL_BATCHES /* SyncBN: of all processes, by c->reduce; without one as DF_BY_BATCH */
} DfNormBy;
DF_API DfTensor *df_batch_norm(DfCtx *, DfTensor *x, DfTensor *weight, DfTensor *bias, DfTensor *running_mean,
                               DfTensor *running_var, DfNormBy, float momentum, float eps);
/* act(batch_norm(x) + residual) by the running statistics, in one pass over memory unless the tape is on; residual: as
 * x, or NULL. */
DF_API DfTensor *df_batch_norm_fused(DfCtx *, DfTensor *x, DfTensor *weight, DfTensor *bias, DfTensor *running_mean,
                                     DfTensor *running_var, float eps, DfAct, DfTensor *residual);
/* By the running statistics a batch norm is x scale + shift: makes these two (C), for the convolution before it
 * (DfFuse.fold, bias). */
DF_API void df_batch_norm_columns(DfCtx *, const DfTensor *weight, const DfTensor *bias, const DfTensor *running_mean,
                                  const DfTensor *running_var, float eps, DfTensor **scale, DfTensor **shift);

/* ---- elementwise: activation.c, softmax.c, arithmetic.c, dropout.c ---------------------------------------------- */

DF_API DfTensor *df_act(DfCtx *, DfTensor *x, DfAct);       /* by name; DF_ACT_NONE: x itself                 */
/* The same of a result that nobody else reads, now or later: in its own memory where nothing is recorded. */
DF_API DfTensor *df_act_own(DfCtx *, DfTensor *x, DfAct);
DF_API DfTensor *df_relu(DfCtx *, DfTensor *x);             /* max(x, 0)                                      */
DF_API DfTensor *df_gelu(DfCtx *, DfTensor *x);             /* x Phi(x), by erf (Hendrycks and Gimpel, 2016)  */
DF_API DfTensor *df_sigmoid(DfCtx *, DfTensor *x);          /* 1 / (1 + e^-x)                                 */
DF_API DfTensor *df_tanh(DfCtx *, DfTensor *x);
DF_API DfTensor *df_softmax(DfCtx *, DfTensor *x, int dim); /* dim < 0 counts from the end                    */
/* y has the shape of x, or that of trailing dimensions of x: then it is repeated over the leading ones. */
DF_API DfTensor *df_add(DfCtx *, DfTensor *x, DfTensor *y);    /* x + y                                          */
DF_API DfTensor *df_mul(DfCtx *, DfTensor *x, DfTensor *y);    /* x y, element by element                        */
DF_API DfTensor *df_scale(DfCtx *, DfTensor *x, float factor); /* factor x                                       */
DF_API DfTensor *df_clamp(DfCtx *, DfTensor *x, float lo, float hi); /* lo <= hi; NaN stays NaN                  */
DF_API DfTensor *df_sum(DfCtx *, DfTensor *x);                 /* of all elements, in float64         .. -> scalar */

/* In training: a part p in [0, 1] is set to 0, the rest multiplied by 1 / (1 - p). Else, and for p = 0, x itself. Each
 * sample, x[i], by its own stream df_ctx_random(c, i). */
DF_API DfTensor *df_dropout(DfCtx *, DfTensor *x, float p);       /* elements (Srivastava et al., JMLR 2014)          */
DF_API DfTensor *df_dropout_channels(DfCtx *, DfTensor *x, float p); /* whole channels of a sample: N .. C */
DF_API DfTensor *df_drop_path(DfCtx *, DfTensor *x, float p);   /* whole samples: stochastic depth (Huang, ECCV 2016) */

/* ---- shape: reshape.c, permute.c, concat.c, pad.c, roll.c, repeat.c, mean_tokens.c ------------------------------ */

DF_API DfTensor *df_reshape(DfCtx *, DfTensor *x, DfShape);      /* a view; one size may be -1: what is left          */
DF_API DfTensor *df_select(DfCtx *, DfTensor *x, int i);         /* x[i], a view                       n .. -> ..     */
DF_API DfTensor *df_permute(DfCtx *, DfTensor *x, DfShape order); /* dimension i of the result is dimension order[i] */
DF_API DfTensor *df_transpose(DfCtx *, DfTensor *x);             /* the last two dimensions      .. M N -> .. N M     */
DF_API DfTensor *df_slice(DfCtx *, DfTensor *x, int dim, int start, int count); /* items start .. start + count - 1 */
/* Rows of x, which may be taken more than once; row[n] is read during the call only. DF_EVALUE: there is no such row.
 *                                                                                           .. C -> n C */
DF_API DfTensor *df_gather_rows(DfCtx *, DfTensor *x, const int *row, int n);
DF_API DfTensor *df_concat(DfCtx *, DfTensor *const *x, int n, int dim);     /* n in 1..DF_SOURCES                    */
DF_API DfTensor *df_repeat(DfCtx *, DfTensor *x, int n);         /* n copies side by side        .. C -> .. n*C       */
DF_API DfTensor *df_mean_tokens(DfCtx *, DfTensor *x);           /* over all positions           B .. C -> B C        */
/* A border of `value`: pad = top, bottom, left, right, in pixels; negative ones cut off. N H W C -> N H' W' C */
DF_API DfTensor *df_pad2d(DfCtx *, DfTensor *x, const int pad[4], float value);
DF_API DfTensor *df_roll2d(DfCtx *, DfTensor *x, int dy, int dx); /* y[i + dy] = x[i], cyclic      N H W C -> N H W C */
/* H and W are multiples of the window; windows of a map follow row by row.
 *                                                         N H W C -> N*(H/window)*(W/window) window*window C */
DF_API DfTensor *df_window_partition(DfCtx *, DfTensor *x, int window);
DF_API DfTensor *df_window_reverse(DfCtx *, DfTensor *x, int window, int H, int W); /* the way back, to maps of H x W */
/* 2 x 2 pixels become one, in Swin's merge order 00 10 01 11 (row, column); odd sizes are padded with zeros.
 *                                                                            N H W C -> N H/2 W/2 4C, rounded up */
DF_API DfTensor *df_space_to_depth(DfCtx *, DfTensor *x);

/* ---- sampling: interpolate.c, pool2d.c, grid_sample.c, roi_align.c ---------------------------------------------- */

typedef enum { DF_NEAREST, DF_BILINEAR, DF_BICUBIC } DfInterpolation;
/* Resized to H x W, each at least 1. align_corners is for the smooth ones.                  N h w C -> N H W C */
DF_API DfTensor *df_interpolate(DfCtx *, DfTensor *x, int H, int W, DfInterpolation, bool align_corners);
/* n maps of one N, each brought to H x W (bilinear), side by side: df_interpolate() and df_concat() without the memory
 * between. Of the H rows only `rows` from `first` on are made; those outside the map are zeros.
 *                                                                                  N h w C, .. -> N rows W (C + ..) */
DF_API DfTensor *df_interpolate_concat(DfCtx *, DfTensor *const *x, int n, int H, int W, int first, int rows,
                                       bool align_corners);

/* Windows of `kernel` pixels, `stride` apart (y, x); a padding of at most half the kernel. ceil_mode: a last window
 * that hangs over counts.                                                                     N H W C -> N H' W' C */
DF_API DfTensor *df_max_pool2d(DfCtx *, DfTensor *x, const int kernel[2], const int stride[2], const int padding[2],
                               bool ceil_mode);
/* count_include_pad: a mean divides by the padding as well. */
DF_API DfTensor *df_avg_pool2d(DfCtx *, DfTensor *x, const int kernel[2], const int stride[2], const int padding[2],
                               bool ceil_mode, bool count_include_pad);
/* Window i of n covers rows i H / n, rounded down, to (i + 1) H / n, rounded up.               N h w C -> N H W C */
DF_API DfTensor *df_adaptive_avg_pool2d(DfCtx *, DfTensor *x, int H, int W);

typedef enum { DF_PAD_ZEROS, DF_PAD_BORDER, DF_PAD_REFLECTION } DfPadding; /* what is outside the map */
/* x read bilinearly at grid, N h w 2 with (x, y) in [-1, 1] (Jaderberg et al., NIPS 2015). x may hold several groups of
 * channels, each with a grid of its own: then grid is N*groups h w 2.                       N H W C -> N h w C */
DF_API DfTensor *df_grid_sample(DfCtx *, DfTensor *x, DfTensor *grid, int groups, DfPadding, bool align_corners);

/* Features of regions: RoIAlign (He et al., ICCV 2017). `rois` are n x 5: index in the batch, x1 y1 x2 y2 in pixels of
 * the input. Region i reads map level[i] (NULL: all the first), on which a pixel of the input is scales[level] wide.
 * Regions and levels are read during the call only; a region that is empty or not finite gives 0.
 *     maps            1 to DF_ROI_MAPS maps N H W C, with the same N and C
 *     sampling_ratio  samples of a bin along each axis; 0: as many as cells fit into it
 *     aligned         pixel centres are at half a pixel; else mmdet 1's form: no shift, and a region is at least one
 *                     cell wide                                                             -> n height width C */
enum { DF_ROI_MAPS = 8 };
typedef struct {
    int height, width; /* bins, each at least 1 */
    int sampling_ratio;
    bool aligned;
} DfRoiAlign;
DF_API DfTensor *df_roi_align(DfCtx *, DfTensor *const *maps, const float *scales, int n_maps, const float *rois,
                              const int *level, int n, DfRoiAlign);

DF_END_DECLS

#endif
