/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/deform/plan.c -- what both passes of deformable attention prepare: keys and values copied head by head,
 * position tables with a margin of zeros, and all coordinates in cells of the table, so that the bias is sampled at
 * query minus key.
 */
#include "kernels/deform/plan.h"

#include <string.h>

DfDeformPlan df_deform_plan(const DfDeformProblem *p, const DfAttentionKernels *k, DfCarver *c)
{
    DfDeformPlan w = { .p = p, .k = k, .depth = p->C / p->heads, .H = p->H, .W = p->W };
    if (!p->table) {
        w.H = 1;
        w.W = p->H * p->W;
    }
    w.width = df_round_up(w.depth, 8);
    w.keys = df_round_up(p->keys, DF_KEY_MULTIPLE);
    w.pieces = (w.W + DF_LANES - 1) / DF_LANES;
    w.columns = (w.W + w.pieces - 1) / w.pieces;
    w.lanes = df_round_up(w.columns, 8);
    w.tile_rows = DF_LANES / w.lanes < w.H ? DF_LANES / w.lanes : w.H;
    w.tiles = w.pieces * ((w.H + w.tile_rows - 1) / w.tile_rows);
    const size_t heads = (size_t)p->B * (size_t)p->heads;
    w.kk = df_carve_floats(c, heads * (size_t)w.keys, (size_t)w.width);
    w.vv = df_carve_floats(c, heads * (size_t)w.keys, (size_t)w.width);
    if (p->padding_mask) {
        w.seen = df_carve(c, (size_t)p->B * (size_t)p->keys, sizeof *w.seen);
        w.n_seen = df_carve(c, (size_t)p->B, sizeof *w.n_seen);
    }
    if (p->table) {
        w.stride = df_round_up(p->table_w + 18, 8);
        w.tables = df_carve_floats(c, (size_t)p->heads, df_deform_table_size(&w));
        w.key_y = df_carve_floats(c, (size_t)p->B * (size_t)p->groups, (size_t)p->keys);
        w.key_x = df_carve_floats(c, (size_t)p->B * (size_t)p->groups, (size_t)p->keys);
        w.y = df_carve_floats(c, 1, (size_t)w.H);
        w.x = df_carve_floats(c, (size_t)w.pieces, (size_t)w.lanes);
    }
    return w;
}

/* ---- coordinates ------------------------------------------------------------------------------------------------ */

/* A query's cell does not depend on the head: tables of all heads are of one size. */
static void place_queries(DfDeformPlan *w)
{
    const DfDeformProblem *p = w->p;
    const bool no_x = p->W == 1 && !p->half_pixel; /* a NaN in x is moved to y: indices are made from x */
    for (int i = 0; i < w->H; i++)
        w->y[i] = no_x ? NAN : (float)df_deform_query_cell(i, p->H, p->half_pixel, p->table_h);
    for (int piece = 0; piece < w->pieces; piece++)
        for (int j = 0; j < w->lanes; j++) {
            const int column = piece * w->columns + j;
            const double x = no_x ? 0 : df_deform_query_cell(column, p->W, p->half_pixel, p->table_w);
            w->x[piece * w->lanes + j] = (float)x;
        }
}

static void place_keys(DfDeformPlan *w)
{
    const DfDeformProblem *p = w->p;
    const size_t n = (size_t)p->B * (size_t)p->groups * (size_t)p->keys;
    for (size_t i = 0; i < n; i++) {
        const double y = p->pos[2 * i] * df_deform_cells(p->table_h);
        const double x = p->pos[2 * i + 1] * df_deform_cells(p->table_w);
        const bool finite = isfinite(y) && isfinite(x);
        w->key_y[i] = finite ? (float)y : NAN;
        w->key_x[i] = finite ? (float)x : 0.0f;
    }
}

/* ---- tables, keys and values ------------------------------------------------------------------------------------ */

size_t df_deform_table_size(const DfDeformPlan *w)
{
    return w->p->table ? (size_t)(w->p->table_h + 2 * DF_TABLE_MARGIN) * (size_t)w->stride : 0;
}

/* Zeros around the table stand for all that lies outside, so that sampling needs no case for the border. */
static void pad_table(DfDeformPlan *w, int head)
{
    const size_t H = (size_t)w->p->table_h;
    const size_t W = (size_t)w->p->table_w;
    float *to = w->tables + (size_t)head * df_deform_table_size(w);
    memset(to, 0, df_deform_table_size(w) * sizeof *to);
    to = df_deform_table_origin(w, to);
    for (size_t y = 0; y < H; y++, to += w->stride)
        memcpy(to, w->p->table + ((size_t)head * H + y) * W, W * sizeof *to);
}

DfScoreTable df_deform_table(const DfDeformPlan *w, int head)
{
    float *const table = w->tables + (size_t)head * df_deform_table_size(w);
    return (DfScoreTable){ w->p->table_h, w->p->table_w, w->stride, df_deform_table_origin(w, table) };
}

static void list_seen(DfDeformPlan *w)
{
    const size_t keys = (size_t)w->p->keys;
    for (size_t b = 0; b < (size_t)w->p->B; b++) {
        w->n_seen[b] = 0;
        for (size_t i = 0; i < keys; i++)
            if (!w->p->padding_mask[b * keys + i])
                w->seen[b * keys + (size_t)w->n_seen[b]++] = (int)i;
    }
}

