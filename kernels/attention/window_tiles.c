/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/window_tiles.c -- attention of one head of one window, tile by tile, forward and backward; used by
 * window and focal attention.
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
    x.kk = df_carve_floats(c, n, width);
    x.vv = df_carve_floats(c, n, width);
    x.room = df_tile_room(c, n, lanes, width);
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

/* The tile in the form of query_tile.h. */
static DfQueryTile query_tile(const DfTiles *t, const DfWindowRows *x, int tile)
{
    return (DfQueryTile){
        .leaves = t->k,
        .dropout = &t->dropout,
        .depth = t->depth,
        .width = t->width,
        .scale = t->scale,
        .lanes = t->lanes,
        .queries = queries_of(t, tile),
        .keys = t->n,
        .sample = x->sample,
        .q = x->q + tile * t->lanes,
        .k = x->kk,
        .v = x->vv,
    };
}

void df_tile_scores(const DfTiles *t, DfWindowRows *x, int tile, const float *bias, size_t stride)
{
    const DfQueryTile q = query_tile(t, x, tile);
    df_query_scores(&q, &x->room, bias, stride);
}

static void number_lanes(const DfTiles *t, DfWindowRows *x, int tile)
{
    for (int i = 0; t->dropout.key && i < t->lanes; i++)
        x->room.number[i] = (x->first_query + (uint32_t)(tile * t->lanes + i)) * (uint32_t)t->n;
}

/* From the scores of a tile to its results. */
static void tile_forward(const DfTiles *t, DfWindowRows *x, int tile, float *lse)
{
    const DfQueryTile q = query_tile(t, x, tile);
    const int first = tile * t->lanes;
    number_lanes(t, x, tile);
    df_query_forward(&q, &x->room, x->out + first);
    for (int i = 0; lse && i < q.queries; i++)
        lse[first + i] = df_query_lse(&x->room, i);
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
    g.tile = df_tile_grads(c, n, lanes, width);
    g.to = df_carve(c, n, sizeof *g.to);
    g.dk = df_carve_floats(c, n, width);
    g.dv = df_carve_floats(c, n, width);
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
    memset(g->tile.lse, 0, (size_t)t->lanes * sizeof *g->tile.lse);
    memcpy(g->tile.lse, lse + first, (size_t)n * sizeof *lse);
    t->k->dot_rows(g->tile.delta, g->o + first, g->dout + first, n, t->lanes, t->depth);
}

/* From the scores of a tile. */
static void tile_backward(const DfTiles *t, DfWindowRows *x, DfWindowGrads *g, int tile, const float *lse)
{
    const DfQueryTile q = query_tile(t, x, tile);
    const int first = tile * t->lanes;
    tile_sums(t, g, lse, first, q.queries);
    number_lanes(t, x, tile);
    df_query_backward(&q, &x->room, &g->tile, g->dout + first, g->dk, g->dv, g->dbias + first, df_tiles_stride(t));
}

/* Adds the gradient rows of part (0 q, 1 k, 2 v) of the keys from `first` on to their tokens or to the padding. */
static void add_rows(const DfWindowKind *kind, const DfWindowRows *x, DfWindowGrads *g, int h, int part, int first,
                     int n, const float *rows)
{
    const DfTiles *t = kind->t;
    for (int i = 0; i < n; i++)
        g->to[i] = kind->gradient(kind->plan, x, h, first + i, part, g->pad);
    t->k->add_rows(g->to, rows, n, t->depth, t->width, part == 0 ? t->scale : 1.0f);
}

void df_window_backward(const DfWindowKind *kind, DfWindowRows *x, DfWindowGrads *g, int h, const float *out,
                        const float *dout, const float *lse)
{
    const DfTiles *t = kind->t;
    start(t, x, g, h, out, dout);
    for (int tile = 0; tile < t->tiles; tile++) {
        kind->scores(kind->plan, x, h, tile);
        tile_backward(t, x, g, tile, lse);
        add_rows(kind, x, g, h, 0, tile * t->lanes, queries_of(t, tile), g->tile.dq);
    }
    add_rows(kind, x, g, h, 1, 0, t->n, g->dk);
    add_rows(kind, x, g, h, 2, 0, t->n, g->dv);
}

void df_tiles_add_pads(const DfTiles *t, float *dpad, const float *pads, size_t tasks)
{
    const size_t heads = (size_t)t->heads;
    const size_t depth = (size_t)t->depth;
    for (size_t task = 0; dpad && task < tasks; task++)
        for (size_t part = 0; part < 3; part++, pads += depth) {
            float *const to = dpad + part * (size_t)t->C + task % heads * depth;
            for (size_t d = 0; d < depth; d++)
                to[d] += pads[d];
        }
}
