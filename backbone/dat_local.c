/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/dat_local.c -- block A of DAT-Detection: local deformable attention. Every query attends to the k x k tokens around
 * it, each moved by an offset of its own. No published network has it.
 *
 * Dimensions: B batch, N = H x W queries, T = k x k samples for each, C channels in G groups, heads of D.
 */
#include <math.h>

#include "backbone/dat_block.h"

typedef struct {
    DatBlockOptions o;
    NnLinear proj_q, proj_k, proj_v, proj_out;
    NnConv offset_conv;      /* conv_offset.0: depthwise, its weights shared by the groups */
    NnLayerNorm offset_norm; /* conv_offset.1.norm                                         */
    NnLinear offset_out;     /* conv_offset.3: to (dy of all samples, dx of all samples)   */
    DfTensor *table;         /* rpe_table: heads 2H-1 2W-1, or NULL                        */
} Local;

static void offsets_init(NnScope s, Local *a)
{
    const DatBlockOptions *o = &a->o;
    const int Cg = o->dim / o->groups, k = o->local_ksize;
    a->offset_conv.conv = (DfConv){ { 1, 1 }, { k / 2, k / 2 }, { 1, 1 }, o->dim };
    a->offset_conv.weight = nn_param(s, "0.weight", DF_SHAPE(Cg, 1, k, k), NN_DEPTHWISE, nn_kaiming_uniform(k * k));
    a->offset_conv.bias = nn_param(s, "0.bias", DF_SHAPE(Cg), NN_AS_IS, nn_kaiming_uniform(k * k));
    nn_layer_norm_init(nn_at(s, "1.norm"), &a->offset_norm, Cg, 1e-5);
    nn_pointwise_init(nn_at(s, "3"), &a->offset_out, Cg, 2 * o->local_kv * o->local_kv, false);
}

static void init(NnScope s, void *self, const DatBlockOptions *o)
{
    Local *a = self;
    a->o = *o;
    if (o->local_ksize < 1 || o->local_ksize % 2 == 0 || o->local_kv < 1 || o->local_kv % 2 == 0)
        nn_fail(s, DF_EVALUE, "local_orf = %d and local_kv_sizes = %d: an A block wants odd numbers", o->local_ksize, o->local_kv);
    else if (o->groups < 1 || o->heads % o->groups || o->dim % o->groups)
        nn_fail(s, DF_EVALUE, "groups = %d: want a divisor of %d heads and %d channels", o->groups, o->heads, o->dim);
    else if (o->use_pe && o->side < 1)
        nn_fail(s, DF_EVALUE, "img_size leaves a map of side %d: want at least 1", o->side);
    if (!nn_ok(s))
        return;
    nn_pointwise_init(nn_at(s, "proj_q"), &a->proj_q, o->dim, o->dim, true);
    nn_pointwise_init(nn_at(s, "proj_k"), &a->proj_k, o->dim, o->dim, true);
    nn_pointwise_init(nn_at(s, "proj_v"), &a->proj_v, o->dim, o->dim, true);
    nn_pointwise_init(nn_at(s, "proj_out"), &a->proj_out, o->dim, o->dim, true);
    offsets_init(nn_at(s, "conv_offset"), a);
    if (!o->use_pe)
        return;
    a->table = nn_param(s, "rpe_table", DF_SHAPE(o->heads, 2 * o->side - 1, 2 * o->side - 1), NN_AS_IS, nn_truncated_normal(0.01));
    nn_last(s)->resize = o->resize_positions ? NN_RESIZE_MAP_TABLE : NN_RESIZE_NO;
}

/* ---- positions ----------------------------------------------------------------------------------------------------- */

static float coordinate(int at, int size) /* of a token, in [-1, 1]; NaN if there is but one, as in the official code */
{
    const int held = at < 0 ? 0 : at < size ? at : size - 1;
    return (float)held / (float)(size - 1) * 2 - 1;
}

/* (y, x) of the k x k tokens around every query; tokens beyond the border are those on it. */
static DfTensor *references(DfCtx *c, int H, int W, int k)                       /* -> N T 2 */
{
    DfTensor *ref = df_new(c, DF_SHAPE(H * W, k * k, 2));
    if (df_skip(c, ref))
        return ref;
    for (int i = 0; i < H * W; i++)
        for (int t = 0; t < k * k; t++) {
            float *to = ref->data + ((size_t)i * (size_t)(k * k) + (size_t)t) * 2;
            to[0] = coordinate(i / W + t / k - k / 2, H);
            to[1] = coordinate(i % W + t % k - k / 2, W);
        }
    return ref;
}

static DfTensor *offsets(DfCtx *c, const Local *a, DfTensor *q)                  /* B H W C -> B G N T 2 */
{
    const int B = df_dim(q, 0), H = df_dim(q, 1), W = df_dim(q, 2), G = a->o.groups, T = a->o.local_kv * a->o.local_kv;
    DfTensor *weight = df_repeat(c, a->offset_conv.weight, G), *bias = df_repeat(c, a->offset_conv.bias, G);
    DfTensor *x = df_conv2d(c, q, weight, bias, a->offset_conv.conv, (DfFuse){ 0 });
    x = df_reshape(c, x, DF_SHAPE(B, H * W, G, a->o.dim / G));
    x = nn_linear(c, &a->offset_out, df_gelu(c, nn_layer_norm(c, &a->offset_norm, x)));
    x = df_reshape(c, x, DF_SHAPE(B, H * W, G, 2, T));
    return df_permute(c, x, DF_SHAPE(0, 2, 1, 4, 3));
}

