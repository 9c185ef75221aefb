/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/attention.h -- attention ops of every kind, and the observers of sampling points. Included by
 * tensor/tensor.h; tensor/ops.h has the conventions.
 */
#ifndef DF_TENSOR_ATTENTION_H
#define DF_TENSOR_ATTENTION_H

#include "tensor/products.h"

DF_BEGIN_DECLS

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
