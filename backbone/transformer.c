/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/transformer.c -- the parts that the transformer backbones share.
 */
#include "backbone/transformer.h"

#include <math.h>

/* ---- construction ------------------------------------------------------------------------------------------------ */

void df_transformer_linear_init(NnScope s, NnLinear *l, int in, int out, bool bias)
{
    nn_linear_init_as(s, l, in, out, bias, nn_truncated_normal(0.02), nn_constant(0));
}

void df_transformer_mlp_init(NnScope s, NnMlp *mlp, int dim, int hidden, double drop)
{
    df_transformer_linear_init(nn_at(s, "fc1"), &mlp->fc1, dim, hidden, true);
    df_transformer_linear_init(nn_at(s, "fc2"), &mlp->fc2, hidden, dim, true);
    mlp->act = DF_ACT_GELU;
    mlp->drop[0] = mlp->drop[1] = (float)drop;
}

void df_transformer_norm_init(NnScope s, NnLayerNorm *norm, const DfNode *norm_cfg, int dim)
{
    NnNorm n = { 0 };
    nn_norm_init(s, &n, norm_cfg, dim);
    if (n.kind != NN_NORM_LAYER)
        nn_fail(s, DF_EVALUE, "norm_cfg has type '%s': want LN", df_node_text(df_node_get(norm_cfg, "type"), "(none)"));
    *norm = (NnLayerNorm){ .weight = n.weight, .bias = n.bias, .eps = n.eps };
}

void df_transformer_window_init(NnScope s, NnWindowAttention *a, int dim, DfWindowAttention attn, double qk_scale,
                                bool qkv_bias)
{
    const int w = attn.window;
    if (dim % attn.heads) {
        nn_fail(s, DF_EVALUE, "num_heads = %d does not divide %d channels", attn.heads, dim);
        return;
    }
    const DfShape table = DF_SHAPE((2 * w - 1) * (2 * w - 1), attn.heads);
    a->attn = attn;
    a->attn.scale = df_transformer_scale(qk_scale, dim, attn.heads);
    a->table = nn_param(s, "relative_position_bias_table", table, NN_AS_IS, nn_truncated_normal(0.02));
    nn_last(s)->resize = NN_RESIZE_WINDOW_TABLE;
    df_transformer_linear_init(nn_at(s, "qkv"), &a->qkv, dim, 3 * dim, qkv_bias);
    df_transformer_linear_init(nn_at(s, "proj"), &a->proj, dim, dim, true);
}

float df_transformer_scale(double given, int dim, int heads)
{
    return (float)(given > 0 ? given : 1 / sqrt(dim / heads));
}

float df_transformer_drop_path(double rate, DfInts depths, int stage, int block)
{
    int before = block;
    int blocks = 0;
    for (int i = 0; i < depths.n; i++) {
        blocks += depths.v[i];
        if (i < stage)
            before += depths.v[i];
    }
    return blocks > 1 ? (float)(rate * before / (blocks - 1)) : 0;
}

bool df_transformer_pair_fits(NnScope s, const char *name, DfInts pair)
{
    if (pair.n != 1 && pair.n != 2)
        nn_fail(s, DF_EVALUE, "%s has %d numbers: want a side, or height and width", name, pair.n);
    return nn_ok(s);
}

void df_transformer_freeze(NnScope s, int frozen_stages)
{
    if (frozen_stages >= 0)
        nn_freeze(nn_at(s, "patch_embed."));
    if (frozen_stages >= 1)
        nn_freeze(nn_at(s, "absolute_pos_embed"));
    for (int i = 0; df_transformer_is_frozen(frozen_stages, i); i++)
        nn_freeze(nn_at(s, "layers.%d.", i));
}

void df_transformer_output_init(NnScope s, NnLayerNorm *norm, int stage, int dim)
{
    const NnScope at = nn_at(s, "norm%d", stage);
    nn_layer_norm_init(at, norm, dim, 1e-5);
    nn_optional(at); /* the official loader leaves them as they are, too */
}

