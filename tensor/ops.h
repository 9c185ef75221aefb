/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/ops.h -- every op, forward here and backward in the same file. Part of the door tensor/tensor.h: include that.
 *
 * Shapes stand at the right margin. Ops check them and poison the context with a sentence when they do not fit.
 * `NULL` for a tensor argument means absent where it says "or NULL". Names and conventions are PyTorch's unless said
 * otherwise, except that maps are channels-last.
 */
#ifndef DF_TENSOR_OPS_H
#define DF_TENSOR_OPS_H

#include "tensor/context.h"

/* ---- linear.c, matmul.c ----------------------------------------------------------------------------------------- */

/* What a linear layer or a convolution does to its result before it is stored: y = act(y + bias) * scale + residual.
 * The bias is an argument of its own. When the tape is on it is computed as separate ops, with the same value up to
 * rounding. */
typedef struct {
    DfAct act;              /* DF_ACT_NONE, RELU, GELU, ... (kernels/kernels.h)               */
    DfTensor *scale;        /* per output channel (layer scale), or NULL                      */
    DfTensor *residual;     /* same shape as the result, or NULL                              */
    DfTensor *fold;         /* df_conv2d without a tape: per output channel, a factor of the weight itself, for the price of packing; or NULL */
} DfFuse;

DfTensor *df_linear(DfCtx *, DfTensor *x, DfTensor *weight, DfTensor *bias);   /* .. I, O I, O or NULL -> .. O */
DfTensor *df_linear_fused(DfCtx *, DfTensor *x, DfTensor *weight, DfTensor *bias, DfFuse);
/* act(x w1' + b1) w2' + b2 (* scale + residual): the hidden layer exists a few rows at a time only. */
DfTensor *df_mlp(DfCtx *, DfTensor *x, DfTensor *w1, DfTensor *b1, DfAct act, DfTensor *w2, DfTensor *b2, DfFuse);
DfTensor *df_matmul(DfCtx *, DfTensor *a, DfTensor *b);                        /* B M K, B K N -> B M N (leading dims equal) */

/* ---- conv2d.c, conv_transpose2d.c, deform_conv2d.c -------------------------------------------------------------- */

typedef struct {
    int stride[2], padding[2], dilation[2]; /* y, x */
    int groups;
} DfConv;
/* weight is O kh kw I/groups; with groups == I == O (depthwise) it is kh kw C; other grouped forms O kh kw I/groups. */
DfTensor *df_conv2d(DfCtx *, DfTensor *x, DfTensor *weight, DfTensor *bias, DfConv, DfFuse); /* N H W I -> N H' W' O */
/* weight is I kh kw O/groups. H' = (H - 1) stride - 2 padding + dilation (kh - 1) + output_padding + 1. */
DfTensor *df_conv_transpose2d(DfCtx *, DfTensor *x, DfTensor *weight, DfTensor *bias, DfConv,
                              const int output_padding[2]);

/* Deformable convolution: point p of the kernel reads x bilinearly (zeros outside) at its place plus an offset,
 * times a weight. G groups of channels have offsets of their own; groups are those of the convolution.
 *     offset  N H' W' 2GP, P = kh kw: for each group and point dy, dx
 *     mask    N H' W' GP (v2; a sigmoid is the caller's), or NULL (v1)
 *     weight  O kh kw I/groups */
DfTensor *df_deform_conv2d(DfCtx *, DfTensor *x, DfTensor *offset, DfTensor *mask, DfTensor *weight, DfTensor *bias,
                           DfConv, int G);

/* ---- norms: layer_norm.c, group_norm.c, batch_norm.c ------------------------------------------------------------ */

DfTensor *df_layer_norm(DfCtx *, DfTensor *x, DfTensor *weight, DfTensor *bias, float eps);   /* over the last dimension; weight, bias or NULL */
DfTensor *df_group_norm(DfCtx *, DfTensor *x, int groups, DfTensor *weight, DfTensor *bias, float eps); /* N H W C */
/* Training: the batch's statistics, and running_* are updated in place (momentum, unbiased variance). Else running_*
 * are used. `use_batch` chooses; pass c->training && !frozen. Over the last dimension of any shape. */
