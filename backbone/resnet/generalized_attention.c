/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/resnet/generalized_attention.c -- Zhu et al., "An Empirical Study of Spatial Attention Mechanisms in Deep
 * Networks", ICCV 2019. The energy between a query pixel q and a key pixel k is a sum of up to four terms (eq. 2 to 5),
 * which attention_type switches on by its four digits:
 *     1st  query content, key content         q . k
 *     2nd  query content, relative position   q . r(q - k)
 *     3rd  key content                        u . k
 *     4th  relative position                  v . r(q - k)
 * r is a linear layer of sines and cosines of the distance along x, plus one of that along y. With a spatial_range, a
 * query sees only the keys around it.
 */
#include <math.h>
#include <string.h>

#include "backbone/resnet/plugin.h"

typedef struct {
    int spatial_range, num_heads, position_embedding_dim, kv_stride, q_stride;
    double position_magnitude;
    const char *attention_type;
    bool term[4];
    int width;                              /* of a head */
    NnLinear query, key, value, proj;
    NnLinear along[2];                      /* x, y      */
    DfTensor *content_bias, *position_bias; /* u, v      */
    DfTensor *gamma;                        /* 1: how much of the result is added to the map */
} Attention;

static const DfOpt opts[] = {
    DF_OPT_INT(Attention, spatial_range, -1, -1, 1000000,
               "how many pixels to each side a query sees; -1: all; else the map has 256 or 512 channels"),
    DF_OPT_INT(Attention, num_heads, 9, 1, 1024, "number of heads"),
    DF_OPT_INT(Attention, position_embedding_dim, -1, -1, 65536, "numbers of a position; -1: as many as channels"),
    DF_OPT_FLOAT(Attention, position_magnitude, 1, -1e6, 1e6, "factor of distances"),
    DF_OPT_INT(Attention, kv_stride, 2, 1, 64, "every how many pixels there is a key"),
    DF_OPT_INT(Attention, q_stride, 1, 1, 64, "every how many pixels there is a query"),
    DF_OPT_TEXT(Attention, attention_type, "'1111'",
                "the terms of the energy, a digit 0 or 1 for each; 01.0 and 11.0 want square maps"),
    PLUGIN_OPTIONS,
    DF_OPT_END
};

/* ---- modules ----------------------------------------------------------------------------------------------------- */

static bool read_terms(NnScope s, Attention *a, int channels)
{
    if (strlen(a->attention_type) != 4 || strspn(a->attention_type, "01") != 4)
        nn_fail(s, DF_EVALUE, "attention_type is '%s': want four digits, each 0 or 1", a->attention_type);
    else if (a->spatial_range >= 0 && channels != 256 && channels != 512)
        nn_fail(s, DF_EVALUE, "spatial_range = %d with %d channels: mmcv has it for 256 and 512, want one of "
                "these or -1", a->spatial_range, channels);
    for (int i = 0; nn_ok(s) && i < 4; i++)
        a->term[i] = a->attention_type[i] == '1';
    return nn_ok(s);
}

/* mmcv's kaiming_init with mode fan_in, uniform, a = 1. */
static void pointwise(NnScope s, NnLinear *l, int in, int out, bool bias)
{
    l->weight = nn_param(s, "weight", DF_SHAPE(out, in, 1, 1), NN_POINTWISE, nn_uniform(sqrt(3.0 / in)));
    l->bias = bias ? nn_param(s, "bias", DF_SHAPE(out), NN_AS_IS, nn_constant(0)) : NULL;
}