/* The keys or values of one head in one run, ROWS at a time. */
static void gather_head(const DfDeformPlan *w, float *to, const float *from, int b, int head)
{
    enum { ROWS = 64 };
    const float *rows[ROWS];
    const int keys = df_deform_keys(w, b);
    const int rounded = df_round_up(keys, DF_KEY_MULTIPLE);
    from += (size_t)b * (size_t)w->p->keys * (size_t)w->p->C + (size_t)(head * w->depth);
    for (int first = 0; first < rounded; first += ROWS) {
        const int n = rounded - first < ROWS ? rounded - first : ROWS;
        for (int i = 0; i < n; i++)
            rows[i] = first + i < keys ? from + df_deform_key(w, b, first + i) * (size_t)w->p->C : NULL;
        w->k->copy_rows(to + (size_t)first * (size_t)w->width, rows, n, w->depth, w->width, 1.0f);
    }
}

static void prepare_task(void *arg, size_t task, void *scratch)
{
    DfDeformPlan *w = arg;
    (void)scratch;
    const int b = (int)(task / (size_t)w->p->heads);
    const int head = (int)(task % (size_t)w->p->heads);
    gather_head(w, w->kk + df_deform_head_at(w, b, head), w->p->k, b, head);
    gather_head(w, w->vv + df_deform_head_at(w, b, head), w->p->v, b, head);
    if (w->p->table && b == 0)
        pad_table(w, head);
}

int df_deform_prepare(DfPool *pool, DfDeformPlan *w)
{
    if (w->p->table) {
        place_queries(w);
        place_keys(w);
    }
    if (w->p->padding_mask)
        list_seen(w);
    return df_parallel(pool, (size_t)w->p->B * (size_t)w->p->heads, 0, prepare_task, w);
}

/* ---- tiles ------------------------------------------------------------------------------------------------------ */

DfDeformTile df_deform_tile(const DfDeformPlan *w, int b, int tile)
{
    DfDeformTile t = { .b = b, .first_row = tile / w->pieces * w->tile_rows,
                       .first_column = tile % w->pieces * w->columns };
    t.rows = w->H - t.first_row < w->tile_rows ? w->H - t.first_row : w->tile_rows;
    t.columns = w->W - t.first_column < w->columns ? w->W - t.first_column : w->columns;
    t.lanes = t.rows * w->lanes;
    return t;
}

void df_deform_rows(const DfDeformPlan *w, const DfDeformTile *t, int head, const float *map, const float **rows)
{
    const size_t sample = (size_t)t->b * (size_t)w->H * (size_t)w->W;
    for (int r = 0; r < t->rows; r++)
        for (int j = 0; j < w->lanes; j++) {
            const size_t query = sample + df_deform_query(w, t, r, j);
            rows[r * w->lanes + j] = j < t->columns ? map + query * (size_t)w->p->C + head * w->depth : NULL;
        }
}

/* The row of the dense bias of each lane's query. */
static void dense_rows(const DfDeformPlan *w, const DfDeformTile *t, int head, int first, const float **rows)
{
    const size_t map = (size_t)w->H * (size_t)w->W;
    const size_t sample = w->p->dense_batched ? (size_t)t->b : 0;
    const float *bias = w->p->dense + (sample * (size_t)w->p->heads + (size_t)head) * map * (size_t)w->p->keys + first;
    for (int r = 0; r < t->rows; r++)
        for (int j = 0; j < w->lanes; j++)
            rows[r * w->lanes + j] = j < t->columns ? bias + df_deform_query(w, t, r, j) * (size_t)w->p->keys : NULL;
}

DfLattice df_deform_lattice(const DfDeformPlan *w, const DfDeformTile *t)
{
    const int steps = w->p->half_pixel || w->W == 1 ? w->W : w->W - 1; /* of the grid, from -1 to 1 */
    return (DfLattice){ t->rows, w->lanes, w->y + t->first_row, w->x + t->first_column / w->columns * w->lanes,
                        (float)(df_deform_cells(w->p->table_w) * 2 / steps) };
}

void df_deform_scores(const DfDeformPlan *w, const DfDeformTile *t, int head, int first, int n,
                      const DfDeformBlock *block)
{
    if (w->p->table) {
        const DfScoreTable table = df_deform_table(w, head);
        const size_t key = df_deform_group_at(w, t->b, head) + (size_t)first;
        const DfLattice at = df_deform_lattice(w, t);
        w->k->table_bias(block->s, &table, &at, w->key_y + key, w->key_x + key, n, block->table_rows);
    } else if (w->p->dense) {
        dense_rows(w, t, head, first, block->dense);
        w->k->transpose_rows(block->s, block->dense, t->lanes, t->lanes, n, 1.0f);
    }
    const float *bias = w->p->table || w->p->dense ? block->s : NULL;
    const float *k = w->kk + df_deform_head_at(w, t->b, head) + (size_t)first * (size_t)w->width;
    w->k->scores(block->s, bias, (size_t)t->lanes, k, block->qt, df_round_up(n, DF_KEY_MULTIPLE), t->lanes, w->depth,
                 w->width);
}

void df_deform_numbers(const DfDeformPlan *w, const DfDeformTile *t, int head, uint32_t *number)
{
    const size_t first = (size_t)head * (size_t)w->H * (size_t)w->W;
    for (int r = 0; r < t->rows; r++)
        for (int j = 0; j < w->lanes; j++)
            number[r * w->lanes + j] = (uint32_t)((first + df_deform_query(w, t, r, j)) * (size_t)w->p->keys);
}
