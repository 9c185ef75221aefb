/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/window_tiles.c -- one head of one window of attention, whatever its keys are: tiles of queries,
 * forward and backward.
 */
#include "kernels/attention/window_tiles.h"

#include <string.h>

DfTiles df_tiles(const DfAttentionKernels *k, int C, int heads, int window, int n, float scale)
{
    DfTiles t = { .k = k, .C = C, .heads = heads, .depth = C / heads, .tokens = window * window, .n = n,
                  .scale = scale };
    t.width = df_round_up(t.depth, 8);
    t.keys = df_round_up(n, DF_KEY_MULTIPLE);
    t.tiles = (t.tokens + DF_LANES - 1) / DF_LANES;
    t.lanes = df_round_up((t.tokens + t.tiles - 1) / t.tiles, 8); /* of equal width: 49 tokens make one of 56 */
    return t;
}

static int queries_of(const DfTiles *t, int tile)
{
    const int left = t->tokens - tile * t->lanes;
    return left < t->lanes ? left : t->lanes;
}

/* ---- forward ---------------------------------------------------------------------------------------------------- */

DfWindowRows df_window_rows(const DfTiles *t, DfCarver *c)
{
    const size_t n = (size_t)t->keys;
    const size_t lanes = (size_t)t->lanes;
    const size_t width = (size_t)t->width;
    DfWindowRows x = { 0 };
    x.at = df_carve(c, n, sizeof *x.at);
    x.region = df_carve(c, df_tiles_stride(t) + n, sizeof *x.region);
    x.q = df_carve(c, n, sizeof *x.q);
    x.k = df_carve(c, n, sizeof *x.k);
    x.v = df_carve(c, n, sizeof *x.v);
    x.out = df_carve(c, n, sizeof *x.out);
    x.qt = df_carve_floats(c, width, lanes);
    x.kk = df_carve_floats(c, n, width);
    x.vv = df_carve_floats(c, n, width);
    x.s = df_carve_floats(c, n, lanes);
    x.o = df_carve_floats(c, lanes, width);
    x.max = df_carve_floats(c, 1, lanes);
    x.sum = df_carve_floats(c, 1, lanes);
    x.rescale = df_carve_floats(c, 1, lanes);
    x.number = df_carve(c, lanes, sizeof *x.number);
    return x;
}

void df_window_copy_keys(const DfTiles *t, DfWindowRows *x)
{
    for (int i = t->n; i < t->keys; i++) /* fills up the last group of keys */
        x->k[i] = x->v[i] = NULL;
    t->k->copy_rows(x->kk, x->k, t->keys, t->depth, t->width, 1.0f);
    t->k->copy_rows(x->vv, x->v, t->keys, t->depth, t->width, 1.0f);
}

static void find_out_rows(const DfTiles *t, DfWindowRows *x, int h, float *out)
{
    for (int i = 0; i < t->tokens; i++)
        x->out[i] = x->at[i] < 0 ? NULL : out + (size_t)x->at[i] * (size_t)t->C + h * t->depth;
}

void df_tile_scores(const DfTiles *t, DfWindowRows *x, int tile, const float *bias, size_t stride)
{
    t->k->transpose_rows(x->qt, x->q + tile * t->lanes, queries_of(t, tile), t->lanes, t->depth, t->scale);
    t->k->scores(x->s, bias, stride, x->kk, x->qt, t->keys, t->lanes, t->depth, t->width);
}

static void drop(const DfTiles *t, DfWindowRows *x, int tile, float *s)
{
    if (!t->dropout.key)
        return;
    for (int i = 0; i < t->lanes; i++)
        x->number[i] = (x->first_query + (uint32_t)(tile * t->lanes + i)) * (uint32_t)t->n;
    t->k->drop(s, t->n, t->lanes, x->number, 0, &t->dropout, x->sample);
}

/* From the scores of a tile to its results. */
static void tile_forward(const DfTiles *t, DfWindowRows *x, int tile, float *lse)
{
    const int first = tile * t->lanes;
    const int n = queries_of(t, tile);
    for (int i = 0; i < t->lanes; i++) {
        x->max[i] = -INFINITY;
        x->sum[i] = 0.0f;
    }
    t->k->softmax(x->s, t->n, t->lanes, x->max, x->sum, x->rescale);
    drop(t, x, tile, x->s);
    t->k->combine(x->o, NULL, x->s, 1, (size_t)t->lanes, x->vv, n, t->n, t->width);
    t->k->store_rows(x->out + first, x->o, x->sum, n, t->depth, t->width);
    for (int i = 0; lse && i < n; i++)
        lse[first + i] = x->max[i] + logf(x->sum[i]);
}

void df_window_forward(const DfWindowKind *kind, DfWindowRows *x, int h, float *out, float *lse)
{
    find_out_rows(kind->t, x, h, out);
    for (int tile = 0; tile < kind->t->tiles; tile++) {
        kind->scores(kind->plan, x, h, tile);
        tile_forward(kind->t, x, tile, lse);
    }
}

/* ---- backward --------------------------------------------------------------------------------------------------- */

DfWindowGrads df_window_grads(const DfTiles *t, DfCarver *c)
{
    const size_t n = (size_t)t->keys;
    const size_t lanes = (size_t)t->lanes;
    const size_t width = (size_t)t->width;
    DfWindowGrads g = { 0 };
    g.o = df_carve(c, n, sizeof *g.o);
    g.dout = df_carve(c, n, sizeof *g.dout);
    g.dot = df_carve_floats(c, width, lanes);
    g.qq = df_carve_floats(c, lanes, width);
    g.doo = df_carve_floats(c, lanes, width);
    g.dp = df_carve_floats(c, n, lanes);
    g.dq = df_carve_floats(c, lanes, width);
    g.dk = df_carve_floats(c, n, width);
    g.dv = df_carve_floats(c, n, width);
    g.lse = df_carve_floats(c, 1, lanes);
    g.delta = df_carve_floats(c, 1, lanes);
    g.ones = df_carve_floats(c, 1, n);
    for (size_t i = 0; c->base && i < n; i++)
        g.ones[i] = 1.0f;
    return g;
}

