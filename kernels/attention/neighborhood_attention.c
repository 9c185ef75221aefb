/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/neighborhood_attention.c -- neighborhood attention: every query attends to the window x window
 * tokens nearest to it. Hassani et al., Neighborhood Attention Transformer (CVPR 2023); dilated as in Hassani and Shi
 * (2022).
 *
 * Queries are computed in tiles, each against the union of its queries' neighborhoods: see neighborhood_tiles.h. A
 * task of the forward pass is one head of one band of tiles; of the backward pass, one head of one sample.
 */
#include <string.h>

#include "kernels/attention/neighborhood_tiles.h"

/* ---- forward ---------------------------------------------------------------------------------------------------- */

typedef struct {
    DfNeighborPlan plan;
    float *out, *lse; /* lse: B*H*W heads */
} Forward;

static void forward_tile(const Forward *f, const DfNeighborBand *band, DfNeighborTile *t, int h)
{
    const DfNeighborPlan *w = &f->plan;
    if (!df_neighbors_bias_fits(t))
        df_neighbors_make_bias(w, t, h);
    const DfQueryTile q = df_neighbors_query_tile(w, band, t, h);
    for (int i = 0; i < t->queries; i++)
        t->out[i] = f->out + t->query[i] * (size_t)w->p->C + h * w->depth;
    df_query_scores(&q, &t->room, t->bias, (size_t)w->lanes);
    df_query_forward(&q, &t->room, t->out);
    for (int i = 0; f->lse && i < t->queries; i++)
        f->lse[t->query[i] * (size_t)w->p->heads + (size_t)h] = df_query_lse(&t->room, i);
}

/* Splits the index of a task: returns the lowest digit, in base n, and leaves the higher ones in *task. */
static int next_digit(size_t *task, int n)
{
    const int digit = (int)(*task % (size_t)n);
    *task /= (size_t)n;
    return digit;
}

/* A task is one head of one band. */
static void forward_task(void *arg, size_t task, void *scratch)
{
    const Forward *f = arg;
    const DfNeighborPlan *w = &f->plan;
    DfCarver carver = { scratch, 0 };
    DfNeighborBand band = df_neighbors_carve_band(w, &carver);
    DfNeighborTile t = df_neighbors_carve_tile(w, &carver);
    DfNeighborPlace at;
    const int h = next_digit(&task, w->p->heads);
    at.column = next_digit(&task, w->bands) * BAND;
    at.x = next_digit(&task, w->p->dilation);
    at.row = next_digit(&task, w->tile_rows);
    at.y = next_digit(&task, w->p->dilation);
    at.b = (int)task;
    if (!df_neighbors_find_band(w, &band, at))
        return;
    df_neighbors_copy_keys(w, &band, h);
    for (int i = 0; i < BAND && df_neighbors_find_tile(w, &band, &t, i, h); i++)
        forward_tile(f, &band, &t, h);
}

size_t df_neighborhood_attention_lse_size(const DfNeighborhoodProblem *p)
{
    return (size_t)p->B * (size_t)p->H * (size_t)p->W * (size_t)p->heads;
}

int df_neighborhood_attention_forward(DfPool *pool, const DfKernels *k, const DfNeighborhoodProblem *p, float *out,
                                      float *lse)
{
    Forward f = { df_neighbors_plan(p, k), out, lse };
    DfCarver counter = { NULL, 0 };
    df_neighbors_carve_band(&f.plan, &counter);
    df_neighbors_carve_tile(&f.plan, &counter);
    const size_t rows = (size_t)p->B * (size_t)p->dilation * (size_t)f.plan.tile_rows;
    const size_t bands = (size_t)p->dilation * (size_t)f.plan.bands;
    return df_parallel(pool, rows * bands * (size_t)p->heads, counter.used, forward_task, &f);
}

/* ---- backward --------------------------------------------------------------------------------------------------- */

typedef struct {
    DfNeighborPlan plan;
    const float *out, *lse, *dout;
    float *dqkv;
    float *tables; /* B heads side side: each task's part of dtable */
} Backward;

typedef struct {
    const float **dout;         /* rows of one head                              */
    DfTileGrads tile;
    float *dbias;               /* keys lanes, summed over tiles of one shape    */
    float *dk, *dv;             /* of a band: keys width                         */
} Scratch;

static Scratch carve_backward(const DfNeighborPlan *w, DfCarver *c)
{
    const size_t n = (size_t)w->keys;
    const size_t lanes = (size_t)w->lanes;
    const size_t width = (size_t)w->width;
    const size_t band = (size_t)w->band_keys;
    Scratch s = { 0 };
    s.dout = df_carve(c, lanes, sizeof *s.dout);
    s.tile = df_tile_grads(c, n, lanes, width);
    s.dbias = df_carve_floats(c, n, lanes);
    s.dk = df_carve_floats(c, band, width);
    s.dv = df_carve_floats(c, band, width);
    return s;
}

/* Adds the bias gradient of all tiles of one shape to the gradient of the table. */
static void flush_bias(const DfNeighborPlan *w, const DfNeighborTile *t, Scratch *s, float *table)
{
    const int queries = t->biased.y.queries * t->biased.x.queries;
    for (int query = 0; t->has_bias && query < queries; query++)
        for (int y = 0; y < w->p->window; y++)
            for (int x = 0; x < w->p->window; x++) {
                const int key = df_neighbors_key_of(&t->biased, query, y, x);
                table[df_neighbors_table_entry(w, &t->biased, query, y, x)] += s->dbias[key * w->lanes + query];
            }
    memset(s->dbias, 0, (size_t)w->keys * (size_t)w->lanes * sizeof *s->dbias);
}