DfTensor *df_batch_norm(DfCtx *, DfTensor *x, DfTensor *weight, DfTensor *bias, DfTensor *running_mean,
                        DfTensor *running_var, bool use_batch, float momentum, float eps);
/* act(batch_norm(x) + residual) by the running statistics, in one pass over memory unless the tape is on; residual
 * or NULL. */
DfTensor *df_batch_norm_fused(DfCtx *, DfTensor *x, DfTensor *weight, DfTensor *bias, DfTensor *running_mean,
                              DfTensor *running_var, float eps, DfAct, DfTensor *residual);
/* By the running statistics it is x scale + shift, of one element a channel: for the convolution before it
 * (DfFuse.fold, bias). */
void df_batch_norm_columns(DfCtx *, const DfTensor *weight, const DfTensor *bias, const DfTensor *running_mean,
                           const DfTensor *running_var, float eps, DfTensor **scale, DfTensor **shift);

/* ---- elementwise: activation.c, arithmetic.c, dropout.c --------------------------------------------------------- */

DfTensor *df_act(DfCtx *, DfTensor *x, DfAct);
DfTensor *df_gelu(DfCtx *, DfTensor *x);       /* x Phi(x), by erf */
DfTensor *df_relu(DfCtx *, DfTensor *x);
DfTensor *df_sigmoid(DfCtx *, DfTensor *x);
DfTensor *df_tanh(DfCtx *, DfTensor *x);
DfTensor *df_softmax(DfCtx *, DfTensor *x, int dim);
DfTensor *df_add(DfCtx *, DfTensor *x, DfTensor *y);    /* y of the same shape, or of trailing dimensions of x: broadcast over the leading ones */
DfTensor *df_mul(DfCtx *, DfTensor *x, DfTensor *y);    /* likewise */
DfTensor *df_scale(DfCtx *, DfTensor *x, float factor); /* factor x */
DfTensor *df_clamp(DfCtx *, DfTensor *x, float lo, float hi);
DfTensor *df_sum(DfCtx *, DfTensor *x);                 /* -> scalar */
DfTensor *df_dropout(DfCtx *, DfTensor *x, float p);    /* training only; else x itself */
DfTensor *df_dropout_channels(DfCtx *, DfTensor *x, float p); /* N .. C: whole channels of a sample; training only */
DfTensor *df_drop_path(DfCtx *, DfTensor *x, float p);  /* whole samples (first dimension); training only */

/* ---- shape: reshape.c, permute.c, concat.c, pad.c, roll.c ------------------------------------------------------- */

DfTensor *df_reshape(DfCtx *, DfTensor *x, DfShape);                      /* no copy; one size may be -1 */
DfTensor *df_permute(DfCtx *, DfTensor *x, DfShape order);                /* copies */
DfTensor *df_transpose(DfCtx *, DfTensor *x);                             /* the last two dimensions */
DfTensor *df_select(DfCtx *, DfTensor *x, int i);                         /* x[i], no copy */
DfTensor *df_slice(DfCtx *, DfTensor *x, int dim, int start, int count);
DfTensor *df_concat(DfCtx *, DfTensor *const *x, int n, int dim);         /* n <= DF_SOURCES */
DfTensor *df_pad2d(DfCtx *, DfTensor *x, const int pad[4], float value);  /* N H W C; top bottom left right; negative crops */
DfTensor *df_roll2d(DfCtx *, DfTensor *x, int dy, int dx);                /* N H W C; y[i + dy] = x[i], cyclic */
DfTensor *df_window_partition(DfCtx *, DfTensor *x, int window);          /* N H W C -> N*nH*nW window*window C; H, W multiples */
DfTensor *df_window_reverse(DfCtx *, DfTensor *x, int window, int H, int W);
DfTensor *df_space_to_depth(DfCtx *, DfTensor *x);                        /* N H W C -> N H/2 W/2 4C in Swin's merge order 00 10 01 11; odd sizes padded with 0 */
DfTensor *df_mean_tokens(DfCtx *, DfTensor *x);                           /* B .. C -> B C, mean over the middle */

/* ---- sampling: interpolate.c, pool2d.c, grid_sample.c, roi_align.c ---------------------------------------------- */

