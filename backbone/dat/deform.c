/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/dat/deform.c -- block D of DAT: deformable attention. Keys and values are sampled at positions that the
 * queries predict. Xia et al., "Vision Transformer with Deformable Attention", CVPR 2022, section 3.2 and figure 2:
 *     q = x Wq,   offset = theta(q),   x~ = phi(x; p + offset),   k~ = x~ Wk,   v~ = x~ Wv           (eq. 6 and 7)
 *     z = softmax(q k~' / sqrt(D) + phi(B; R)) v~,   for each head, and Wo of all heads                  (eq. 9)
 * p is a regular grid of reference points, phi bilinear interpolation (eq. 8), B a table of position biases, which is
 * interpolated at the displacements R between queries and samples.
 *
 * Dimensions: B batch, H x W queries, Hk x Wk samples (Ns of them), C channels in G groups; a group of channels shares
 * its samples, and has one or several heads of D channels.
 */
#include "backbone/dat/kinds.h"
#include "backbone/dat/offsets.h"

typedef struct {
    DatBlockOptions o;
    DatOffsets offsets;         /* theta: conv_offset                                         */
    NnLinear proj_q, proj_k, proj_v, proj_out;
    /* the position bias: one of these, or none */
    DfTensor *table;            /* rpe_table: heads 2H-1 2W-1; fixed_pe: heads HW Ns          */
    NnConv lepe;                /* dwc_pe: a depthwise convolution of the queries             */
    NnLinear cpb[2];            /* log_cpb: a small network of the distance                   */
} Deform;

/* Without offsets the 2023 code pools and has no position bias; the 2022 code samples at the reference points. */
static bool pools(const DatBlockOptions *o)
{
    return o->no_off && !o->code_2022;
}

/* ---- samples ----------------------------------------------------------------------------------------------------- */

/* p + theta(q): a regular grid plus what the offset network says, bounded by `offset_range_factor`
 * (tensor/deform_positions.c). */
static DfTensor *positions(DfCtx *c, const Deform *a, DfTensor *q)               /* B H W C -> B G Hk Wk 2 (y, x) */
{
    const DfMark m = df_enter(c, "pos", -1);
    const DfMark theta = df_enter(c, "conv_offset", -1);
    DfTensor *offset = df_leave(c, theta, df_dat_offsets(c, &a->offsets, q));    /* B Hk Wk G 2 */
    if (a->o.no_off)
        offset = df_scale(c, offset, 0);
    const DfPositions how = { .factor = (float)a->o.offset_range_factor, .code_2022 = a->o.code_2022 };
    return df_leave(c, m, df_deform_positions(c, offset, how));
}

/* x~ = phi(x; pos): each group of channels at the positions of its own. */
static DfTensor *sample(DfCtx *c, DfTensor *x, DfTensor *pos)                    /* B H W C -> B Hk Wk C */
{
    const int B = df_dim(pos, 0), G = df_dim(pos, 1), Hk = df_dim(pos, 2), Wk = df_dim(pos, 3);
    DfTensor *grid = df_swap_xy(c, pos);                                         /* (x, y), as grid_sample takes it */
    grid = df_reshape(c, grid, DF_SHAPE(B * G, Hk, Wk, 2));
    return df_grid_sample(c, x, grid, G, DF_PAD_ZEROS, true);
}

static DfTensor *pool(DfCtx *c, DfTensor *x, int stride)                         /* B H W C -> B Hk Wk C */
{
    const int side[2] = { stride, stride }, none[2] = { 0, 0 };
    return df_avg_pool2d(c, x, side, side, none, false, true);
}

/* ---- the position bias ------------------------------------------------------------------------------------------- */

/* Swin v2's continuous bias (Liu et al., CVPR 2022, section 3.3): a small network of log-spaced distances. It exists as
 * a matrix, so it suits small maps. */
static DfTensor *continuous_bias(DfCtx *c, const Deform *a, DfTensor *pos, int H, int W) /* B G Ns 2 -> B heads HW Ns */
{
    const int B = df_dim(pos, 0), Ns = df_dim(pos, 2);
    DfTensor *d = df_log_displacement(c, pos, H, W);                             /* B*G HW Ns 2 */
    d = df_relu(c, nn_linear(c, &a->cpb[0], d));                                 /* B*G HW Ns 32 */
    d = nn_linear(c, &a->cpb[1], d);                                             /* B*G HW Ns heads/G */
    d = df_permute(c, d, DF_SHAPE(0, 3, 1, 2));
    return df_reshape(c, d, DF_SHAPE(B, a->o.heads, H * W, Ns));
}

/* An entry for each pair of query and sample, resized where the map is not the one that the table was made for. */
static DfTensor *fixed_bias(DfCtx *c, const Deform *a, int queries, int samples) /* -> heads HW Ns */
{
    DfTensor *table = a->table;
    const int heads = a->o.heads, rows = df_dim(table, 1), columns = df_dim(table, 2);
    if (rows == queries && columns == samples)
        return table;
    if (a->o.fixed_size) {
        df_ctx_fail(c, DF_ESHAPE, "fixed_pes: a table for %d queries and %d samples met %d and %d",
                    rows, columns, queries, samples);
        return &c->nil;
    }
    table = df_reshape(c, table, DF_SHAPE(heads, rows, columns, 1));
    table = df_interpolate(c, table, queries, samples, DF_BILINEAR, true);
    return df_reshape(c, table, DF_SHAPE(heads, queries, samples));
}

/* Where a distance is counted in shares of size - 1, a map of one row or column has none: the official code divides 0
 * by 0, and gives nothing but numbers that are not finite. */
static bool has_distances(DfCtx *c, const DatBlockOptions *o, int H, int W)
{
    if ((o->code_2022 && !o->log_cpb) || (H > 1 && W > 1))
        return true;
    df_ctx_fail(c, DF_ESHAPE, "a map of %dx%d: the distances of its position bias want at least 2x2", H, W);
    return false;
}

/* phi(B; R) of eq. 9, and in how->kind its form. A dwc_pe is no summand of the scores: it is added to the result. */
static DfTensor *position_bias(DfCtx *c, const Deform *a, DfTensor *q, DfTensor *pos, DfDeformAttention *how)
{
    const DatBlockOptions *o = &a->o;
    const int H = df_dim(q, 1), W = df_dim(q, 2);
    how->kind = DF_BIAS_NONE;
    if (!pos || !o->use_pe || o->dwc_pe)
        return NULL;
    how->kind = DF_BIAS_DENSE;
    if (o->fixed_pe)
        return fixed_bias(c, a, H * W, df_dim(pos, 2));
    if (!has_distances(c, o, H, W))
        return &c->nil;
    if (o->log_cpb)
        return continuous_bias(c, a, pos, H, W);
    how->kind = DF_BIAS_TABLE;
    return a->table;
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

/* softmax(q k~' / sqrt(D) + bias) v~, and what is told to those who want to see where a network looks.
 *     q   B H W C        k, v   B Ns C        pos   B G Ns 2, or NULL        -> B H W C */
static DfTensor *attend(DfCtx *c, const Deform *a, DfTensor *q, DfTensor *k, DfTensor *v, DfTensor *pos)
{
    const DatBlockOptions *o = &a->o;
    DfDeformAttention how = {
        .heads = o->heads,
        .groups = o->groups,
        .scale = df_dat_scale(o),
        .drop = o->attn_drop,
        .half_pixel = o->code_2022,
    };
    DfTensor *bias = position_bias(c, a, q, pos, &how);
    if (pos)
        df_observe_points(c, &(DfPointAttention){
            .shared = true, .q = q, .k = k, .pos = pos, .bias = bias, .how = how, .cell = o->cell,
        });
    return df_deform_attention(c, q, k, v, pos, bias, how);
}

static DfTensor *forward(DfCtx *c, const void *self, DfTensor *x, NnResidual r)
{
    const Deform *a = self;
    const int B = df_dim(x, 0), C = df_dim(x, 3);
    DfTensor *q = nn_linear(c, &a->proj_q, x);                                   /* B H W C       */
    DfTensor *pos = pools(&a->o) ? NULL : positions(c, a, q);                    /* B G Hk Wk 2   */
    DfTensor *s = pos ? sample(c, x, pos) : pool(c, x, a->o.stride);             /* B Hk Wk C: x~ */
    const int Ns = df_dim(s, 1) * df_dim(s, 2);
    s = df_reshape(c, s, DF_SHAPE(B, Ns, C));
    if (pos)
        pos = df_reshape(c, pos, DF_SHAPE(B, a->o.groups, Ns, 2));
    DfTensor *v = nn_linear(c, &a->proj_v, s);                                   /* B Ns C */
    DfTensor *k = nn_linear(c, &a->proj_k, s);                                   /* B Ns C */
    DfTensor *y = attend(c, a, q, k, v, pos);                                    /* B H W C */
    if (a->o.use_pe && a->o.dwc_pe)
        y = nn_conv_fused(c, &a->lepe, q, (DfFuse){ .residual = y });            /* y + dwconv(q) */
    r.drop = a->o.drop;
    return nn_linear_add(c, &a->proj_out, y, r);
}

/* ---- construction ------------------------------------------------------------------------------------------------ */

static void table_init(NnScope s, Deform *a, DfShape shape)
{
    a->table = nn_param(s, "rpe_table", shape, NN_AS_IS, nn_truncated_normal(0.01));
    nn_last(s)->resize = a->o.resize_positions ? NN_RESIZE_MAP_TABLE : NN_RESIZE_NO;
}

static void position_bias_init(NnScope s, Deform *a)
{
    const DatBlockOptions *o = &a->o;
    const int side = o->side;
    const int samples = o->code_2022 ? side : side / o->stride; /* along a side */
    if (!o->use_pe || pools(o))
        return;
    if (o->dwc_pe) {
        const NnConvShape depthwise = { .kernel = 3, .padding = 1, .groups = o->dim };
        nn_conv_init(nn_at(s, "rpe_table"), &a->lepe, o->dim, o->dim, depthwise);
    } else if (o->fixed_pe) {
        table_init(s, a, DF_SHAPE(o->heads, side * side, samples * samples));
    } else if (o->log_cpb) {
        nn_linear_init(nn_at(s, "rpe_table.0"), &a->cpb[0], 2, 32, true);
        nn_linear_init(nn_at(s, "rpe_table.2"), &a->cpb[1], 32, o->heads / o->groups, false);
    } else {
        table_init(s, a, DF_SHAPE(o->heads, 2 * side - 1, 2 * side - 1));
    }
}

static bool options_fit(NnScope s, const DatBlockOptions *o)
{
    if (o->groups < 1 || o->heads % o->groups || o->dim % o->groups)
        nn_fail(s, DF_EVALUE, "groups = %d: want a divisor of %d heads and %d channels", o->groups, o->heads, o->dim);
    else if (o->stride < 1 || o->ksize < 1)
        nn_fail(s, DF_EVALUE, "strides = %d and ksizes = %d: a D block wants at least 1", o->stride, o->ksize);
    else if (o->side < 1)
        nn_fail(s, DF_EVALUE, "img_size leaves a map of side %d: want at least 1", o->side);
    else if (pools(o) && o->use_pe && o->dwc_pe)
        nn_fail(s, DF_EVALUE, "no_offs with use_pes and dwc_pes: the official 2023 code has no such form");
    return nn_ok(s);
}

static void init(NnScope s, void *self, const DatBlockOptions *o)
{
    Deform *a = self;
    const int C = o->dim;
    if (!options_fit(s, o))
        return;
    a->o = *o;
    NnConvShape theta = { .kernel = o->ksize, .stride = o->stride, .padding = o->ksize / 2 };
    if (!o->code_2022 && o->ksize == o->stride) /* whole cells: nothing reaches over the border */
        theta.padding = 0;
    df_dat_offsets_init(nn_at(s, "conv_offset"), &a->offsets, C, o->groups, theta, 2);
    nn_pointwise_init(nn_at(s, "proj_q"), &a->proj_q, C, C, true);
    nn_pointwise_init(nn_at(s, "proj_k"), &a->proj_k, C, C, true);
    nn_pointwise_init(nn_at(s, "proj_v"), &a->proj_v, C, C, true);
    nn_pointwise_init(nn_at(s, "proj_out"), &a->proj_out, C, C, true);
    position_bias_init(s, a);
}

const DatBlockKind df_dat_block_deform = {
    .letter = 'D',
    .size = sizeof(Deform),
    .init = init,
    .forward = forward,
};