void df_transformer_stage_init(NnScope s, TransformerStage *stage, const TransformerParts *parts, const void *net,
                               DfInts depths, int i)
{
    stage->parts = parts;
    stage->depth = depths.v[i];
    stage->blocks = nn_alloc(s, (size_t)stage->depth, parts->block_size);
    for (int j = 0; nn_ok(s) && j < stage->depth; j++)
        parts->block_init(nn_at(s, "blocks.%d", j), (char *)stage->blocks + (size_t)j * parts->block_size, net, i, j);
    if (i + 1 < depths.n)
        stage->downsample = nn_alloc(s, 1, parts->downsample_size);
    if (stage->downsample)
        parts->downsample_init(nn_at(s, "downsample"), stage->downsample, net, i);
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

void df_transformer_check(DfCtx *c, const DfTensor *image, int H, int W)
{
    const int h = df_dim(image, 1), w = df_dim(image, 2);
    if (h != H || w != W)
        df_ctx_fail(c, DF_ESHAPE, "an image of %dx%d: the classification form wants img_size = %dx%d", w, h, W, H);
}

DfTensor *df_transformer_pad(DfCtx *c, DfTensor *x, DfInts patch)
{
    const int h = df_transformer_side(patch, 0);
    const int w = df_transformer_side(patch, 1);
    const int bottom = (h - df_dim(x, 1) % h) % h;
    const int right = (w - df_dim(x, 2) % w) % w;
    return bottom || right ? df_pad2d(c, x, (int[4]){ 0, bottom, 0, right }, 0) : x;
}

DfTensor *df_transformer_add_position(DfCtx *c, DfTensor *x, DfTensor *position)
{
    const int H = df_dim(x, 1), W = df_dim(x, 2), C = df_dim(x, 3);
    if (df_dim(position, 1) != H || df_dim(position, 2) != W)
        position = df_interpolate(c, position, H, W, DF_BICUBIC, false);         /* 1 H W C */
    return df_add(c, x, df_reshape(c, position, DF_SHAPE(H, W, C)));
}

/* A block as a function of its input. */
typedef struct {
    const TransformerParts *parts;
    const void *block;
    int j;
} Call;

static DfTensor *run_block(DfCtx *c, const void *self, DfTensor *x)
{
    const Call *call = self;
    return call->parts->block(c, call->block, x, call->j);
}

DfTensor *df_transformer_stage(DfCtx *c, const TransformerStage *stage, int i, DfTensor *x, DfMaps *out)
{
    const TransformerParts *parts = stage->parts;
    const DfMark m = df_enter(c, parts->scope ? parts->scope : "layers", i);
    DfTensor *map = NULL;
    nn_enter_frozen(c, stage->frozen, x);
    for (int j = 0; j < stage->depth; j++) {
        const Call call = { parts, (const char *)stage->blocks + (size_t)j * parts->block_size, j };
        DfTensor *y = stage->checkpoints ? df_checkpoint(c, run_block, &call, sizeof call, x) : run_block(c, &call, x);
        df_next(c, &x, y);
    }
    df_forget(c, false);
    if (stage->norm.weight)
        out->map[out->n++] = map = nn_layer_norm(c, &stage->norm, x);
    else if (stage->plain)
        out->map[out->n++] = map = x;
    nn_enter_frozen(c, stage->frozen, x);
    if (stage->downsample)
        x = parts->downsample(c, stage->downsample, x);
    df_forget(c, false);
    df_leave_all(c, m, (DfTensor *[]){ x, map }, 2);
    return x;
}

DfTensor *df_transformer_classify(DfCtx *c, const NnLayerNorm *norm, const NnLinear *head, DfTensor *x)
{
    x = df_mean_tokens(c, nn_layer_norm(c, norm, x));                            /* N C */
    return head->weight ? nn_linear(c, head, x) : x;
}
