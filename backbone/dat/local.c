/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/dat/local.c -- block A of DAT-Detection: local deformable attention. Every query attends to the k x k
 * tokens around it, each moved by its own offset. No published network uses it.
 *
 * Dimensions: B batch, N = H x W queries, T = k x k samples for each, C channels in G groups, heads of D.
 */
#include <math.h>

#include "backbone/dat/kinds.h"
#include "backbone/dat/offsets.h"

typedef struct {
    DatBlockOptions o;
    NnLinear proj_q, proj_k, proj_v, proj_out;
    DatOffsets offsets;      /* to dy of all samples, then dx of all samples */
    DfTensor *table;         /* rpe_table: heads 2H-1 2W-1, or NULL          */
} Local;

/* ---- positions --------------------------------------------------------------------------------------------------- */

/* Of a token, in [-1, 1], held within the map. NaN if there is but one token, as in the official code. */
static float coordinate(int at, int size)
{
    return (float)df_clamp_int(at, 0, size - 1) / (float)(size - 1) * 2 - 1;
}

/* (y, x) of the k x k tokens around every query; tokens beyond the border are those on it. */
static DfTensor *references(DfCtx *c, int H, int W, int k)                       /* -> N T 2 */
{
    DfTensor *ref = df_new(c, DF_SHAPE(H * W, k * k, 2));
    if (df_skip(c, ref))
        return ref;
    float *to = ref->data;
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            for (int t = 0; t < k * k; t++) {
                *to++ = coordinate(y + t / k - k / 2, H);
                *to++ = coordinate(x + t % k - k / 2, W);
            }
    return ref;
}

static DfTensor *positions(DfCtx *c, const Local *a, DfTensor *q)                /* B H W C -> B G N T 2 */
{
    const DfMark m = df_enter(c, "pos", -1);
    const int B = df_dim(q, 0), H = df_dim(q, 1), W = df_dim(q, 2);
    const int G = a->o.groups, k = a->o.local_kv, T = k * k;
    DfTensor *ref = references(c, H, W, k);                                      /* N T 2 */
    DfTensor *offset = df_dat_offsets(c, &a->offsets, q);                        /* B H W G 2T */
    offset = df_reshape(c, offset, DF_SHAPE(B, H * W, G, 2, T));
    offset = df_permute(c, offset, DF_SHAPE(0, 2, 1, 4, 3));                     /* B G N T 2 */
    if (a->o.no_off)
        offset = df_scale(c, offset, 0);
    return df_leave(c, m, df_clamp(c, df_add(c, offset, ref), -1, 1));
}

/* (y, x) -> (x, y), as grid_sample takes it. */
static DfTensor *to_grid(DfCtx *c, DfTensor *pos)                                /* B G N T 2 -> B*G N T 2 */
{
    const int B = df_dim(pos, 0), G = df_dim(pos, 1), N = df_dim(pos, 2), T = df_dim(pos, 3);
    return df_reshape(c, df_swap_xy(c, pos), DF_SHAPE(B * G, N, T, 2));
}

/* ---- attention --------------------------------------------------------------------------------------------------- */

/* Samples of a map, those of a head together. */
static DfTensor *sample(DfCtx *c, const Local *a, DfTensor *x, DfTensor *grid)   /* B H W C -> B*N*heads T D */
{
    DfTensor *y = df_grid_sample(c, x, grid, a->o.groups, DF_PAD_ZEROS, true);   /* B N T C */
    const int n = df_dim(y, 0) * df_dim(y, 1), T = df_dim(y, 2);
    const int heads = a->o.heads, D = a->o.dim / heads;
    y = df_reshape(c, y, DF_SHAPE(n, T, heads, D));
    y = df_permute(c, y, DF_SHAPE(0, 2, 1, 3));                                  /* B*N heads T D */
    return df_reshape(c, y, DF_SHAPE(n * heads, T, D));
}

/* The table once for each sample of the batch. */
static DfTensor *tables(DfCtx *c, const Local *a, int B)                         /* heads h w -> B h w heads */
{
    const int heads = df_dim(a->table, 0), h = df_dim(a->table, 1), w = df_dim(a->table, 2);
    DfTensor *table = df_permute(c, a->table, DF_SHAPE(1, 2, 0));                /* h w heads */
    table = df_repeat(c, df_reshape(c, table, DF_SHAPE(h * w * heads)), B);
    return df_reshape(c, table, DF_SHAPE(B, h, w, heads));
}