static void init(NnScope s, void *self, int channels)
{
    Attention *a = self;
    if (!read_terms(s, a, channels))
        return;
    const int numbers = a->position_embedding_dim > 0 ? a->position_embedding_dim : channels;
    a->position_embedding_dim = numbers;
    a->width = channels / a->num_heads;
    const int out = a->width * a->num_heads;
    const bool positions = a->term[1] || a->term[3];
    const double bound = 1 / sqrt(2.0 * a->width);
    if (out < 1 || (positions && numbers % 4)) {
        nn_fail(s, DF_EVALUE, "%d channels, num_heads = %d, position_embedding_dim = %d: want channels for every head, "
                "and a multiple of 4 numbers of a position", channels, a->num_heads, numbers);
        return;
    }
    if (a->term[0] || a->term[1])
        pointwise(nn_at(s, "query_conv"), &a->query, channels, out, false);
    if (a->term[0] || a->term[2])
        pointwise(nn_at(s, "key_conv"), &a->key, channels, out, false);
    pointwise(nn_at(s, "value_conv"), &a->value, channels, out, false);
    for (int i = 0; positions && i < 2; i++)
        nn_linear_init_as(nn_at(s, "appr_geom_fc_%c", "xy"[i]), &a->along[i], numbers / 2, out, false,
                          nn_uniform(sqrt(6.0 / numbers)), nn_constant(0));
    if (a->term[2])
        a->content_bias = nn_param(s, "appr_bias", DF_SHAPE(out), NN_AS_IS, nn_uniform(bound));
    if (a->term[3])
        a->position_bias = nn_param(s, "geom_bias", DF_SHAPE(out), NN_AS_IS, nn_uniform(bound));
    pointwise(nn_at(s, "proj_conv"), &a->proj, out, channels, true);
    a->gamma = nn_param(s, "gamma", DF_SHAPE(1), NN_AS_IS, nn_constant(0)); /* the block begins as nothing */
}

/* ---- relative positions ------------------------------------------------------------------------------------------ */

/* Sines, then cosines, of the distances between `queries` and `keys` along one axis.             -> queries keys P/2 */
static DfTensor *distances(DfCtx *c, const Attention *a, int queries, int keys)
{
    const int n = a->position_embedding_dim / 4;
    DfTensor *out = df_new(c, DF_SHAPE(queries, keys, 2 * n));
    float *at = out->data;
    for (int q = 0; at && q < queries; q++)
        for (int k = 0; k < keys; k++, at += 2 * n) {
            const float distance = (float)(q * a->q_stride - k * a->kv_stride) * (float)a->position_magnitude;
            for (int i = 0; i < n; i++) {
                const float wave = powf(1000.0F, 4.0F / (float)a->position_embedding_dim * (float)i);
                at[i] = (float)sin((double)(distance / wave));
                at[n + i] = (float)cos((double)(distance / wave));
            }
        }
    return out;
}

/* q . r along one axis, the queries in lines of that axis.    heads Q M D (M queries at each place) -> heads Q M K */
static DfTensor *position_energy(DfCtx *c, const Attention *a, DfTensor *q, int axis, int keys)
{
    const int Q = df_dim(q, 1);
    DfTensor *r = nn_linear(c, &a->along[axis], distances(c, a, Q, keys));       /* Q K C */
    r = df_scale(c, df_reshape(c, r, DF_SHAPE(Q, keys, a->num_heads, a->width)), (float)(1 / sqrt(2.0)));
    return df_matmul(c, q, df_permute(c, r, DF_SHAPE(2, 0, 3, 1)));              /* heads Q D K on the right */
}

/* ---- the energy as one product ----------------------------------------------------------------------------------- */

/* Queries: their content where a term has it, plus a bias where one has that.               -> N h w heads D */
static DfTensor *queries(DfCtx *c, const Attention *a, DfTensor *x, bool content, DfTensor *bias)
{
    const int out = a->width * a->num_heads, N = df_dim(x, 0), h = df_dim(x, 1), w = df_dim(x, 2);
    DfTensor *q = content ? nn_linear(c, &a->query, x) : df_zeros(c, DF_SHAPE(N, h, w, out));
    if (bias)
        q = df_add(c, q, bias);
    return df_reshape(c, q, DF_SHAPE(N, h, w, a->num_heads, a->width));
}

/* Where attention_type has its 2nd digit and not its 4th, mmcv takes for the energy along y the query of the place that is
 * mirrored at the diagonal, and so fails where a map is not square. */
