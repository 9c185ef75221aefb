/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/neighborhood_attention.c -- every query attends to the window x window tokens nearest to it: Hassani et al.,
 * Neighborhood Attention Transformer (CVPR 2023); dilated as in Hassani and Shi (2022).
 *
 * A tile of queries is set against the union of their neighborhoods, with a bias of -inf where a key is no neighbor: some
 * products are wasted, but those that count run at the speed of a matrix product. All tiles in the middle of the map have the same
 * bias. Dilation d falls apart into d x d subgrids, each an ordinary problem.
 */
#include <string.h>

#include "kernels/attention.h"
#include "kernels/attention_tile.h"

/* Most queries of a tile, and most of them side by side. With a 7x7 window 4x4 queries share 10x10 keys: 16 of them are wide
 * enough for scores(), and more queries would waste more products. */
enum { TILE = 16, TILE_SIDE = 4 };

/* Sizes derived from a problem. */
typedef struct {
    const DfNeighborhoodProblem *p;
    const DfAttentionKernels *k;
    int depth, width;            /* of a head, and rounded up to vectors                       */
    int rows, columns, lanes;    /* queries of a tile, and all of them rounded up to vectors   */
    int tile_rows, tile_columns; /* that cover a subgrid                                       */
    int keys;                    /* most keys of a tile, rounded up for scores()               */
    int table_side;
} Plan;

