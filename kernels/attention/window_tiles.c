/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/window_tiles.c -- one head of one window of attention, whatever its keys are: tiles of queries, forward and backward.
 */
#include <string.h>

#include "kernels/attention/window_tiles.h"

DfTiles df_tiles(const DfAttentionKernels *k, int C, int heads, int window, int n, float scale)
{
    DfTiles t = { .k = k, .C = C, .heads = heads, .depth = C / heads, .tokens = window * window, .n = n, .scale = scale };
    t.width = df_round_up(t.depth, 8);
    t.keys = df_round_up(n, DF_KEY_MULTIPLE);
    t.tiles = (t.tokens + DF_LANES - 1) / DF_LANES;
    t.lanes = df_round_up((t.tokens + t.tiles - 1) / t.tiles, 8);
    return t;
}

/* ---- forward ------------------------------------------------------------------------------------------------------- */

DfWindowRows df_window_rows(const DfTiles *t, DfCarver *c)
{
    const size_t n = (size_t)t->keys, all = df_tiles_stride(t) + n, lanes = (size_t)t->lanes, width = (size_t)t->width;
    return (DfWindowRows){
        .at = df_carve(c, n, sizeof(ptrdiff_t)), .region = df_carve(c, all, sizeof(int)), .q = df_carve(c, n, sizeof(float *)),
        .k = df_carve(c, n, sizeof(float *)), .v = df_carve(c, n, sizeof(float *)), .out = df_carve(c, n, sizeof(float *)),
        .qt = df_carve_floats(c, width, lanes), .kk = df_carve_floats(c, n, width), .vv = df_carve_floats(c, n, width),
        .s = df_carve_floats(c, n, lanes), .o = df_carve_floats(c, lanes, width), .max = df_carve_floats(c, 1, lanes),
        .sum = df_carve_floats(c, 1, lanes), .rescale = df_carve_floats(c, 1, lanes),
    };
}

void df_window_copy_keys(const DfTiles *t, DfWindowRows *x)
{
    for (int i = t->n; i < t->keys; i++) /* fills up the last group of keys */
        x->k[i] = x->v[i] = NULL;
    t->k->copy_rows(x->kk, x->k, t->keys, t->depth, t->width, 1.0f);
    t->k->copy_rows(x->vv, x->v, t->keys, t->depth, t->width, 1.0f);
}

void df_window_out_rows(const DfTiles *t, DfWindowRows *x, int h, float *out)
{
    for (int i = 0; i < t->tokens; i++)
        x->out[i] = x->at[i] < 0 ? NULL : out + (size_t)x->at[i] * (size_t)t->C + h * t->depth;
}

void df_tile_scores(const DfTiles *t, DfWindowRows *x, int tile, const float *bias, size_t stride)
{
    t->k->transpose_rows(x->qt, x->q + tile * t->lanes, df_tile_queries(t, tile), t->lanes, t->depth, t->scale);
    t->k->scores(x->s, bias, stride, x->kk, x->qt, t->keys, t->lanes, t->depth, t->width);
}

void df_tile_forward(const DfTiles *t, DfWindowRows *x, int tile, float *lse)
{
    const int first = tile * t->lanes, n = df_tile_queries(t, tile);
    for (int i = 0; i < t->lanes; i++) {
        x->max[i] = -INFINITY;
        x->sum[i] = 0.0f;
    }
    t->k->softmax(x->s, t->n, t->lanes, x->max, x->sum, x->rescale);
    t->k->combine(x->o, NULL, x->s, 1, (size_t)t->lanes, x->vv, n, t->n, t->width);
    t->k->store_rows(x->out + first, x->o, x->sum, n, t->depth, t->width);
    for (int i = 0; lse && i < n; i++)
        lse[first + i] = x->max[i] + logf(x->sum[i]);
}

/* ---- backward ------------------------------------------------------------------------------------------------------ */