static bool mirrors(const Attention *a)
{
    return a->term[1] && !a->term[3];
}

static bool fits(DfCtx *c, const Attention *a, int h, int w)
{
    if (mirrors(a) && h != w)
        df_ctx_fail(c, DF_ESHAPE, "attention_type '%s' on a map of %dx%d: mmcv computes that type on square maps only",
                    a->attention_type, w, h);
    return !mirrors(a) || h == w;
}

/* Energies along x and y, for every query.                                 -> N heads hw K_x, N heads hw K_y */
static void position_columns(DfCtx *c, const Attention *a, DfTensor *x, const int keys[2], DfTensor *out[2])
{
    const int N = df_dim(x, 0), h = df_dim(x, 1), w = df_dim(x, 2), heads = a->num_heads, D = a->width;
    DfTensor *q = queries(c, a, x, a->term[1], a->position_bias);
    DfTensor *columns = df_reshape(c, df_permute(c, q, DF_SHAPE(3, 2, 0, 1, 4)), DF_SHAPE(heads, w, N * h, D));
    DfTensor *rows = df_reshape(c, df_permute(c, q, DF_SHAPE(3, 1, 0, 2, 4)), DF_SHAPE(heads, h, N * w, D));
    if (mirrors(a))
        rows = columns;
    columns = df_reshape(c, position_energy(c, a, columns, 0, keys[0]), DF_SHAPE(heads, w, N, h, keys[0]));
    rows = df_reshape(c, position_energy(c, a, rows, 1, keys[1]), DF_SHAPE(heads, h, N, w, keys[1]));
    out[0] = df_reshape(c, df_permute(c, columns, DF_SHAPE(2, 0, 3, 1, 4)), DF_SHAPE(N, heads, h * w, keys[0]));
    out[1] = df_reshape(c, df_permute(c, rows, DF_SHAPE(2, 0, 1, 3, 4)), DF_SHAPE(N, heads, h * w, keys[1]));
}

/* Which key stands in which column, and which in which row: 1 where it does.     -> N heads (K_x + K_y) K_y K_x */
static DfTensor *places(DfCtx *c, const Attention *a, int N, const int keys[2])
{
    const int n = keys[0] + keys[1], K = keys[0] * keys[1];
    DfTensor *out = df_zeros(c, DF_SHAPE(N, a->num_heads, n, K));
    for (int i = 0; out->data && i < N * a->num_heads; i++)
        for (int k = 0; k < K; k++) {
            float *one = out->data + (size_t)i * (size_t)n * (size_t)K + k;
            one[(size_t)(k % keys[0]) * (size_t)K] = 1;
            one[(size_t)(keys[0] + k / keys[0]) * (size_t)K] = 1;
        }
    return out;
}

/* Numbers of a query side by side, and below one another those of a key: their product is the sum of all terms. The
 * term of a position is picked by the column and by the row of the key.                          -> N heads hw K */
static DfTensor *energy(DfCtx *c, const Attention *a, DfTensor *q_map, DfTensor *k_map)
{
    const int N = df_dim(q_map, 0), hw = df_dim(q_map, 1) * df_dim(q_map, 2), heads = a->num_heads, D = a->width;
    const int keys[2] = { df_dim(k_map, 2), df_dim(k_map, 1) }, K = keys[0] * keys[1];
    DfTensor *left[3], *right[2];
    int lefts = 0, rights = 0;
    if (a->term[0] || a->term[2]) {
        DfTensor *q = queries(c, a, q_map, a->term[0], a->content_bias);
        DfTensor *k = df_reshape(c, nn_linear(c, &a->key, k_map), DF_SHAPE(N, K, heads, D));
        left[lefts++] = df_reshape(c, df_permute(c, q, DF_SHAPE(0, 3, 1, 2, 4)), DF_SHAPE(N, heads, hw, D));
        right[rights++] = df_permute(c, k, DF_SHAPE(0, 2, 3, 1));
    }
    if (a->term[1] || a->term[3]) {
        position_columns(c, a, q_map, keys, &left[lefts]);
        lefts += 2;
        right[rights++] = places(c, a, N, keys);
    }
    if (lefts == 0)
        return df_zeros(c, DF_SHAPE(N, heads, hw, K));
    return df_matmul(c, df_concat(c, left, lefts, -1), df_concat(c, right, rights, -2));
}

