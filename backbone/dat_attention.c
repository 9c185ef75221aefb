/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/dat_attention.c -- deformable multi-head attention: keys and values are sampled at positions that the queries
 * choose. Xia et al., "Vision Transformer with Deformable Attention", CVPR 2022, section 3.2 and figure 2.
 *
 * Dimensions: B batch, H x W queries, Hk x Wk samples, C channels in G groups of Cg; a group of channels shares its samples.
 */
#include <math.h>

#include "backbone/dat_block.h"

typedef struct {
    DatBlockOptions o;
    NnConv offset_conv;         /* conv_offset.0: depthwise, its weights shared by the groups */
    NnLayerNorm offset_norm;    /* conv_offset.1.norm                                         */
    NnLinear offset_out;        /* conv_offset.3: to (dy, dx)                                 */
    NnLinear proj_q, proj_k, proj_v, proj_out;
    DfTensor *table;            /* rpe_table: heads 2H-1 2W-1, or heads HW Ns                 */
    NnConv lepe;                /* dwc_pe                                                     */
    NnLinear cpb[2];            /* log_cpb                                                    */
} Deform;

/* ---- construction ------------------------------------------------------------------------------------------------ */

/* Without offsets the 2023 code pools and has no position bias; the 2022 code samples at the reference points. */
static bool pools(const DatBlockOptions *o)
{
    return o->no_off && !o->code_2022;
}