typedef enum { DF_NEAREST, DF_BILINEAR, DF_BICUBIC } DfInterpolation;
DfTensor *df_interpolate(DfCtx *, DfTensor *x, int H, int W, DfInterpolation, bool align_corners); /* N h w C -> N H W C */
/* n maps of one N, each brought to H W (bilinear), side by side: df_interpolate() and df_concat() without the memory
 * between. Of the H rows only `rows` from `first` on are made; those outside the map are zeros. */
DfTensor *df_interpolate_concat(DfCtx *, DfTensor *const *x, int n, int H, int W, int first, int rows,
                                bool align_corners);
DfTensor *df_max_pool2d(DfCtx *, DfTensor *x, const int kernel[2], const int stride[2], const int padding[2],
                        bool ceil_mode);
DfTensor *df_avg_pool2d(DfCtx *, DfTensor *x, const int kernel[2], const int stride[2], const int padding[2],
                        bool ceil_mode, bool count_include_pad);
DfTensor *df_adaptive_avg_pool2d(DfCtx *, DfTensor *x, int H, int W);
typedef enum { DF_PAD_ZEROS, DF_PAD_BORDER, DF_PAD_REFLECTION } DfPadding;
/* grid is N h w 2 with (x, y) in [-1, 1] as in PyTorch; bilinear. x may hold G groups of channels, each with a grid
 * of its own: grid N*G h w 2, result N h w C. */
DfTensor *df_grid_sample(DfCtx *, DfTensor *x, DfTensor *grid, int groups, DfPadding, bool align_corners); /* N H W C -> N h w C */

/* Features of regions: RoIAlign (He et al., ICCV 2017). `rois` are n x 5: index in the batch, x1 y1 x2 y2 in pixels
 * of the input. Region i reads map level[i] (NULL: all the first), on which a pixel of the input is scales[level]
 * wide. Maps: N H W C, the same N and C.
 *     sampling_ratio  samples of a bin along each axis; 0: as many as cells fit into it
 *     aligned         pixel centres are at half a pixel; else mmdet 1's form: no shift, and a region is at least one cell wide
 * Regions and levels are read during the call only; a region that is empty or not finite gives 0. */
enum { DF_ROI_MAPS = 8 };
typedef struct {
    int height, width; /* bins */
    int sampling_ratio;
    bool aligned;
} DfRoiAlign;
DfTensor *df_roi_align(DfCtx *, DfTensor *const *maps, const float *scales, int n_maps, const float *rois,
                       const int *level, int n,
                       DfRoiAlign);                                            /* -> n height width C */

/* ---- losses: loss/ ----------------------------------------------------------------------------------------------- */

/* One number for each element or row, not reduced: df_scale(c, df_sum(c, loss), 1 / average). Targets, labels and
 * weights are plain arrays, read during the call only; a weight multiplies one result and may be NULL. */
DfTensor *df_l1_loss(DfCtx *, DfTensor *x, const float *target, const float *weight);                    /* .. -> .. */
DfTensor *df_smooth_l1_loss(DfCtx *, DfTensor *x, const float *target, const float *weight, float beta); /* .. -> .. */
/* x are logits; pos_weight, of the last dimension, multiplies the positive part, or is NULL. */
DfTensor *df_bce_with_logits(DfCtx *, DfTensor *x, const float *target, const float *weight, const float *pos_weight);
/* x are logits .. C -> .. C. label .. is 0..C-1, anything else is background; weight .. is for a whole row. */
DfTensor *df_sigmoid_focal_loss(DfCtx *, DfTensor *x, const int *label, const float *weight, float alpha, float gamma);

/* PyTorch's: class weights w (C, or NULL for ones) apply to the label's own share and to the smoothed shares. Its
 * weighted mean divides by the sum of w over the labels that count. */
typedef struct {
    const float *class_weight;
    const float *weight;  /* of each row, or NULL                       */
    int ignore_index;     /* rows with this label have loss 0           */
    float smoothing;      /* 0: none                                    */
} DfCrossEntropy;
DfTensor *df_cross_entropy(DfCtx *, DfTensor *x, const int *label, DfCrossEntropy);                       /* .. C -> .. */
/* Boxes x1 y1 x2 y2. Union and enclosing area are at least eps, as in mmdet. 1 - GIoU: .. 4 -> .. */
DfTensor *df_giou_loss(DfCtx *, DfTensor *x, const float *target, const float *weight, float eps);
/* p are probabilities, each first index a mask: N .. -> N. With i = sum p t: squared: 1 - 2 i / (sum p^2 + sum t^2 +
 * 2 eps); else 1 - (2 i + eps) / (sum p + sum t + eps), with eps 1 MaskFormer's. */