static int pieces(int size, int most)
{
    return (size + most - 1) / most;
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

static Plan plan(const DfNeighborhoodProblem *p, const DfAttentionKernels *k)
{
    Plan w = { .p = p, .k = k, .depth = p->C / p->heads, .table_side = 2 * p->window - 1 };
    const int H = pieces(p->H, p->dilation), W = pieces(p->W, p->dilation); /* of the largest subgrid */
    w.width = df_round_up(w.depth, 8);
    w.columns = pieces(W, pieces(W, TILE_SIDE)); /* so that tiles are of equal width */
    w.rows = pieces(H, pieces(H, TILE / w.columns));
    w.lanes = df_round_up(w.rows * w.columns, 8);
    w.tile_rows = pieces(H, w.rows);
    w.tile_columns = pieces(W, w.columns);
    w.keys = df_round_up(smaller(H, w.rows + p->window - 1) * smaller(W, w.columns + p->window - 1), DF_KEY_MULTIPLE);
    return w;
}

/* ---- one tile ------------------------------------------------------------------------------------------------------ */

/* One axis of a tile: its queries, and the union of their neighborhoods. Positions count from the first key. */
typedef struct {
    int queries, keys;
    int query;       /* the first query                      */
    int start[TILE]; /* where each query's neighborhood starts */
} Axis;

typedef struct {
    Axis y, x;
} Shape;

typedef struct {
    Shape shape;                    /* what the bias depends on                       */
    int queries, keys;
    const float **q, **k, **v;      /* rows of one head                               */
    size_t *query, *key;            /* their tokens in B*H*W                          */
    float **out;
    Shape biased;                   /* the shape that `bias` was made for, and its head */
    int biased_head;
    float *bias, *qt, *kk, *vv, *s, *o, *max, *sum, *rescale;
} Tile;

static Tile carve_tile(const Plan *w, DfCarver *c)
{
    const size_t n = (size_t)w->keys, lanes = (size_t)w->lanes, width = (size_t)w->width;
    return (Tile){
        .q = df_carve(c, lanes, sizeof(float *)), .k = df_carve(c, n, sizeof(float *)), .v = df_carve(c, n, sizeof(float *)),
        .query = df_carve(c, lanes, sizeof(size_t)), .key = df_carve(c, n, sizeof(size_t)), .out = df_carve(c, lanes, sizeof(float *)),
        .biased_head = -1, .bias = df_carve_floats(c, n, lanes), .qt = df_carve_floats(c, width, lanes),
        .kk = df_carve_floats(c, n, width), .vv = df_carve_floats(c, n, width), .s = df_carve_floats(c, n, lanes),
        .o = df_carve_floats(c, lanes, width), .max = df_carve_floats(c, 1, lanes), .sum = df_carve_floats(c, 1, lanes),
        .rescale = df_carve_floats(c, 1, lanes),
    };
}

/* A neighborhood is centered on its query, and moves inwards at the border. */
static int start_of(int query, int size, int window)
{
    const int start = query - window / 2;
    return start < 0 ? 0 : smaller(start, size - window);
}

/* `n` queries from `first` on, in an axis of `size` tokens; *origin becomes the first key. */
static Axis axis_of(int first, int n, int size, int window, int *origin)
{
    Axis a = { 0 };
    *origin = start_of(first, size, window);
    a.queries = n;
    a.keys = start_of(first + n - 1, size, window) + window - *origin;
    a.query = first - *origin;
    for (int i = 0; i < n; i++)
        a.start[i] = start_of(first + i, size, window) - *origin;
    return a;
}

/* Which tile: of sample b, of the subgrid that starts at token (y, x), the tile in this row and column. */
typedef struct {
    int b, y, x, row, column;
} Place;

/* Finds the tokens of a tile; false if the subgrid, being a row or column smaller than the largest, does not reach it. */
static bool find_tile(const Plan *w, Tile *t, Place at)
{
    const DfNeighborhoodProblem *p = w->p;
    const int d = p->dilation, H = pieces(p->H - at.y, d), W = pieces(p->W - at.x, d);
    const int row = at.row * w->rows, column = at.column * w->columns;
    if (row >= H || column >= W)
        return false;
    int key_y, key_x;
    t->shape.y = axis_of(row, smaller(w->rows, H - row), H, p->window, &key_y);
    t->shape.x = axis_of(column, smaller(w->columns, W - column), W, p->window, &key_x);
    const Axis *y = &t->shape.y, *x = &t->shape.x;
    const size_t sample = (size_t)at.b * (size_t)p->H;
    t->queries = y->queries * x->queries;
    t->keys = y->keys * x->keys;
    for (int i = 0; i < t->queries; i++)
        t->query[i] = (sample + (size_t)(at.y + d * (row + i / x->queries))) * (size_t)p->W + (size_t)(at.x + d * (column + i % x->queries));
    for (int i = 0; i < t->keys; i++)
        t->key[i] = (sample + (size_t)(at.y + d * (key_y + i / x->keys))) * (size_t)p->W + (size_t)(at.x + d * (key_x + i % x->keys));
    return true;
}

/* Entry of the table for a query, numbered within the tile, and the key (y, x) of its neighborhood. */
static size_t table_entry(const Plan *w, const Shape *shape, int query, int y, int x)
{
    const int i = query / shape->x.queries, j = query % shape->x.queries, middle = w->p->window - 1;
    const int dy = shape->y.start[i] + y - (shape->y.query + i), dx = shape->x.start[j] + x - (shape->x.query + j);
    return (size_t)((dy + middle) * w->table_side + dx + middle);
}

/* Place of that key in the union. */
static int key_of(const Shape *shape, int query, int y, int x)
{
    return (shape->y.start[query / shape->x.queries] + y) * shape->x.keys + shape->x.start[query % shape->x.queries] + x;
}

static void make_bias(const Plan *w, Tile *t, int h)
{
    const float *table = w->p->table ? w->p->table + (size_t)h * (size_t)(w->table_side * w->table_side) : NULL;
    for (int key = 0; key < w->keys; key++)
        for (int lane = 0; lane < w->lanes; lane++) /* lanes and keys that fill up the tile stay finite */
            t->bias[key * w->lanes + lane] = lane < t->queries && key < t->keys ? -INFINITY : 0.0f;
    for (int query = 0; query < t->queries; query++)
        for (int y = 0; y < w->p->window; y++)
            for (int x = 0; x < w->p->window; x++)
                t->bias[key_of(&t->shape, query, y, x) * w->lanes + query] = table ? table[table_entry(w, &t->shape, query, y, x)] : 0.0f;
    t->biased = t->shape;
    t->biased_head = h;
}

static bool bias_fits(const Tile *t, int h)
{
    return t->biased_head == h && memcmp(&t->biased, &t->shape, sizeof t->shape) == 0;
}

/* s = scale q k' + bias; q, k, v point at the rows of head h, kk and vv hold copies of k and v. */
static void tile_scores(const Plan *w, Tile *t, int h)
{
    const size_t C = (size_t)w->p->C, head = (size_t)(h * w->depth);
    const int keys = df_round_up(t->keys, DF_KEY_MULTIPLE);
    for (int i = 0; i < t->queries; i++)
        t->q[i] = w->p->qkv + t->query[i] * 3 * C + head;
    for (int i = 0; i < keys; i++) {
        t->k[i] = i < t->keys ? w->p->qkv + t->key[i] * 3 * C + C + head : NULL;
        t->v[i] = i < t->keys ? t->k[i] + C : NULL;
    }
    w->k->copy_rows(t->kk, t->k, keys, w->depth, w->width, 1.0f);
    w->k->copy_rows(t->vv, t->v, keys, w->depth, w->width, 1.0f);
    w->k->transpose_rows(t->qt, t->q, t->queries, w->lanes, w->depth, w->p->scale);
    w->k->scores(t->s, t->bias, (size_t)w->lanes, t->kk, t->qt, keys, w->lanes, w->depth, w->width);
}

/* ---- forward ------------------------------------------------------------------------------------------------------- */

typedef struct {
    Plan plan;
    float *out, *lse; /* lse: B*H*W heads */
} Forward;

static void forward_tile(const Forward *f, Tile *t, int h)
{
    const Plan *w = &f->plan;
    if (!bias_fits(t, h))
        make_bias(w, t, h);
    tile_scores(w, t, h);
    for (int i = 0; i < w->lanes; i++) {
        t->max[i] = -INFINITY;
        t->sum[i] = 0.0f;
    }
    w->k->softmax(t->s, t->keys, w->lanes, t->max, t->sum, t->rescale);
    w->k->combine(t->o, NULL, t->s, 1, (size_t)w->lanes, t->vv, t->queries, t->keys, w->width);
    for (int i = 0; i < t->queries; i++)
        t->out[i] = f->out + t->query[i] * (size_t)w->p->C + h * w->depth;
    w->k->store_rows(t->out, t->o, t->sum, t->queries, w->depth, w->width);
    for (int i = 0; f->lse && i < t->queries; i++)
        f->lse[t->query[i] * (size_t)w->p->heads + (size_t)h] = t->max[i] + logf(t->sum[i]);
}

/* A task is one head of one row of tiles, of all subgrids that share their rows of tokens. */
static void forward_task(void *arg, size_t task, void *scratch)
{
    const Forward *f = arg;
    const Plan *w = &f->plan;
    DfCarver carver = { scratch, 0 };
    Tile t = carve_tile(w, &carver);
    const size_t heads = (size_t)w->p->heads, rows = (size_t)w->tile_rows, d = (size_t)w->p->dilation;
    const int h = (int)(task % heads);
    Place at = { .row = (int)(task / heads % rows), .y = (int)(task / heads / rows % d), .b = (int)(task / heads / rows / d) };
    for (at.x = 0; at.x < w->p->dilation; at.x++)
        for (at.column = 0; at.column < w->tile_columns; at.column++)
            if (find_tile(w, &t, at))
                forward_tile(f, &t, h);
}

size_t df_neighborhood_attention_lse_size(const DfNeighborhoodProblem *p)
{
    return (size_t)p->B * (size_t)p->H * (size_t)p->W * (size_t)p->heads;
}

int df_neighborhood_attention_forward(DfPool *pool, const DfAttentionKernels *k, const DfNeighborhoodProblem *p, float *out, float *lse)
{
    Forward f = { plan(p, k), out, lse };
    DfCarver counter = { NULL, 0 };
    carve_tile(&f.plan, &counter);
    const size_t rows = (size_t)p->B * (size_t)p->dilation * (size_t)f.plan.tile_rows;
    return df_parallel(pool, rows * (size_t)p->heads, counter.used, forward_task, &f);
}

/* ---- backward ------------------------------------------------------------------------------------------------------ */

typedef struct {
    Plan plan;
    const float *out, *lse, *dout;
    float *dqkv;
    float *tables; /* B heads side side: what each task has for dtable */
} Backward;

typedef struct {
    const float **dout;
    float *dot, *qq, *doo, *dp, *dq, *dk, *dv, *dbias, *lse, *delta;
} Scratch;

static Scratch carve_backward(const Plan *w, DfCarver *c)
{
    const size_t n = (size_t)w->keys, lanes = (size_t)w->lanes, width = (size_t)w->width;
    return (Scratch){
        .dout = df_carve(c, lanes, sizeof(float *)), .dot = df_carve_floats(c, width, lanes), .qq = df_carve_floats(c, lanes, width),
        .doo = df_carve_floats(c, lanes, width), .dp = df_carve_floats(c, n, lanes), .dq = df_carve_floats(c, lanes, width),
        .dk = df_carve_floats(c, n, width), .dv = df_carve_floats(c, n, width), .dbias = df_carve_floats(c, n, lanes),
        .lse = df_carve_floats(c, 1, lanes), .delta = df_carve_floats(c, 1, lanes),
    };
}

static void add_row(float *to, const float *row, int n, float factor)
{
    for (int i = 0; i < n; i++)
        to[i] += factor * row[i];
}

/* What the tiles of one shape gathered moves on to the table. */
static void flush_bias(const Plan *w, const Tile *t, Scratch *s, float *table)
{
    const int queries = t->biased.y.queries * t->biased.x.queries;
    for (int query = 0; t->biased_head >= 0 && query < queries; query++)
        for (int y = 0; y < w->p->window; y++)
            for (int x = 0; x < w->p->window; x++)
                table[table_entry(w, &t->biased, query, y, x)] += s->dbias[key_of(&t->biased, query, y, x) * w->lanes + query];
    memset(s->dbias, 0, (size_t)w->keys * (size_t)w->lanes * sizeof *s->dbias);
}

/* lse and delta = sum over d of out dout, lane by lane; lanes without a query get 0. */
static void tile_sums(const Backward *b, const Tile *t, Scratch *s, int h)
{
    const Plan *w = &b->plan;
    for (int i = 0; i < w->lanes; i++) {
        s->lse[i] = i < t->queries ? b->lse[t->query[i] * (size_t)w->p->heads + (size_t)h] : 0.0f;
        s->delta[i] = 0.0f;
        if (i >= t->queries)
            continue;
        const size_t at = t->query[i] * (size_t)w->p->C + (size_t)(h * w->depth);
        s->dout[i] = b->dout + at;
        for (int d = 0; d < w->depth; d++)
            s->delta[i] += b->out[at + (size_t)d] * s->dout[i][d];
    }
}

static void add_gradients(const Backward *b, const Tile *t, const Scratch *s, int h)
{
    const Plan *w = &b->plan;
    const size_t C = (size_t)w->p->C, width = (size_t)w->width;
    float *head = b->dqkv + h * w->depth;
    for (int i = 0; i < t->queries; i++)
        add_row(head + t->query[i] * 3 * C, s->dq + (size_t)i * width, w->depth, w->p->scale);
    for (int i = 0; i < t->keys; i++) {
        add_row(head + t->key[i] * 3 * C + C, s->dk + (size_t)i * width, w->depth, 1.0f);
        add_row(head + t->key[i] * 3 * C + 2 * C, s->dv + (size_t)i * width, w->depth, 1.0f);
    }
}

static void backward_tile(const Backward *b, Tile *t, Scratch *s, int h, float *table)
{
    const Plan *w = &b->plan;
    const size_t lanes = (size_t)w->lanes;
    if (!bias_fits(t, h)) {
        flush_bias(w, t, s, table);
        make_bias(w, t, h);
    }
    tile_scores(w, t, h);
    tile_sums(b, t, s, h);
    w->k->transpose_rows(s->dot, s->dout, t->queries, w->lanes, w->depth, 1.0f);
    w->k->scores(s->dp, NULL, 0, t->vv, s->dot, df_round_up(t->keys, DF_KEY_MULTIPLE), w->lanes, w->depth, w->width);
    w->k->softmax_backward(t->s, s->dp, t->keys, w->lanes, s->lse, s->delta);
    add_row(s->dbias, s->dp, t->keys * w->lanes, 1.0f);
    if (!b->dqkv)
        return;
    w->k->copy_rows(s->qq, t->q, t->queries, w->depth, w->width, w->p->scale);
    w->k->copy_rows(s->doo, s->dout, t->queries, w->depth, w->width, 1.0f);
    w->k->combine(s->dv, NULL, t->s, lanes, 1, s->doo, t->keys, t->queries, w->width);
    w->k->combine(s->dk, NULL, s->dp, lanes, 1, s->qq, t->keys, t->queries, w->width);
    w->k->combine(s->dq, NULL, s->dp, 1, lanes, t->kk, t->queries, t->keys, w->width);
    add_gradients(b, t, s, h);
}

/* A task is one head of one sample: neighborhoods overlap, and so do the gradients of their keys. */
static void backward_task(void *arg, size_t task, void *scratch)
{
    const Backward *b = arg;
    const Plan *w = &b->plan;
    DfCarver carver = { scratch, 0 };
    Tile t = carve_tile(w, &carver);
    Scratch s = carve_backward(w, &carver);
    const int h = (int)(task % (size_t)w->p->heads), d = w->p->dilation;
    const size_t entries = (size_t)(w->table_side * w->table_side);
    float *table = b->tables + task * entries;
    memset(table, 0, entries * sizeof *table);
    Place at = { .b = (int)(task / (size_t)w->p->heads) };
    for (at.y = 0; at.y < d; at.y++)
        for (at.row = 0; at.row < w->tile_rows; at.row++)
            for (at.x = 0; at.x < d; at.x++)
                for (at.column = 0; at.column < w->tile_columns; at.column++)
                    if (find_tile(w, &t, at))
                        backward_tile(b, &t, &s, h, table);
    flush_bias(w, &t, &s, table);
}

size_t df_neighborhood_attention_backward_workspace(const DfNeighborhoodProblem *p)
{
    const size_t side = (size_t)(2 * p->window - 1);
    return (size_t)p->B * (size_t)p->heads * side * side;
}

int df_neighborhood_attention_backward(DfPool *pool, const DfAttentionKernels *k, const DfNeighborhoodProblem *p, const float *out,
                                       const float *lse, const float *dout, float *dqkv, float *dtable, float *workspace)
{
    Backward b = { plan(p, k), out, lse, dout, dqkv, workspace };
    DfCarver counter = { NULL, 0 };
    carve_tile(&b.plan, &counter);
    carve_backward(&b.plan, &counter);
    const int err = df_parallel(pool, (size_t)p->B * (size_t)p->heads, counter.used, backward_task, &b);
    const size_t entries = (size_t)p->heads * (size_t)b.plan.table_side * (size_t)b.plan.table_side;
    for (size_t i = 0; !err && dtable && i < (size_t)p->B; i++)
        add_row(dtable, workspace + i * entries, (int)entries, 1.0f);
    return err;
}