DfWindowGrads df_window_grads(const DfTiles *t, DfCarver *c)
{
    const size_t n = (size_t)t->keys, lanes = (size_t)t->lanes, width = (size_t)t->width;
    const DfWindowGrads s = {
        .o = df_carve(c, n, sizeof(float *)), .dout = df_carve(c, n, sizeof(float *)), .dot = df_carve_floats(c, width, lanes),
        .qq = df_carve_floats(c, lanes, width), .doo = df_carve_floats(c, lanes, width), .dp = df_carve_floats(c, n, lanes),
        .dq = df_carve_floats(c, lanes, width), .dk = df_carve_floats(c, n, width), .dv = df_carve_floats(c, n, width),
        .lse = df_carve_floats(c, 1, lanes), .delta = df_carve_floats(c, 1, lanes), .ones = df_carve_floats(c, 1, n),
    };
    for (size_t i = 0; c->base && i < n; i++)
        s.ones[i] = 1.0f;
    return s;
}

void df_window_grads_start(const DfTiles *t, const DfWindowRows *x, DfWindowGrads *s, int h, const float *out, const float *dout)
{
    const size_t size = (size_t)t->keys * (size_t)t->width * sizeof(float);
    for (int i = 0; i < t->tokens; i++) {
        const size_t at = (size_t)x->at[i] * (size_t)t->C + (size_t)(h * t->depth);
        s->o[i] = x->at[i] < 0 ? NULL : out + at;
        s->dout[i] = x->at[i] < 0 ? NULL : dout + at;
    }
    memset(s->dk, 0, size);
    memset(s->dv, 0, size);
}

/* lse and delta = sum over d of out dout, lane by lane; lanes without a query get 0. */
static void tile_sums(const DfTiles *t, DfWindowGrads *s, const float *lse, int first, int n)
{
    for (int i = 0; i < t->lanes; i++) {
        s->lse[i] = i < n ? lse[first + i] : 0.0f;
        s->delta[i] = 0.0f;
        for (int d = 0; i < n && s->o[first + i] && d < t->depth; d++)
            s->delta[i] += s->o[first + i][d] * s->dout[first + i][d];
    }
}

void df_tile_backward(const DfTiles *t, DfWindowRows *x, DfWindowGrads *s, int tile, const float *lse)
{
    const int first = tile * t->lanes, n = df_tile_queries(t, tile);
    const size_t lanes = (size_t)t->lanes;
    tile_sums(t, s, lse, first, n);
    t->k->transpose_rows(s->dot, s->dout + first, n, t->lanes, t->depth, 1.0f);
    t->k->scores(s->dp, NULL, 0, x->vv, s->dot, t->keys, t->lanes, t->depth, t->width);
    t->k->softmax_backward(x->s, s->dp, t->n, t->lanes, s->lse, s->delta);
    t->k->copy_rows(s->qq, x->q + first, n, t->depth, t->width, t->scale);
    t->k->copy_rows(s->doo, s->dout + first, n, t->depth, t->width, 1.0f);
    t->k->combine(s->dv, s->ones, x->s, lanes, 1, s->doo, t->n, n, t->width);
    t->k->combine(s->dk, s->ones, s->dp, lanes, 1, s->qq, t->n, n, t->width);
    t->k->combine(s->dq, NULL, s->dp, 1, lanes, x->kk, n, t->n, t->width);
}

void df_tile_add_bias(const DfTiles *t, const DfWindowGrads *s, int tile, float *dbias)
{
    const size_t lanes = (size_t)t->lanes;
    for (int key = 0; key < t->n; key++)
        df_add_row(dbias + (size_t)key * df_tiles_stride(t) + (size_t)tile * lanes, s->dp + (size_t)key * lanes, df_tile_queries(t, tile), 1.0f);
}

void df_tiles_add_pads(const DfTiles *t, float *dpad, const float *pads, size_t tasks)
{
    const size_t heads = (size_t)t->heads, depth = (size_t)t->depth, C = (size_t)t->C;
    for (size_t task = 0; dpad && task < tasks; task++)
        for (size_t i = 0; i < 3 * depth; i++)
            dpad[i / depth * C + task % heads * depth + i % depth] += pads[task * 3 * depth + i];
}
