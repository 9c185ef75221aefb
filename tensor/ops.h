/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/ops.h -- every op, forward here and backward in the same file. Part of the door tensor/tensor.h: include that.
 *
 * Shapes stand before an arrow, or at the right margin: `N H W I -> N H' W' O`; `..` is any number of dimensions, also
 * none. An op checks them and poisons the context with DF_ESHAPE and a sentence when they do not fit, with DF_ENOMEM
 * when memory runs out; then, and on a context that was poisoned before, it returns &c->nil. A tensor argument may be
 * NULL, which means absent, only where it says so. Results are new tensors but where a view is promised; arguments are
 * never written to.
 *
 * Names and conventions are PyTorch's unless said otherwise, except that maps are channels-last.
 */
#ifndef DF_TENSOR_OPS_H
#define DF_TENSOR_OPS_H

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
 * together where both are 1x1 and the map between them is large: so it is not read again. Else *z is NULL: then, and while a
 * tape is kept, it is the caller's to compute. */
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
/* The weight is O kh kw I, kh and kw odd.                                             N h w kh kw O, .. -> N rows W O */
DF_API DfTensor *df_enlarge_taps(DfCtx *, const DfTensor *weight, DfTensor *const *taps, int n, DfStrip, bool align_corners);

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

/* ---- losses: loss/ ---------------------------------------------------------------------------------------------- */

/* One number for each element or row, not reduced: df_scale(c, df_sum(c, loss), 1 / average). Targets, labels and
 * weights are plain arrays, read during the call only; a weight multiplies one result and may be NULL. */

/* |x - t|        .. -> .. */
DF_API DfTensor *df_l1_loss(DfCtx *, DfTensor *x, const float *target, const float *weight);
/* d^2 / (2 beta) for |d| < beta, else |d| - beta / 2, with d = x - t (Girshick, ICCV 2015). beta >= 0.   .. -> .. */
DF_API DfTensor *df_smooth_l1_loss(DfCtx *, DfTensor *x, const float *target, const float *weight, float beta);
/* -pos_weight t log s - (1 - t) log(1 - s) with s = sigmoid(x); pos_weight: of the last dimension, or NULL. .. -> .. */
DF_API DfTensor *df_bce_with_logits(DfCtx *, DfTensor *x, const float *target, const float *weight,
                                    const float *pos_weight);
/* (x - t)^2      .. -> .. */
DF_API DfTensor *df_square_loss(DfCtx *, DfTensor *x, const float *target, const float *weight);
/* Pang et al., Libra R-CNN, CVPR 2019, as mmdet has it. With b = e^(gamma / alpha) - 1 and d = |x - t|:
 * alpha / b (b d + 1) ln(b d / beta + 1) - alpha d for d < beta, else gamma d + gamma / b - alpha beta.    .. -> .. */
typedef struct {
    float alpha, gamma, beta; /* all greater than 0 */
} DfBalancedL1;
DF_API DfTensor *df_balanced_l1_loss(DfCtx *, DfTensor *x, const float *target, const float *weight, DfBalancedL1);
/* Of logits (Lin et al., ICCV 2017). A label in 0..C-1 is a class, anything else background; labels are those of whole
 * rows.                                                                                                .. C -> .. C */
typedef struct {
    float alpha, gamma;  /* gamma >= 0                           */
    bool activated;      /* x is a probability, no logit         */
    bool weight_each;    /* a weight for each number, not row    */
    const float *weight; /* or NULL                              */
} DfFocal;
DF_API DfTensor *df_sigmoid_focal_loss(DfCtx *, DfTensor *x, const int *label, DfFocal);

/* -log softmax(x)[label]. PyTorch's: class weights w (C, or NULL for ones) apply to the label's own share and to the
 * smoothed shares (Szegedy et al., CVPR 2016). Its weighted mean divides by the sum of w over the labels that count.
 * DF_EVALUE for a label that is neither in 0..C-1 nor ignored.                                           .. C -> .. */