/* ---- spatial_range ----------------------------------------------------------------------------------------------- */

/* Does the query at place i of an axis see the key at place k? As in mmcv, q_stride does not count. */
static bool sees(const Attention *a, int i, int k)
{
    const int first = i > a->spatial_range ? (i - a->spatial_range) / a->kv_stride : 0;
    const int last = (i + a->spatial_range + 1) / a->kv_stride;
    return k >= first && k <= last;
}

/* What takes the keys that a query does not see out of its softmax: e^energy is 0 there.               -> hw K */
static DfTensor *hidden(DfCtx *c, const Attention *a, const int queries[2], const int keys[2])
{
    static const float never = -1e30F;
    DfTensor *out = df_new(c, DF_SHAPE(queries[0] * queries[1], keys[0] * keys[1]));
    float *at = out->data;
    for (int q = 0; at && q < queries[0] * queries[1]; q++)
        for (int y = 0; y < keys[0]; y++)
            for (int x = 0; x < keys[1]; x++)
                *at++ = sees(a, q / queries[1], y) && sees(a, q % queries[1], x) ? 0 : never;
    return out;
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

/* Every `stride`-th pixel. */
static DfTensor *strided(DfCtx *c, DfTensor *x, int stride)
{
    const int one[2] = { 1, 1 }, step[2] = { stride, stride }, none[2] = { 0, 0 };
    return stride > 1 ? df_avg_pool2d(c, x, one, step, none, false, true) : x;
}

static DfTensor *forward(DfCtx *c, const void *self, DfTensor *x)
{
    const Attention *a = self;
    const int N = df_dim(x, 0), H = df_dim(x, 1), W = df_dim(x, 2), C = df_dim(x, 3);
    const int heads = a->num_heads;
    const int D = a->width;
    const bool keys_alone = a->term[2] && !a->term[0] && !a->term[1] && !a->term[3]; /* then all queries are alike */
    DfTensor *keys = strided(c, x, a->kv_stride), *asking = strided(c, x, a->q_stride);
    if (keys_alone)
        asking = df_zeros(c, DF_SHAPE(N, 1, 1, C));
    const int h = df_dim(asking, 1), w = df_dim(asking, 2), K = df_dim(keys, 1) * df_dim(keys, 2);
    if (!fits(c, a, h, w))
        return x;
    DfTensor *scores = energy(c, a, asking, keys);                                /* N heads hw K */
    if (a->spatial_range >= 0)
        scores = df_add(c, scores, hidden(c, a, (int[]){ h, w }, (int[]){ df_dim(keys, 1), df_dim(keys, 2) }));
    DfTensor *attention = df_softmax(c, scores, -1);
    DfTensor *v = df_reshape(c, nn_linear(c, &a->value, keys), DF_SHAPE(N, K, heads, D));
    DfTensor *y = df_matmul(c, attention, df_permute(c, v, DF_SHAPE(0, 2, 1, 3)));
    y = df_reshape(c, df_permute(c, y, DF_SHAPE(0, 2, 1, 3)), DF_SHAPE(N, h, w, heads * D));
    y = nn_linear(c, &a->proj, y);                                               /* N h w C */
    if (h != H || w != W)
        y = df_interpolate(c, y, H, W, DF_BILINEAR, false);
    return df_add(c, df_mul(c, y, df_repeat(c, a->gamma, C)), x);
}

const PluginKind df_generalized_attention = {
    "GeneralizedAttention", "gen_attention_block", opts, sizeof(Attention), init, forward,
};