DfTensor *df_dice_loss(DfCtx *, DfTensor *p, const float *target, bool squared, float eps);

/* ---- attention: window_attention.c, deform_attention.c, neighborhood_attention.c, focal_attention.c ------------- */

/* Multi-head attention within windows of a map, Swin's W-MSA and SW-MSA (Liu et al., ICCV 2021, section 3.2):
 * partition, cyclic shift, mask, relative position bias, softmax and the way back in one pass, nothing copied.
 *     qkv     B H W 3C, channels [q | k | v], each head-major
 *     pad     3C: the q k v of a token outside the map (the qkv bias,
                                                         since such tokens are zeros before the projection), or
 *             NULL for zeros. The map is padded right and bottom to multiples of the window; padded tokens are ordinary keys.
 *     table   (2w-1)^2 heads, indexed by query - key, or NULL
 *     shift   0: none. Tokens that the shift brings together from different regions get -100 (on the padded map). */
typedef struct {
    int window, shift, heads;
    float scale;
} DfWindowAttention;
DfTensor *df_window_attention(DfCtx *, DfTensor *qkv, DfTensor *pad, DfTensor *table, DfWindowAttention); /* -> B H W C */

/* Attention of every query over Ns sampled keys with a bias from a position table: DAT (Xia et al., CVPR 2022,
 * section 3.2). Flash-style: neither the scores nor the bias exist as a matrix.
 *     q       B H W C; k, v: B Ns C; heads contiguous; head h belongs to group h / (heads / groups)
 *     pos     B G Ns 2 (y, x), the sampling positions in [-1, 1]; may be NULL if there is no table
 *     bias    by kind: DF_BIAS_NONE: NULL.
 *             DF_BIAS_TABLE: table heads th tw sampled bilinearly (align_corners,
                                                                    zeros outside) at (q_grid - pos) / 2, where
 *             q_grid is i/(H-1)*2-1 (corner), or (i+0.5)/H*2-1 if `half_pixel` (the 2022 code).
 *             DF_BIAS_DENSE: heads H*W Ns (or B heads H*W Ns), added as it is. */
typedef enum { DF_BIAS_NONE, DF_BIAS_TABLE, DF_BIAS_DENSE } DfBiasKind;
typedef struct {
    int heads, groups;
    float scale;
    DfBiasKind kind;
    bool half_pixel;
    const uint8_t *padding_mask; /* B Ns: 1 for padding, which no query sees; NULL: none. Not with a bias; must last as
                                  * long as the tape */
} DfDeformAttention;
DfTensor *df_deform_attention(DfCtx *, DfTensor *q, DfTensor *k, DfTensor *v, DfTensor *pos, DfTensor *bias,
                              DfDeformAttention);
/* The same as the kernels take it, for df_deform_attention_weights(): v may be NULL there. */
DfDeformProblem df_deform_problem(const DfTensor *q, const DfTensor *k, const DfTensor *v, const DfTensor *pos,
                                  const DfTensor *bias, DfDeformAttention);

/* Every query attends to the window x window tokens around it, which move inwards at the border: neighborhood
 * attention (Hassani et al., CVPR 2023). With dilation d neighbors are d tokens apart.
 *     qkv     B H W 3C, channels [q | k | v], each head-major; window * dilation is at most H and W
 *     table   heads 2w-1 2w-1, indexed by key - query, or NULL */
typedef struct {
    int window, dilation, heads; /* window is odd */
    float scale;
} DfNeighborhoodAttention;
DfTensor *df_neighborhood_attention(DfCtx *, DfTensor *qkv, DfTensor *table, DfNeighborhoodAttention); /* -> B H W C */