typedef struct {
    const float *class_weight;
    const float *weight;  /* of each row, or NULL                       */
    int ignore_index;     /* rows with this label have loss 0           */
    float smoothing;      /* 0: none                                    */
} DfCrossEntropy;
DF_API DfTensor *df_cross_entropy(DfCtx *, DfTensor *x, const int *label, DfCrossEntropy);
/* The same of the pixels of a map that is first enlarged to height x width (bilinear), whose scores never exist whole:
 * df_cross_entropy() of df_interpolate(). The labels must last as long as the tape.        N h w C -> N height width */
typedef struct {
    int height, width;
    bool align_corners;
    const int *label;          /* N height width                                            */
    const float *class_weight; /* C, or NULL for ones; must last as long as the tape        */
    int ignore_index;          /* pixels with this label have loss 0                        */
    float *probability;        /* N height width: of the label's class is put here, or NULL */
    int *best;                 /* N height width: the likeliest class is put here, or NULL  */
} DfPixelCrossEntropy;
DF_API DfTensor *df_pixel_cross_entropy(DfCtx *, DfTensor *x, DfPixelCrossEntropy);
/* -sum t log softmax(x) with targets t, as x: shares of classes, as a mixture of two pictures has. Labels, and what
 * belongs to them, do not count.                                                                         .. C -> .. */
DF_API DfTensor *df_soft_cross_entropy(DfCtx *, DfTensor *x, const float *target, DfCrossEntropy);
/* Of each first index one channel: x[n][..][channel[n]]. DF_EVALUE: there is no such channel.         N .. C -> N .. */
DF_API DfTensor *df_pick_channel(DfCtx *, DfTensor *x, const int *channel);

/* Overlap of boxes x1 y1 x2 y2, as mmdet has it; a box of weight 0 may be anything.
 *     IOU    1 - IoU, 1 - IoU^2, -log IoU (Yu et al., 2016): the IoU is at least eps, the union at least 1e-6
 *     GIOU   1 - GIoU (Rezatofighi et al., CVPR 2019): union and enclosing area are at least eps
 *     DIOU, CIOU   (Zheng et al., AAAI 2020): eps is added to the divisors. CIOU_211 is mmdet's up to 2.11, where the
 *            weight of the aspect ratio has a gradient and acts at any IoU                               .. 4 -> .. */
typedef enum {
    DF_LOSS_IOU_LINEAR, DF_LOSS_IOU_SQUARE, DF_LOSS_IOU_LOG,
    DF_LOSS_GIOU, DF_LOSS_DIOU, DF_LOSS_CIOU, DF_LOSS_CIOU_211
} DfBoxLossKind;
DF_API DfTensor *df_box_loss(DfCtx *, DfTensor *x, const float *target, const float *weight, DfBoxLossKind, float eps);
DF_API DfTensor *df_giou_loss(DfCtx *, DfTensor *x, const float *target, const float *weight, float eps);
/* Bounded IoU of x, y, width, height (Tychsen-Smith and Petersson, CVPR 2018), through a smooth L1. weight: .. 4, or
 * NULL.                                                                                                .. 4 -> .. 4 */
DF_API DfTensor *df_bounded_iou_loss(DfCtx *, DfTensor *x, const float *target, const float *weight, float beta,
                                     float eps);
/* 1 - the Dice coefficient (Milletari et al., 3DV 2016) of probabilities p, each first index a mask. With i = sum p t:
 *     squared  1 - 2 i / (sum p^2 + sum t^2 + 2 eps)
 *     else     1 - (2 i + eps) / (sum p + sum t + eps), with eps 1 MaskFormer's                          N .. -> N */
DF_API DfTensor *df_dice_loss(DfCtx *, DfTensor *p, const float *target, const float *weight, bool squared, float eps);
/* mmseg's up to 0.30: of each picture the mean over classes of w (1 - (2 sum p t + smooth) / (sum p^e + t^e + smooth)).
 * Labels, one for each pixel, are clamped to the classes; those ignored are not in the numerator, and a class of that
 * number is left out.                                                                              N .. C -> N */