static DfTensor *positions(DfCtx *c, const Local *a, DfTensor *q)                /* -> B G N T 2 */
{
    const DfMark m = df_enter(c, "pos", -1);
    DfTensor *ref = references(c, df_dim(q, 1), df_dim(q, 2), a->o.local_kv);
    DfTensor *x = offsets(c, a, q);
    if (a->o.no_off)
        x = df_scale(c, x, 0);
    return df_leave(c, m, df_clamp(c, df_add(c, x, ref), -1, 1));
}

static DfTensor *to_grid(DfCtx *c, DfTensor *pos)                                /* B G N T 2 (y, x) -> B*G N T 2 (x, y) */
{
    return df_reshape(c, df_swap_xy(c, pos), DF_SHAPE(df_dim(pos, 0) * df_dim(pos, 1), df_dim(pos, 2), df_dim(pos, 3), 2));
}

/* ---- attention ------------------------------------------------------------------------------------------------------ */

/* Samples of a map, those of a head together. */
static DfTensor *sample(DfCtx *c, const Local *a, DfTensor *x, DfTensor *grid)   /* B H W C -> B*N*heads T D */
{
    DfTensor *y = df_grid_sample(c, x, grid, a->o.groups, DF_PAD_ZEROS, true);   /* B N T C */
    const int n = df_dim(y, 0) * df_dim(y, 1), T = df_dim(y, 2), heads = a->o.heads, D = a->o.dim / heads;
    y = df_permute(c, df_reshape(c, y, DF_SHAPE(n, T, heads, D)), DF_SHAPE(0, 2, 1, 3));
    return df_reshape(c, y, DF_SHAPE(n * heads, T, D));
}

/* The table, sampled at half the distance between query and sample. */
static DfTensor *position_bias(DfCtx *c, const Local *a, DfTensor *pos, int H, int W) /* -> B*N*heads T 1 */
{
    const int B = df_dim(pos, 0), G = df_dim(pos, 1), N = df_dim(pos, 2), T = df_dim(pos, 3), heads = a->o.heads;
    if (df_dim(a->table, 1) != 2 * H - 1 || df_dim(a->table, 2) != 2 * W - 1) {
        df_ctx_fail(c, DF_ESHAPE, "an A block with use_pes on a map of %dx%d: its table is for %d on both sides", H, W, a->o.side);
        return &c->nil;
    }
    DfTensor *query = df_repeat(c, references(c, H, W, 1), T);                   /* N 1 2T */
    query = df_reshape(c, query, DF_SHAPE(N, T, 2));
    DfTensor *displacement = df_scale(c, df_add(c, df_scale(c, pos, -1), query), 0.5f);
    DfTensor *table = df_permute(c, a->table, DF_SHAPE(1, 2, 0));                /* th tw heads */
    table = df_repeat(c, df_reshape(c, table, DF_SHAPE((int)df_size(a->table))), B);
    table = df_reshape(c, table, DF_SHAPE(B, 2 * H - 1, 2 * W - 1, heads));
    DfTensor *bias = df_grid_sample(c, table, to_grid(c, displacement), G, DF_PAD_ZEROS, true); /* B N T heads */
    bias = df_permute(c, bias, DF_SHAPE(0, 1, 3, 2));
    return df_reshape(c, bias, DF_SHAPE(B * N * heads, T, 1));
}

static DfTensor *forward(DfCtx *c, const void *self, DfTensor *x, NnResidual r)
{
    const Local *a = self;
    DfTensor *q = nn_linear(c, &a->proj_q, x);                                   /* B H W C */
    const int H = df_dim(x, 1), W = df_dim(x, 2), heads = a->o.heads, D = a->o.dim / heads, n = df_dim(x, 0) * H * W * heads;
    DfTensor *pos = positions(c, a, q), *grid = to_grid(c, pos);
    DfTensor *k = sample(c, a, nn_linear(c, &a->proj_k, x), grid), *v = sample(c, a, nn_linear(c, &a->proj_v, x), grid);
    DfTensor *s = df_matmul(c, k, df_reshape(c, df_scale(c, q, 1 / sqrtf((float)D)), DF_SHAPE(n, D, 1))); /* n T 1 */
    if (a->table)
        s = df_add(c, s, position_bias(c, a, pos, H, W));
    DfTensor *p = df_reshape(c, df_softmax(c, s, 1), DF_SHAPE(n, 1, a->o.local_kv * a->o.local_kv));
    DfTensor *y = df_reshape(c, df_matmul(c, p, v), DF_SHAPE(df_dim(x, 0), H, W, heads * D));
    return nn_linear_add(c, &a->proj_out, y, r);
}

const DatBlockKind df_dat_block_local = { .letter = 'A', .size = sizeof(Local), .only_detection = true, .init = init, .forward = forward };
