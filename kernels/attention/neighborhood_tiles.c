/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/neighborhood_tiles.c -- bands and tiles of neighborhood attention: finds the queries and keys of a
 * tile, copies the keys of a band, and makes the bias that masks keys outside a query's neighborhood.
 */
#include "kernels/attention/neighborhood_tiles.h"

#include <string.h>

static int pieces(int size, int most)
{
    return (size + most - 1) / most;
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

DfNeighborPlan df_neighbors_plan(const DfNeighborhoodProblem *p, const DfKernels *k)
{
    DfNeighborPlan w = { .p = p, .k = df_attention_leaves(k, p->precision, &p->dropout), .pointwise = &k->pointwise,
                         .depth = p->C / p->heads, .table_side = 2 * p->window - 1 };
    const int H = pieces(p->H, p->dilation); /* of the largest subgrid */
    const int W = pieces(p->W, p->dilation);
    w.width = df_round_up(w.depth, 8);
    w.columns = pieces(W, pieces(W, TILE_SIDE)); /* so that tiles are of equal width */
    w.rows = pieces(H, pieces(H, TILE / w.columns));
    w.lanes = df_round_up(w.rows * w.columns, 8);
    w.tile_rows = pieces(H, w.rows);
    w.tile_columns = pieces(W, w.columns);
    w.bands = pieces(w.tile_columns, BAND);
    const int key_rows = smaller(H, w.rows + p->window - 1);
    w.keys = df_round_up(key_rows * smaller(W, w.columns + p->window - 1), DF_KEY_MULTIPLE);
    w.band_keys = key_rows * smaller(W, BAND * w.columns + p->window - 1);
    return w;
}

/* ---- one band --------------------------------------------------------------------------------------------------- */

/* A neighborhood is centered on its query, and moves inwards at the border. */
static int start_of(int query, int size, int window)
{
    const int start = query - window / 2;
    return start < 0 ? 0 : smaller(start, size - window);
}

/* `n` queries from `first` on, in an axis of `size` tokens; *origin becomes the first key. */
static DfNeighborAxis axis_of(int first, int n, int size, int window, int *origin)
{
    DfNeighborAxis a = { 0 };
    *origin = start_of(first, size, window);
    a.queries = n;
    a.keys = start_of(first + n - 1, size, window) + window - *origin;
    a.query = first - *origin;
    for (int i = 0; i < n; i++)
        a.start[i] = start_of(first + i, size, window) - *origin;
    return a;
}

DfNeighborBand df_neighbors_carve_band(const DfNeighborPlan *w, DfCarver *c)
{
    const size_t n = (size_t)(w->band_keys + DF_KEY_MULTIPLE - 1);
    const size_t width = (size_t)w->width;
    DfNeighborBand band = { 0 };
    band.key = df_carve(c, n, sizeof *band.key);
    band.rows = df_carve(c, n, sizeof *band.rows);
    band.k = df_carve_floats(c, n, width);
    band.v = df_carve_floats(c, n, width);
    return band;
}

static size_t token(const DfNeighborPlan *w, DfNeighborPlace at, int y, int x) /* (y, x) of the subgrid */
{
    const int d = w->p->dilation;
    return ((size_t)at.b * (size_t)w->p->H + (size_t)(at.y + d * y)) * (size_t)w->p->W + (size_t)(at.x + d * x);
}

bool df_neighbors_find_band(const DfNeighborPlan *w, DfNeighborBand *band, DfNeighborPlace at)
{
    const int d = w->p->dilation;
    const int window = w->p->window;
    const int column = at.column * w->columns;
    band->at = at;
    band->H = pieces(w->p->H - at.y, d);
    band->W = pieces(w->p->W - at.x, d);
    band->first_query = at.row * w->rows;
    if (band->first_query >= band->H || column >= band->W)
        return false;
    int key_y;
    band->y = axis_of(band->first_query, smaller(w->rows, band->H - band->first_query), band->H, window, &key_y);
    band->first_key = start_of(column, band->W, window);
    const int last = smaller(column + BAND * w->columns, band->W) - 1;
    const int columns = start_of(last, band->W, window) + window - band->first_key;
    band->keys = columns * band->y.keys;
    for (int i = 0; i < band->keys; i++)
        band->key[i] = token(w, at, key_y + i % band->y.keys, band->first_key + i / band->y.keys);
    return true;
}

/* Rows of zeros follow: scores() rounds the number of keys up, wherever a tile begins. */
void df_neighbors_copy_keys(const DfNeighborPlan *w, DfNeighborBand *band, int h)
{
    const size_t C = (size_t)w->p->C;
    const int n = band->keys + DF_KEY_MULTIPLE - 1;
    for (int part = 1; part < 3; part++) {
        for (int i = 0; i < n; i++)
            band->rows[i] = i < band->keys ? w->p->qkv + (band->key[i] * 3 + (size_t)part) * C + h * w->depth : NULL;
        w->k->copy_rows(part == 1 ? band->k : band->v, band->rows, n, w->depth, w->width, 1.0f);
    }
}

/* ---- one tile --------------------------------------------------------------------------------------------------- */

DfNeighborTile df_neighbors_carve_tile(const DfNeighborPlan *w, DfCarver *c)
{
    const size_t n = (size_t)w->keys;
    const size_t lanes = (size_t)w->lanes;
    DfNeighborTile t = { 0 };
    t.query = df_carve(c, lanes, sizeof *t.query);
    t.q = df_carve(c, lanes, sizeof *t.q);
    t.out = df_carve(c, lanes, sizeof *t.out);
    t.bias = df_carve_floats(c, n, lanes);
    t.room = df_tile_room(c, n, lanes, (size_t)w->width);
    return t;
}

bool df_neighbors_find_tile(const DfNeighborPlan *w, const DfNeighborBand *band, DfNeighborTile *t, int i, int h)
{
    const int column = (band->at.column + i) * w->columns;
    if (column >= band->W)
        return false;
    int key;
    t->shape.y = band->y;
    t->shape.x = axis_of(column, smaller(w->columns, band->W - column), band->W, w->p->window, &key);
    const DfNeighborAxis *y = &t->shape.y;
    const DfNeighborAxis *x = &t->shape.x;
    t->queries = y->queries * x->queries;
    t->keys = y->keys * x->keys;
    t->first_key = (size_t)(key - band->first_key) * (size_t)y->keys;
    for (int j = 0; j < t->queries; j++) {
        t->query[j] = token(w, band->at, band->first_query + j / x->queries, column + j % x->queries);
        t->q[j] = w->p->qkv + t->query[j] * 3 * (size_t)w->p->C + h * w->depth;
    }
    return true;
}

size_t df_neighbors_table_entry(const DfNeighborPlan *w, const DfNeighborShape *shape, int query, int y, int x)
{
    const int i = query / shape->x.queries;
    const int j = query % shape->x.queries;
    const int middle = w->p->window - 1;
    const int dy = shape->y.start[i] + y - (shape->y.query + i);
    const int dx = shape->x.start[j] + x - (shape->x.query + j);
    return (size_t)((dy + middle) * w->table_side + dx + middle);
}

int df_neighbors_key_of(const DfNeighborShape *shape, int query, int y, int x)
{
    const int row = shape->y.start[query / shape->x.queries] + y;
    const int column = shape->x.start[query % shape->x.queries] + x;
    return column * shape->y.keys + row;
}

/* All -inf, then the neighbors one by one: exp(-inf) is 0, so the softmax sees nothing else. */
void df_neighbors_make_bias(const DfNeighborPlan *w, DfNeighborTile *t, int h)
{
    const float *table = w->p->table ? w->p->table + (size_t)h * (size_t)(w->table_side * w->table_side) : NULL;
    for (int key = 0; key < w->keys; key++)
        for (int lane = 0; lane < w->lanes; lane++) /* lanes and keys that fill up the tile stay finite */
            t->bias[key * w->lanes + lane] = lane < t->queries && key < t->keys ? -INFINITY : 0.0f;
    for (int query = 0; query < t->queries; query++)
        for (int y = 0; y < w->p->window; y++)
            for (int x = 0; x < w->p->window; x++) {
                const int key = df_neighbors_key_of(&t->shape, query, y, x);
                const size_t entry = df_neighbors_table_entry(w, &t->shape, query, y, x);
                t->bias[key * w->lanes + query] = table ? table[entry] : 0.0f;
            }
    t->biased = t->shape;
    t->has_bias = true;
}

bool df_neighbors_bias_fits(const DfNeighborTile *t)
{
    return t->has_bias && memcmp(&t->biased, &t->shape, sizeof t->shape) == 0;
}

/* A query's keys are numbered within the union of its tile. */
static void number_lanes(const DfNeighborPlan *w, DfNeighborTile *t, int h)
{
    const size_t map = (size_t)w->p->H * (size_t)w->p->W;
    for (int i = 0; w->p->dropout.key && i < w->lanes; i++) {
        const size_t query = i < t->queries ? t->query[i] % map : 0;
        t->room.number[i] = (uint32_t)(((size_t)h * map + query) * (size_t)w->keys);
    }
}

DfQueryTile df_neighbors_query_tile(const DfNeighborPlan *w, const DfNeighborBand *band, DfNeighborTile *t, int h)
{
    const size_t first = t->first_key * (size_t)w->width;
    number_lanes(w, t, h);
    return (DfQueryTile){
        .leaves = w->k,
        .dropout = &w->p->dropout,
        .depth = w->depth,
        .width = w->width,
        .scale = w->p->scale,
        .lanes = w->lanes,
        .queries = t->queries,
        .keys = t->keys,
        .sample = band->at.b,
        .q = t->q,
        .k = band->k + first,
        .v = band->v + first,
    };
}