typedef struct {
    double smooth, exponent;
    const float *class_weight; /* w: C, or NULL for ones */
    int ignore_index;
} DfClassDice;
DF_API DfTensor *df_class_dice_loss(DfCtx *, DfTensor *p, const int *label, DfClassDice);
/* The Lovasz extension of 1 - IoU (Berman et al., CVPR 2018). x: probabilities, whose loss is a mean over classes; of a
 * hinge the logits of one class, label 1. One number for each picture, or for the batch.
 *                                                                              N .. C -> N, or 1 without per_image */
typedef struct {
    bool hinge, per_image;
    bool present;              /* classes without a pixel are not in the mean   */
    const int *classes;        /* those in the mean, or NULL for all of them    */
    int n_classes;
    const float *class_weight; /* C, or NULL for ones                           */
    int ignore_index;
} DfLovasz;
DF_API DfTensor *df_lovasz_loss(DfCtx *, DfTensor *x, const int *label, DfLovasz);

/* ---- attention: window_attention.c, deform_attention.c, neighborhood_attention.c, focal_attention.c ------------- */

/* softmax(scale q k' + bias) v for every head; the projections around it are the caller's. C = heads * depth, and heads
 * lie side by side in the channels. Flash-style (Dao et al., NeurIPS 2022): scores never exist as a matrix. In training
 * a part `drop` in [0, 1) of the softmax's weights is set to 0, the rest multiplied by 1 / (1 - drop). */

/* Multi-head attention within windows of a map, Swin's W-MSA and SW-MSA (Liu et al., ICCV 2021, section 3.2):
 * partition, cyclic shift, mask, relative position bias, softmax and the way back in one pass, nothing copied.
 *     qkv     B H W 3C, channels [q | k | v], each head-major
 *     pad     3C: the q k v of a token outside the map (the qkv bias, since such tokens are zeros before the
 *             projection), or NULL for zeros. The map is padded right and bottom to multiples of the window; padded
 *             tokens are ordinary keys.
 *     table   (2 window - 1)^2 heads, indexed by query - key, or NULL
 *     window  1..128
 *     shift   0..window. Tokens that the shift brings together from different regions get -100 (on the padded map).
 *     pad_after_shift   the map itself is rolled and then padded, as timm does, with the same regions; else it is
 *             rolled with its padding, as the official code does
 *     mask_side  not 0: the regions are those of a map of so many windows along each side; the windows of all samples
 *             take its windows in turn, as code does that made its mask for one size
 *                                                                                                    -> B H W C */
typedef struct {
    int window, shift, heads;
    float scale, drop;
    bool pad_after_shift;
    int mask_side;
} DfWindowAttention;
DF_API DfTensor *df_window_attention(DfCtx *, DfTensor *qkv, DfTensor *pad, DfTensor *table, DfWindowAttention);

/* The same between its projections: what a block of Swin does first. Without a tape large maps are done a few windows
 * at a time, with the same bits. */
typedef struct {
    bool norm;                       /* of x, first: df_layer_norm()          */
    DfTensor *norm_weight, *norm_bias;
    float eps;
    DfTensor *qkv, *qkv_bias;        /* 3C C, and 3C or NULL                  */
    DfTensor *table;
    DfWindowAttention attention;
    DfTensor *proj, *proj_bias;      /* C C, and C or NULL                    */
    DfFuse fuse;                     /* what follows: a scale and a residual  */
} DfWindowBranch;
DF_API DfTensor *df_window_branch(DfCtx *, DfTensor *x, DfWindowBranch);                   /* B H W C -> B H W C */

/* Swin v2's cosine attention (Liu et al., CVPR 2022): what goes into df_window_attention(), with scale 1. Queries
 * become directions times e^min(logit_scale, ln 100), keys directions. logit_scale: one number for each head.
 *                                                                                                .. 3C -> .. 3C */