/* lse and delta = sum over d of out dout, lane by lane; lanes without a query get 0. */
static void tile_sums(const Backward *b, const DfNeighborTile *t, Scratch *s, int h)
{
    const DfNeighborPlan *w = &b->plan;
    for (int i = 0; i < w->lanes; i++) {
        s->tile.lse[i] = i < t->queries ? b->lse[t->query[i] * (size_t)w->p->heads + (size_t)h] : 0.0f;
        s->tile.delta[i] = 0.0f;
        if (i >= t->queries)
            continue;
        const size_t at = t->query[i] * (size_t)w->p->C + (size_t)(h * w->depth);
        s->dout[i] = b->dout + at;
        s->tile.delta[i] = (float)w->pointwise->dot(b->out + at, s->dout[i], (size_t)w->depth);
    }
}

/* Gradients of one tile. That of the bias is summed over all tiles that have the same bias. */
static void backward_tile(const Backward *b, const DfNeighborBand *band, DfNeighborTile *t, Scratch *s, int h,
                          float *table)
{
    const DfNeighborPlan *w = &b->plan;
    const size_t first = t->first_key * (size_t)w->width;
    if (!df_neighbors_bias_fits(t)) {
        flush_bias(w, t, s, table);
        df_neighbors_make_bias(w, t, h);
    }
    const DfQueryTile q = df_neighbors_query_tile(w, band, t, h);
    df_query_scores(&q, &t->room, t->bias, (size_t)w->lanes);
    tile_sums(b, t, s, h);
    df_query_backward(&q, &t->room, &s->tile, s->dout, b->dqkv ? s->dk + first : NULL, s->dv + first, s->dbias,
                      (size_t)w->lanes);
    for (int i = 0; b->dqkv && i < t->queries; i++)
        w->pointwise->accumulate(b->dqkv + t->query[i] * 3 * (size_t)w->p->C + h * w->depth, s->tile.dq + i * w->width,
                                 w->p->scale, (size_t)w->depth);
}

static void backward_band(const Backward *b, DfNeighborBand *band, DfNeighborTile *t, Scratch *s, int h, float *table)
{
    const DfNeighborPlan *w = &b->plan;
    const size_t C = (size_t)w->p->C;
    const size_t size = (size_t)band->keys * (size_t)w->width * sizeof(float);
    df_neighbors_copy_keys(w, band, h);
    memset(s->dk, 0, size);
    memset(s->dv, 0, size);
    for (int i = 0; i < BAND && df_neighbors_find_tile(w, band, t, i, h); i++)
        backward_tile(b, band, t, s, h, table);
    for (int i = 0; b->dqkv && i < band->keys; i++) {
        float *to = b->dqkv + band->key[i] * 3 * C + h * w->depth;
        w->pointwise->accumulate(to + C, s->dk + i * w->width, 1.0f, (size_t)w->depth);
        w->pointwise->accumulate(to + 2 * C, s->dv + i * w->width, 1.0f, (size_t)w->depth);
    }
}

/* A task is one head of one sample: neighborhoods overlap, and so do the gradients of their keys. */
static void backward_task(void *arg, size_t task, void *scratch)
{
    const Backward *b = arg;
    const DfNeighborPlan *w = &b->plan;
    DfCarver carver = { scratch, 0 };
    DfNeighborBand band = df_neighbors_carve_band(w, &carver);
    DfNeighborTile t = df_neighbors_carve_tile(w, &carver);
    Scratch s = carve_backward(w, &carver);
    const int h = (int)(task % (size_t)w->p->heads);
    const int d = w->p->dilation;
    const size_t entries = (size_t)(w->table_side * w->table_side);
    float *table = b->tables + task * entries;
    memset(table, 0, entries * sizeof *table);
    DfNeighborPlace at = { .b = (int)(task / (size_t)w->p->heads) };
    for (at.y = 0; at.y < d; at.y++)
        for (at.row = 0; at.row < w->tile_rows; at.row++)
            for (at.x = 0; at.x < d; at.x++)
                for (at.column = 0; at.column < w->tile_columns; at.column += BAND)
                    if (df_neighbors_find_band(w, &band, at))
                        backward_band(b, &band, &t, &s, h, table);
    flush_bias(w, &t, &s, table);
}

size_t df_neighborhood_attention_backward_workspace(const DfNeighborhoodProblem *p)
{
    const size_t side = (size_t)(2 * p->window - 1);
    return (size_t)p->B * (size_t)p->heads * side * side;
}

int df_neighborhood_attention_backward(DfPool *pool, const DfKernels *k, const DfNeighborhoodProblem *p,
                                       const float *out, const float *lse, const float *dout, float *dqkv,
                                       float *dtable, float *workspace)
{
    Backward b = { df_neighbors_plan(p, k), out, lse, dout, dqkv, workspace };
    DfCarver counter = { NULL, 0 };
    df_neighbors_carve_band(&b.plan, &counter);
    df_neighbors_carve_tile(&b.plan, &counter);
    carve_backward(&b.plan, &counter);
    const int err = df_parallel(pool, (size_t)p->B * (size_t)p->heads, counter.used, backward_task, &b);
    const size_t entries = (size_t)p->heads * (size_t)b.plan.table_side * (size_t)b.plan.table_side;
    for (size_t i = 0; !err && dtable && i < (size_t)p->B; i++)
        k->pointwise.accumulate(dtable, workspace + i * entries, 1.0f, entries);
    return err;
}