static void start(const DfTiles *t, const DfWindowRows *x, DfWindowGrads *g, int h, const float *out, const float *dout)
{
    const size_t size = (size_t)t->keys * (size_t)t->width * sizeof(float);
    for (int i = 0; i < t->tokens; i++) {
        const size_t at = (size_t)x->at[i] * (size_t)t->C + (size_t)(h * t->depth);
        g->o[i] = x->at[i] < 0 ? NULL : out + at;
        g->dout[i] = x->at[i] < 0 ? NULL : dout + at;
    }
    memset(g->dk, 0, size);
    memset(g->dv, 0, size);
}

/* lse and delta = sum over d of out dout, lane by lane; lanes without a query get 0. */
static void tile_sums(const DfTiles *t, DfWindowGrads *g, const float *lse, int first, int n)
{
    for (int i = 0; i < t->lanes; i++) {
        g->lse[i] = i < n ? lse[first + i] : 0.0f;
        g->delta[i] = 0.0f;
        for (int d = 0; i < n && g->o[first + i] && d < t->depth; d++)
            g->delta[i] += g->o[first + i][d] * g->dout[first + i][d];
    }
}

/* From the scores of a tile. Softmax back:  dp[j][i] = <dout[i], v[j]>,  ds = p (dp - delta)  with delta[i] =
 * <dout[i], o[i]>, since sum over j of p dp is that. Then
 *     dv[j] += sum over i of p[j][i] dout[i]
 *     dk[j] += sum over i of ds[j][i] scale q[i]
 *     dq[i]  = sum over j of ds[j][i] k[j]
 * where g->dp becomes ds, and dq is the gradient of the scaled queries. With dropout d[j][i], which is 0 or a factor,
 * dp and the p of dv are multiplied by it; delta is what it was. */
static void tile_backward(const DfTiles *t, DfWindowRows *x, DfWindowGrads *g, int tile, const float *lse)
{
    const int first = tile * t->lanes;
    const int n = queries_of(t, tile);
    const size_t lanes = (size_t)t->lanes;
    tile_sums(t, g, lse, first, n);
    t->k->transpose_rows(g->dot, g->dout + first, n, t->lanes, t->depth, 1.0f);
    t->k->scores(g->dp, NULL, 0, x->vv, g->dot, t->keys, t->lanes, t->depth, t->width);
    drop(t, x, tile, g->dp);
    t->k->softmax_backward(x->s, g->dp, t->n, t->lanes, g->lse, g->delta);
    drop(t, x, tile, x->s);
    t->k->copy_rows(g->qq, x->q + first, n, t->depth, t->width, t->scale);
    t->k->copy_rows(g->doo, g->dout + first, n, t->depth, t->width, 1.0f);
    t->k->combine(g->dv, g->ones, x->s, lanes, 1, g->doo, t->n, n, t->width);
    t->k->combine(g->dk, g->ones, g->dp, lanes, 1, g->qq, t->n, n, t->width);
    t->k->combine(g->dq, NULL, g->dp, 1, lanes, x->kk, n, t->n, t->width);
}

static void add_row(float *to, const float *row, int n, float factor) /* to NULL: nowhere */
{
    if (!to)
        return;
    for (int d = 0; d < n; d++)
        to[d] += factor * row[d];
}

static void add_tile(const DfWindowKind *kind, const DfWindowRows *x, DfWindowGrads *g, int h, int tile)
{
    const DfTiles *t = kind->t;
    const int first = tile * t->lanes;
    const int n = queries_of(t, tile);
    const size_t lanes = (size_t)t->lanes;
    for (int i = 0; i < n; i++)
        add_row(kind->gradient(kind->plan, x, h, first + i, 0, g->pad), g->dq + (size_t)i * (size_t)t->width,
                t->depth, t->scale);
    for (int key = 0; key < t->n; key++)
        add_row(g->dbias + (size_t)key * df_tiles_stride(t) + (size_t)first, g->dp + (size_t)key * lanes, n, 1.0f);
}

void df_window_backward(const DfWindowKind *kind, DfWindowRows *x, DfWindowGrads *g, int h, const float *out,
                        const float *dout, const float *lse)
{
    const DfTiles *t = kind->t;
    const size_t width = (size_t)t->width;
    start(t, x, g, h, out, dout);
    for (int tile = 0; tile < t->tiles; tile++) {
        kind->scores(kind->plan, x, h, tile);
        tile_backward(t, x, g, tile, lse);
        add_tile(kind, x, g, h, tile);
    }
    for (int i = 0; i < t->n; i++) {
        add_row(kind->gradient(kind->plan, x, h, i, 1, g->pad), g->dk + (size_t)i * width, t->depth, 1.0f);
        add_row(kind->gradient(kind->plan, x, h, i, 2, g->pad), g->dv + (size_t)i * width, t->depth, 1.0f);
    }
}

void df_tiles_add_pads(const DfTiles *t, float *dpad, const float *pads, size_t tasks)
{
    const size_t heads = (size_t)t->heads;
    const size_t depth = (size_t)t->depth;
    const size_t C = (size_t)t->C;
    for (size_t task = 0; dpad && task < tasks; task++)
        for (size_t i = 0; i < 3 * depth; i++)
            dpad[i / depth * C + task % heads * depth + i % depth] += pads[task * 3 * depth + i];
}