DF_API DfTensor *df_cosine_qkv(DfCtx *, DfTensor *qkv, DfTensor *logit_scale);

/* Attention of every query over Ns sampled keys with a bias from a position table: DAT (Xia et al., CVPR 2022,
 * section 3.2).
 *     q       B H W C; k, v: B Ns C; head h belongs to group h / (heads / groups)
 *     pos     B G Ns 2 (y, x), the sampling positions in [-1, 1]; may be NULL if there is no table
 *     bias    by kind:
 *             DF_BIAS_NONE   NULL
 *             DF_BIAS_TABLE  heads th tw, sampled bilinearly (align_corners, zeros outside) at (q_grid - pos) / 2,
 *                            where q_grid is i / (H - 1) * 2 - 1 (corner), or (i + 0.5) / H * 2 - 1 if `half_pixel`
 *                            (the code of 2022)
 *             DF_BIAS_DENSE  heads H*W Ns (or B heads H*W Ns), added as it is                        -> B H W C */
typedef enum { DF_BIAS_NONE, DF_BIAS_TABLE, DF_BIAS_DENSE } DfBiasKind;
typedef struct {
    int heads, groups;           /* groups divide heads                                                          */
    float scale, drop;
    DfBiasKind kind;
    bool half_pixel;
    const uint8_t *padding_mask; /* B Ns: 1 for padding, which no query sees; NULL: none. Not with a bias; must
                                  * last as long as the tape                                                     */
} DfDeformAttention;
DF_API DfTensor *df_deform_attention(DfCtx *, DfTensor *q, DfTensor *k, DfTensor *v, DfTensor *pos, DfTensor *bias,
                                     DfDeformAttention);
/* The same as the kernels take it, for df_deform_attention_weights(): v may be NULL there. */
DF_API DfDeformProblem df_deform_problem(const DfTensor *q, const DfTensor *k, const DfTensor *v, const DfTensor *pos,
                                         const DfTensor *bias, DfDeformAttention);

/* Every query attends to the window x window tokens around it, which move inwards at the border: neighborhood
 * attention (Hassani et al., CVPR 2023). With dilation d neighbors are d tokens apart.
 *     qkv     B H W 3C, channels [q | k | v], each head-major; window * dilation is at most H and W
 *     table   heads (2 window - 1) (2 window - 1), indexed by key - query, or NULL
 *     window  odd, 1..127; dilation at least 1                                                       -> B H W C */
typedef struct {
    int window, dilation, heads;
    float scale, drop;
} DfNeighborhoodAttention;
DF_API DfTensor *df_neighborhood_attention(DfCtx *, DfTensor *qkv, DfTensor *table, DfNeighborhoodAttention);

/* Focal attention (Yang et al., NeurIPS 2021, section 3.2): a window attends to itself, to the tokens around it, and
 * to maps that get coarser with their distance. Nothing is rolled, unfolded or joined.
 *     qkv, pad, table   as in df_window_attention(), but the table must be there. Only a window's own keys are masked
 *                       by a shift.
 *     neighbors         1 heads window^2 n: the bias of what `expand` brings in from the padded map, which is cyclic,
 *                       by moving the window down right, then down left, up right, up left, without the window itself.
 *                       NULL if expand is 0
 *     pooled[k]         B rows*2^k columns*2^k 3C: q k v of the map pooled so that a window has 2^k x 2^k cells; q is
 *                       not read. Cells up to focal_window / 2 around a window's own are keys; beyond the map they are
 *                       zeros with -100
 *     tables[k]         heads (window + focal_window + 2^k - 2)^2, indexed by query - key            -> B H W C */