static void position_bias_init(NnScope s, Deform *a)
{
    const DatBlockOptions *o = &a->o;
    const int side = o->side, samples = o->code_2022 ? side : side / o->stride;
    if (!o->use_pe || pools(o))
        return;
    if (o->dwc_pe) {
        nn_conv_init(nn_at(s, "rpe_table"), &a->lepe, a->o.dim, a->o.dim, (NnConvShape){ .kernel = 3, .padding = 1, .groups = a->o.dim });
    } else if (o->fixed_pe) {
        a->table = nn_param(s, "rpe_table", DF_SHAPE(o->heads, side * side, samples * samples), NN_AS_IS, nn_truncated_normal(0.01));
        nn_last(s)->resize = o->resize_positions ? NN_RESIZE_MAP_TABLE : NN_RESIZE_NO;
    } else if (o->log_cpb) {
        nn_linear_init(nn_at(s, "rpe_table.0"), &a->cpb[0], 2, 32, true);
        nn_linear_init(nn_at(s, "rpe_table.2"), &a->cpb[1], 32, o->heads / o->groups, false);
    } else {
        a->table = nn_param(s, "rpe_table", DF_SHAPE(o->heads, 2 * side - 1, 2 * side - 1), NN_AS_IS, nn_truncated_normal(0.01));
        nn_last(s)->resize = o->resize_positions ? NN_RESIZE_MAP_TABLE : NN_RESIZE_NO;
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
    if (!options_fit(s, o))
        return;
    a->o = *o;
    const int C = o->dim, Cg = C / o->groups, padding = !o->code_2022 && o->ksize == o->stride ? 0 : o->ksize / 2;
    const int fan_in = o->ksize * o->ksize;
    NnConv *conv = &a->offset_conv;
    conv->conv = (DfConv){ { o->stride, o->stride }, { padding, padding }, { 1, 1 }, C };
    conv->weight = nn_param(s, "conv_offset.0.weight", DF_SHAPE(Cg, 1, o->ksize, o->ksize), NN_DEPTHWISE, nn_kaiming_uniform(fan_in));
    conv->bias = nn_param(s, "conv_offset.0.bias", DF_SHAPE(Cg), NN_AS_IS, nn_kaiming_uniform(fan_in));
    nn_layer_norm_init(nn_at(s, "conv_offset.1.norm"), &a->offset_norm, Cg, 1e-5);
    nn_pointwise_init(nn_at(s, "conv_offset.3"), &a->offset_out, Cg, 2, false);
    nn_pointwise_init(nn_at(s, "proj_q"), &a->proj_q, C, C, true);
    nn_pointwise_init(nn_at(s, "proj_k"), &a->proj_k, C, C, true);
    nn_pointwise_init(nn_at(s, "proj_v"), &a->proj_v, C, C, true);
    nn_pointwise_init(nn_at(s, "proj_out"), &a->proj_out, C, C, true);
    position_bias_init(s, a);
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

/* The groups share one small convolution: its weights stand side by side, so that all channels go through in one pass. */
static DfTensor *offsets(DfCtx *c, const Deform *a, DfTensor *q)           /* B H W C -> B Hk Wk G 2 */
{
    const int G = a->o.groups, Cg = a->o.dim / G;
    const DfMark m = df_enter(c, "conv_offset", -1);
    DfTensor *weight = df_repeat(c, a->offset_conv.weight, G), *bias = df_repeat(c, a->offset_conv.bias, G);
    DfTensor *x = df_conv2d(c, q, weight, bias, a->offset_conv.conv, (DfFuse){ 0 });
    x = df_reshape(c, x, DF_SHAPE(df_dim(x, 0), df_dim(x, 1), df_dim(x, 2), G, Cg));
    x = df_gelu(c, nn_layer_norm(c, &a->offset_norm, x));
    return df_leave(c, m, nn_linear(c, &a->offset_out, x));
}

static DfTensor *positions(DfCtx *c, const Deform *a, DfTensor *q)         /* -> B G Hk Wk 2 (y, x) */
{
    const DfMark m = df_enter(c, "pos", -1);
    DfTensor *x = offsets(c, a, q);
    if (a->o.no_off)
        x = df_scale(c, x, 0);
    DfTensor *pos = df_deform_positions(c, x, (DfPositions){ (float)a->o.offset_range_factor, a->o.code_2022 });
    return df_leave(c, m, pos);
}

static DfTensor *sample(DfCtx *c, DfTensor *x, DfTensor *pos)                    /* B H W C -> B Hk Wk C */
{
    const int B = df_dim(pos, 0), G = df_dim(pos, 1), H = df_dim(pos, 2), W = df_dim(pos, 3);
    DfTensor *grid = df_reshape(c, df_swap_xy(c, pos), DF_SHAPE(B * G, H, W, 2));
    return df_grid_sample(c, x, grid, G, DF_PAD_ZEROS, true);
}

/* Swin v2's continuous bias: a small network over log-spaced displacements. It exists as a matrix, so it suits small maps. */
static DfTensor *continuous_bias(DfCtx *c, const Deform *a, DfTensor *pos, int H, int W) /* -> B heads HW Ns */
{
    const int B = df_dim(pos, 0), N = df_dim(pos, 2);
    DfTensor *d = df_log_displacement(c, pos, H, W);                             /* B*G HW Ns 2 */
    d = nn_linear(c, &a->cpb[1], df_relu(c, nn_linear(c, &a->cpb[0], d)));
    d = df_permute(c, d, DF_SHAPE(0, 3, 1, 2));
    return df_reshape(c, d, DF_SHAPE(B, a->o.heads, H * W, N));
}

static DfTensor *fixed_bias(DfCtx *c, const Deform *a, int queries, int samples) /* -> heads HW Ns */
{
    DfTensor *table = a->table;
    const int heads = a->o.heads, rows = df_dim(table, 1), columns = df_dim(table, 2);
    if (rows == queries && columns == samples)
        return table;
    if (a->o.fixed_size) {
        df_ctx_fail(c, DF_ESHAPE, "fixed_pes: a table for %d queries and %d samples met %d and %d", rows, columns, queries, samples);
        return &c->nil;
    }
    table = df_reshape(c, table, DF_SHAPE(heads, rows, columns, 1));
    table = df_interpolate(c, table, queries, samples, DF_BILINEAR, true);
    return df_reshape(c, table, DF_SHAPE(heads, queries, samples));
}

static DfTensor *attend(DfCtx *c, const Deform *a, DfTensor *q, DfTensor *k, DfTensor *v, DfTensor *pos)
{
    const DatBlockOptions *o = &a->o;
    const int H = df_dim(q, 1), W = df_dim(q, 2), N = df_dim(k, 1);
    DfDeformAttention how = { .heads = o->heads, .groups = o->groups, .scale = 1 / sqrtf((float)(o->dim / o->heads)), .half_pixel = o->code_2022 };
    DfTensor *bias = NULL;
    if (pos && o->use_pe && !o->dwc_pe) {
        how.kind = o->fixed_pe || o->log_cpb ? DF_BIAS_DENSE : DF_BIAS_TABLE;
        bias = o->fixed_pe ? fixed_bias(c, a, H * W, N) : o->log_cpb ? continuous_bias(c, a, pos, H, W) : a->table;
    }
    if (pos)
        df_observe_points(c, &(DfPointAttention){ .shared = true, .q = q, .k = k, .pos = pos, .bias = bias, .how = how, .cell = o->cell });
    return df_deform_attention(c, q, k, v, pos, bias, how);
}

static DfTensor *forward(DfCtx *c, const void *self, DfTensor *x, NnResidual r)
{
    const Deform *a = self;
    const int B = df_dim(x, 0), C = df_dim(x, 3), stride = a->o.stride;
    DfTensor *q = nn_linear(c, &a->proj_q, x);                                   /* B H W C */
    DfTensor *pos = pools(&a->o) ? NULL : positions(c, a, q);
    DfTensor *s = !pos ? df_avg_pool2d(c, x, (int[2]){ stride, stride }, (int[2]){ stride, stride }, (int[2]){ 0, 0 }, false, true)
                       : sample(c, x, pos);                                      /* B Hk Wk C */
    const int N = df_dim(s, 1) * df_dim(s, 2);
    s = df_reshape(c, s, DF_SHAPE(B, N, C));
    if (pos)
        pos = df_reshape(c, pos, DF_SHAPE(B, a->o.groups, N, 2));
    DfTensor *y = attend(c, a, q, nn_linear(c, &a->proj_k, s), nn_linear(c, &a->proj_v, s), pos);
    if (a->o.use_pe && a->o.dwc_pe)
        y = nn_conv_fused(c, &a->lepe, q, (DfFuse){ .residual = y });
    r.drop = a->o.drop;
    return nn_linear_add(c, &a->proj_out, y, r);
}

const DatBlockKind df_dat_block_deform = { .letter = 'D', .size = sizeof(Deform), .init = init, .forward = forward };