/* The table, read at half the distance between query and sample, which is in [-2, 2]. */
static DfTensor *position_bias(DfCtx *c, const Local *a, DfTensor *pos, int H, int W) /* B G N T 2 -> B*N*heads T 1 */
{
    const int B = df_dim(pos, 0), G = df_dim(pos, 1), N = df_dim(pos, 2), T = df_dim(pos, 3), heads = a->o.heads;
    if (df_dim(a->table, 1) != 2 * H - 1 || df_dim(a->table, 2) != 2 * W - 1) {
        df_ctx_fail(c, DF_ESHAPE, "an A block with use_pes on a map of %dx%d: its table is for %d on both sides",
                    H, W, a->o.side);
        return &c->nil;
    }
    DfTensor *query = df_repeat(c, references(c, H, W, 1), T);                   /* N 1 2T */
    query = df_reshape(c, query, DF_SHAPE(N, T, 2));
    DfTensor *distance = df_add(c, df_scale(c, pos, -1), query);                 /* B G N T 2 */
    DfTensor *grid = to_grid(c, df_scale(c, distance, 0.5f));
    DfTensor *bias = df_grid_sample(c, tables(c, a, B), grid, G, DF_PAD_ZEROS, true); /* B N T heads */
    bias = df_permute(c, bias, DF_SHAPE(0, 1, 3, 2));
    return df_reshape(c, bias, DF_SHAPE(B * N * heads, T, 1));
}

static DfTensor *forward(DfCtx *c, const void *self, DfTensor *x, NnResidual r)
{
    const Local *a = self;
    const int B = df_dim(x, 0), H = df_dim(x, 1), W = df_dim(x, 2);
    const int heads = a->o.heads, D = a->o.dim / heads, T = a->o.local_kv * a->o.local_kv;
    const int n = B * H * W * heads;
    DfTensor *q = nn_linear(c, &a->proj_q, x);                                   /* B H W C */
    DfTensor *pos = positions(c, a, q);                                          /* B G N T 2 */
    DfTensor *grid = to_grid(c, pos);                                            /* B*G N T 2 */
    DfTensor *k = sample(c, a, nn_linear(c, &a->proj_k, x), grid);               /* n T D */
    DfTensor *v = sample(c, a, nn_linear(c, &a->proj_v, x), grid);               /* n T D */
    q = df_reshape(c, df_scale(c, q, 1 / sqrtf((float)D)), DF_SHAPE(n, D, 1));
    DfTensor *s = df_matmul(c, k, q);                                            /* n T 1 */
    if (a->table)
        s = df_add(c, s, position_bias(c, a, pos, H, W));
    DfTensor *p = df_reshape(c, df_softmax(c, s, 1), DF_SHAPE(n, 1, T));
    DfTensor *y = df_matmul(c, p, v);                                            /* n 1 D */
    return nn_linear_add(c, &a->proj_out, df_reshape(c, y, DF_SHAPE(B, H, W, heads * D)), r);
}

/* ---- construction ------------------------------------------------------------------------------------------------ */

static bool options_fit(NnScope s, const DatBlockOptions *o)
{
    if (o->local_ksize < 1 || o->local_ksize % 2 == 0 || o->local_kv < 1 || o->local_kv % 2 == 0)
        nn_fail(s, DF_EVALUE, "local_orf = %d and local_kv_sizes = %d: an A block wants odd numbers",
                o->local_ksize, o->local_kv);
    else if (o->groups < 1 || o->heads % o->groups || o->dim % o->groups)
        nn_fail(s, DF_EVALUE, "groups = %d: want a divisor of %d heads and %d channels", o->groups, o->heads, o->dim);
    else if (o->use_pe && o->side < 1)
        nn_fail(s, DF_EVALUE, "img_size leaves a map of side %d: want at least 1", o->side);
    return nn_ok(s);
}

static void init(NnScope s, void *self, const DatBlockOptions *o)
{
    Local *a = self;
    const int C = o->dim, side = o->side;
    if (!options_fit(s, o))
        return;
    a->o = *o;
    nn_pointwise_init(nn_at(s, "proj_q"), &a->proj_q, C, C, true);
    nn_pointwise_init(nn_at(s, "proj_k"), &a->proj_k, C, C, true);
    nn_pointwise_init(nn_at(s, "proj_v"), &a->proj_v, C, C, true);
    nn_pointwise_init(nn_at(s, "proj_out"), &a->proj_out, C, C, true);
    const NnConvShape shape = { .kernel = o->local_ksize, .stride = 1, .padding = o->local_ksize / 2 };
    df_dat_offsets_init(nn_at(s, "conv_offset"), &a->offsets, C, o->groups, shape, 2 * o->local_kv * o->local_kv);
    if (!o->use_pe)
        return;
    const DfShape table = DF_SHAPE(o->heads, 2 * side - 1, 2 * side - 1);
    a->table = nn_param(s, "rpe_table", table, NN_AS_IS, nn_truncated_normal(0.01));
    nn_last(s)->resize = o->resize_positions ? NN_RESIZE_MAP_TABLE : NN_RESIZE_NO;
}

const DatBlockKind df_dat_block_local = {
    .letter = 'A',
    .size = sizeof(Local),
    .only_detection = true,
    .init = init,
    .forward = forward,
};