typedef struct {
    int window, shift, heads; /* window: 1..64; shift less than that                       */
    int expand;               /* 0..window                                                 */
    int levels, focal_window; /* levels: how many pooled maps, at most DF_FOCAL_LEVELS; focal_window: odd, 1..64 */
    float scale, drop;
} DfFocalAttention;
DF_API DfTensor *df_focal_attention(DfCtx *, DfTensor *qkv, DfTensor *pad, DfTensor *table, DfTensor *neighbors,
                                    DfTensor *const *pooled, DfTensor *const *tables, DfFocalAttention);

/* ---- Deformable DETR (Zhu et al., ICLR 2021): ms_deform_attention.c, sampling_locations.c, references.c --------- */

/* Levels of a feature pyramid whose cells stand one after the other in one list. */
typedef struct {
    int n, h[DF_MS_LEVELS], w[DF_MS_LEVELS];
} DfPyramid;
DF_API int df_pyramid_cells(const DfPyramid *); /* of all levels */

/* Every query reads `points` places of each level, bilinearly, zeros outside; the weights are the caller's softmax.
 *     value      B cells heads depth
 *     location   B Q heads levels points 2, (x, y) in [0, 1] of a level, pixel centres at (i + 0.5) / size
 *     attention  B Q heads levels points, in any shape of that size                            -> B Q heads*depth */
DF_API DfTensor *df_ms_deform_attention(DfCtx *, DfTensor *value, DfTensor *location, DfTensor *attention,
                                        const DfPyramid *);
/* Those places: reference * ratio + offset / (w, h) of the level for reference points (B Q 2), and for reference
 * boxes (B Q 4, cx cy w h) centre * ratio + offset / points * size * ratio / 2.
 *     offset     B Q heads*levels*points*2
 *     ratios     B levels 2 (x, y): the part of the level that is no padding; read during the call only
 *                                                                                   -> B Q heads levels points 2 */
DF_API DfTensor *df_sampling_locations(DfCtx *, DfTensor *reference, DfTensor *offset, const float *ratios,
                                       const DfPyramid *, int heads, int points);
/* log(max(x, e) / max(1 - x, e)) with x clamped to [0, 1] and e = 1e-5. */
DF_API DfTensor *df_inverse_sigmoid(DfCtx *, DfTensor *x);
DF_API DfTensor *df_box_corners(DfCtx *, DfTensor *x);    /* cx cy w h -> x1 y1 x2 y2           .. 4 -> .. 4 */
/* Rows with padding_mask[row] become 0; NULL: x itself. Read during the call only.             .. C -> .. C */
DF_API DfTensor *df_zero_rows(DfCtx *, DfTensor *x, const uint8_t *padding_mask);

/* ---- DAT's offset branch: deform_positions.c -------------------------------------------------------------------- */

/* Where a deformable attention samples: reference points of the Hk x Wk grid plus learned offsets, both (y, x) in
 * [-1, 1]. With n = Hk or Wk:
 *     factor >= 0 (2023): ref + tanh(offset) / (n - 1) * factor, ref = (i + 0.5) / (n - 1) * 2 - 1; not clamped; n >= 2
 *     factor <  0 (2023): clamp(ref + offset, -1, 1)
 * With `code_2022` n is not reduced by 1; factor 0 takes the offset as it is, factor < 0 is tanh(ref + offset).
 *                                                                                  B Hk Wk G 2 -> B G Hk Wk 2 */
typedef struct {
    float factor;
    bool code_2022;
} DfPositions;
DF_API DfTensor *df_deform_positions(DfCtx *, DfTensor *offset, DfPositions);
DF_API DfTensor *df_swap_xy(DfCtx *, DfTensor *x);       /* the two numbers of a pair change places     .. 2 -> .. 2 */
/* d = 4 (query - position) for every query of the H x W grid and every sample, as sign(d) log2(|d| + 1) / 3: the
 * input of Swin v2's continuous position bias (Liu et al., CVPR 2022).         B G Ns 2 -> B*G H*W Ns 2 */
DF_API DfTensor *df_log_displacement(DfCtx *, DfTensor *pos, int H, int W);

DF_END_DECLS

#endif