/* Focal attention (Yang et al., NeurIPS 2021, section 3.2): a window attends to itself, to the tokens around it, and
 * to maps that get coarser with their distance. Nothing is rolled, unfolded or joined.
 *     qkv, pad, table   as in df_window_attention, but the table must be there. Only a window's own keys are masked by a shift.
 *     neighbors         1 heads window^2 n, the bias of what `expand` brings in from the padded map, which is cyclic: the four moves
 *                       of the window by `expand`, down right first, then down left, up right, up left; without the window itself. NULL if 0
 *     pooled[k]         B rows*2^k columns*2^k 3C: q k v of the map pooled so that a window has 2^k x 2^k cells; q is not read.
 *                       Those up to focal_window / 2 around a window's cells are keys; beyond the map they are zeros with -100
 *     tables[k]         heads (window + focal_window + 2^k - 2)^2, indexed by query - key */
typedef struct {
    int window, shift, heads, expand;
    int levels, focal_window; /* levels: how many pooled maps; focal_window is odd */
    float scale;
} DfFocalAttention;
DfTensor *df_focal_attention(DfCtx *, DfTensor *qkv, DfTensor *pad, DfTensor *table, DfTensor *neighbors,
                             DfTensor *const *pooled,
                             DfTensor *const *tables, DfFocalAttention); /* -> B H W C */

/* ---- ms_deform_attention.c, references.c: Deformable DETR (Zhu et al., ICLR 2021) ------------------------------- */

/* Levels of a feature pyramid whose cells stand one after the other in one list. */
typedef struct {
    int n, h[DF_MS_LEVELS], w[DF_MS_LEVELS];
} DfPyramid;
int df_pyramid_cells(const DfPyramid *);

/* Every query reads `points` places of each level, bilinearly, zeros outside; the weights are the caller's softmax.
 *     value      B cells heads depth
 *     location   B Q heads levels points 2, (x, y) in [0, 1] of a level, pixel centres at (i + 0.5) / size
 *     attention  B Q heads levels points, in any shape of that size                                     -> B Q
 * heads*depth */
DfTensor *df_ms_deform_attention(DfCtx *, DfTensor *value, DfTensor *location, DfTensor *attention, const DfPyramid *);
/* Those places: reference * ratio + offset / (w, h) of the level for reference points (B Q 2), and for reference
 * boxes (B Q 4, cx cy w h) centre * ratio + offset / points * size * ratio / 2.
 *     offset     B Q heads*levels*points*2
 *     ratios     B levels 2 (x, y): the part of the level that is no padding; read during the call only */
DfTensor *df_sampling_locations(DfCtx *, DfTensor *reference, DfTensor *offset, const float *ratios,
                                const DfPyramid *, int heads, int points);
DfTensor *df_inverse_sigmoid(DfCtx *, DfTensor *x);                            /* log(max(x, 1e-5) / max(1 - x, 1e-5)), x clamped to [0, 1] */
DfTensor *df_box_corners(DfCtx *, DfTensor *x);                                /* .. 4, cx cy w h -> x1 y1 x2 y2 */
DfTensor *df_zero_rows(DfCtx *, DfTensor *x, const uint8_t *off);              /* .. C: rows with off[row] become 0; off NULL: x itself */

/* ---- deform_positions.c, repeat.c: the small parts of DAT's offset branch --------------------------------------- */

/* Where a deformable attention samples: reference points of the Hk x Wk grid plus learned offsets, both (y, x) in
 * [-1, 1].
 *     factor >= 0 (2023): ref + tanh(offset) / (size - 1) * factor, ref = (i + 0.5) / (size - 1) * 2 - 1; not clamped
 *     factor <  0 (2023): clamp(ref + offset, -1, 1)
 * With `code_2022` sizes are not reduced by 1; factor 0 takes the offset as it is, factor < 0 is tanh(ref + offset). */
typedef struct {
    float factor;
    bool code_2022;
} DfPositions;
DfTensor *df_deform_positions(DfCtx *, DfTensor *offset, DfPositions);         /* B Hk Wk G 2 -> B G Hk Wk 2 */
DfTensor *df_swap_xy(DfCtx *, DfTensor *x);                                    /* .. 2: the two numbers of a pair change places */
/* d = 4 (query - position) for every query of the H x W grid and every sample, as sign(d) log2(|d| + 1) / 3: the
 * input of Swin v2's continuous position bias.                                            B G Ns 2 -> B*G H*W Ns 2 */
DfTensor *df_log_displacement(DfCtx *, DfTensor *pos, int H, int W);
DfTensor *df_repeat(DfCtx *, DfTensor *x, int n);                              /* .. C -> .. n*C, n copies side by side */

#endif
