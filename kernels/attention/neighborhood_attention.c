/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/neighborhood_attention.c -- every query attends to the window x window tokens nearest to it:
 * Hassani et al., Neighborhood Attention Transformer (CVPR 2023); dilated as in Hassani and Shi (2022).
 *
 * Each query has keys of its own, so this is no product of matrices; but neighbouring queries share most of theirs. A
 * tile of queries is set against the union of their neighborhoods, with a bias of -inf where a key is no neighbor:
 *     softmax over the union of  scale <q, k> + bias      bias = table[key - query] for neighbors, else -inf
 * Some products are wasted, but those that count run at the speed of a matrix product. All tiles in the middle of the
 * map have the same bias.
 *
 * A band is a row of tiles. It holds a copy of the keys and values of one head, column by column, so that the union of
 * each tile is one run of it. Dilation d falls apart into d x d subgrids, each an ordinary problem.
 */
#include <string.h>

#include "kernels/attention/tile.h"

/* With a 7x7 window 4x4 queries share 10x10 keys: 16 of them are wide enough for scores(), and more queries would
 * waste more products. The copies of a band fit into the second cache. */
enum {
    TILE = 16,     /* most queries of a tile       */
    TILE_SIDE = 4, /* most queries of a row of one */
    BAND = 16      /* most tiles of a band         */
};

/* Sizes derived from a problem. */
typedef struct {
    const DfNeighborhoodProblem *p;
    const DfAttentionKernels *k;
    const DfPointwiseKernels *pointwise;
    int depth, width;            /* of a head, and rounded up to vectors                     */
    int rows, columns, lanes;    /* queries of a tile, and all of them rounded up to vectors */
    int tile_rows, tile_columns; /* that cover a subgrid                                     */
    int bands;                   /* of BAND tiles, that make a row of tiles                  */
    int keys, band_keys;         /* most keys of a tile, rounded up for scores(), and of a band */
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

static Plan plan(const DfNeighborhoodProblem *p, const DfKernels *k)
{
    Plan w = { .p = p, .k = &k->attention, .pointwise = &k->pointwise, .depth = p->C / p->heads,
               .table_side = 2 * p->window - 1 };
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

/* One axis of a tile: its queries, and the union of their neighborhoods. Positions count from the first key. */
typedef struct {
    int queries, keys;
    int query;       /* the first query                        */
    int start[TILE]; /* where each query's neighborhood starts */
} Axis;

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

/* Which band: of sample b, of the subgrid that starts at token (y, x), the tiles from `column` on of a row of tiles. */
typedef struct {
    int b, y, x, row, column;
} Place;

typedef struct {
    Place at;
    Axis y;                  /* of all its tiles                                 */
    int first_query, H, W;   /* row of the first query; size of the subgrid      */
    int first_key;           /* column of the first key                          */
    int keys;                /* y.keys in each column of it, column after column */
    size_t *key;             /* their tokens in B*H*W                            */
    const float **rows;      /* scratch of copy_keys()                           */
    float *k, *v;            /* copies of one head: keys width                   */
} Band;

static Band carve_band(const Plan *w, DfCarver *c)
{
    const size_t n = (size_t)(w->band_keys + DF_KEY_MULTIPLE - 1);
    const size_t width = (size_t)w->width;
    Band band = { 0 };
    band.key = df_carve(c, n, sizeof *band.key);
    band.rows = df_carve(c, n, sizeof *band.rows);
    band.k = df_carve_floats(c, n, width);
    band.v = df_carve_floats(c, n, width);
    return band;
}

static size_t token(const Plan *w, Place at, int y, int x) /* (y, x) of the subgrid */
{
    const int d = w->p->dilation;
    return ((size_t)at.b * (size_t)w->p->H + (size_t)(at.y + d * y)) * (size_t)w->p->W + (size_t)(at.x + d * x);
}

/* Finds the keys of a band; false if the subgrid, being a row or column smaller than the largest, does not reach it. */
static bool find_band(const Plan *w, Band *band, Place at)
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
static void copy_keys(const Plan *w, Band *band, int h)
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

typedef struct {
    Axis y, x;
} Shape;

typedef struct {
    Shape shape;                    /* what the bias depends on                        */
    int queries, keys;
    size_t first_key;               /* of the band                                     */
    size_t *query;                  /* tokens in B*H*W                                 */
    const float **q;                /* rows of one head                                */
    float **out;
    Shape biased;                   /* the shape that `bias` was made for; none before */
    bool has_bias;
    float *bias, *s;                /* keys lanes                                      */
    float *qt, *o;                  /* the queries, turned: width lanes; lanes width   */
    float *max, *sum, *rescale;     /* lanes                                           */
    uint32_t *number;               /* of dropout: lanes                               */
} Tile;

static Tile carve_tile(const Plan *w, DfCarver *c)
{
    const size_t n = (size_t)w->keys;
    const size_t lanes = (size_t)w->lanes;
    const size_t width = (size_t)w->width;
    Tile t = { 0 };
    t.query = df_carve(c, lanes, sizeof *t.query);
    t.q = df_carve(c, lanes, sizeof *t.q);
    t.out = df_carve(c, lanes, sizeof *t.out);
    t.bias = df_carve_floats(c, n, lanes);
    t.qt = df_carve_floats(c, width, lanes);
    t.s = df_carve_floats(c, n, lanes);
    t.o = df_carve_floats(c, lanes, width);
    t.max = df_carve_floats(c, 1, lanes);
    t.sum = df_carve_floats(c, 1, lanes);
    t.rescale = df_carve_floats(c, 1, lanes);
    t.number = df_carve(c, lanes, sizeof *t.number);
    return t;
}

/* Finds the queries of tile i of a band; false if the band ends before. */
static bool find_tile(const Plan *w, const Band *band, Tile *t, int i, int h)
{
    const int column = (band->at.column + i) * w->columns;
    if (column >= band->W)
        return false;
    int key;
    t->shape.y = band->y;
    t->shape.x = axis_of(column, smaller(w->columns, band->W - column), band->W, w->p->window, &key);
    const Axis *y = &t->shape.y;
    const Axis *x = &t->shape.x;
    t->queries = y->queries * x->queries;
    t->keys = y->keys * x->keys;
    t->first_key = (size_t)(key - band->first_key) * (size_t)y->keys;
    for (int j = 0; j < t->queries; j++) {
        t->query[j] = token(w, band->at, band->first_query + j / x->queries, column + j % x->queries);
        t->q[j] = w->p->qkv + t->query[j] * 3 * (size_t)w->p->C + h * w->depth;
    }
    return true;
}

/* Entry of the table for a query, numbered within the tile, and the key (y, x) of its neighborhood. */
static size_t table_entry(const Plan *w, const Shape *shape, int query, int y, int x)
{
    const int i = query / shape->x.queries;
    const int j = query % shape->x.queries;
    const int middle = w->p->window - 1;
    const int dy = shape->y.start[i] + y - (shape->y.query + i);
    const int dx = shape->x.start[j] + x - (shape->x.query + j);
    return (size_t)((dy + middle) * w->table_side + dx + middle);
}

/* Place of that key in the union. */
static int key_of(const Shape *shape, int query, int y, int x)
{
    const int row = shape->y.start[query / shape->x.queries] + y;
    const int column = shape->x.start[query % shape->x.queries] + x;
    return column * shape->y.keys + row;
}

/* All -inf, then the neighbors one by one: exp(-inf) is 0, so the softmax sees nothing else. */
static void make_bias(const Plan *w, Tile *t, int h)
{
    const float *table = w->p->table ? w->p->table + (size_t)h * (size_t)(w->table_side * w->table_side) : NULL;
    for (int key = 0; key < w->keys; key++)
        for (int lane = 0; lane < w->lanes; lane++) /* lanes and keys that fill up the tile stay finite */
            t->bias[key * w->lanes + lane] = lane < t->queries && key < t->keys ? -INFINITY : 0.0f;
    for (int query = 0; query < t->queries; query++)
        for (int y = 0; y < w->p->window; y++)
            for (int x = 0; x < w->p->window; x++) {
                const int key = key_of(&t->shape, query, y, x);
                t->bias[key * w->lanes + query] = table ? table[table_entry(w, &t->shape, query, y, x)] : 0.0f;
            }
    t->biased = t->shape;
    t->has_bias = true;
}

static bool bias_fits(const Tile *t)
{
    return t->has_bias && memcmp(&t->biased, &t->shape, sizeof t->shape) == 0;
}

/* s = scale q k' + bias */
static void tile_scores(const Plan *w, const Band *band, Tile *t)
{
    const int keys = df_round_up(t->keys, DF_KEY_MULTIPLE);
    w->k->transpose_rows(t->qt, t->q, t->queries, w->lanes, w->depth, w->p->scale);
    w->k->scores(t->s, t->bias, (size_t)w->lanes, band->k + t->first_key * (size_t)w->width, t->qt, keys, w->lanes,
                 w->depth, w->width);
}

/* A query's keys are numbered within the union of its tile. */
static void drop(const Plan *w, const Band *band, Tile *t, int h, float *s)
{
    if (!w->p->dropout.key)
        return;
    const size_t map = (size_t)w->p->H * (size_t)w->p->W;
    for (int i = 0; i < w->lanes; i++) {
        const size_t query = i < t->queries ? t->query[i] % map : 0;
        t->number[i] = (uint32_t)(((size_t)h * map + query) * (size_t)w->keys);
    }
    w->k->drop(s, t->keys, w->lanes, t->number, 0, &w->p->dropout, band->at.b);
}

/* ---- forward ---------------------------------------------------------------------------------------------------- */

typedef struct {
    Plan plan;
    float *out, *lse; /* lse: B*H*W heads */
} Forward;

static void forward_tile(const Forward *f, const Band *band, Tile *t, int h)
{
    const Plan *w = &f->plan;
    if (!bias_fits(t))
        make_bias(w, t, h);
    tile_scores(w, band, t);
    for (int i = 0; i < w->lanes; i++) {
        t->max[i] = -INFINITY;
        t->sum[i] = 0.0f;
    }
    w->k->softmax(t->s, t->keys, w->lanes, t->max, t->sum, t->rescale);
    drop(w, band, t, h, t->s);
    w->k->combine(t->o, NULL, t->s, 1, (size_t)w->lanes, band->v + t->first_key * (size_t)w->width, t->queries,
                  t->keys, w->width);
    for (int i = 0; i < t->queries; i++)
        t->out[i] = f->out + t->query[i] * (size_t)w->p->C + h * w->depth;
    w->k->store_rows(t->out, t->o, t->sum, t->queries, w->depth, w->width);
    for (int i = 0; f->lse && i < t->queries; i++)
        f->lse[t->query[i] * (size_t)w->p->heads + (size_t)h] = t->max[i] + logf(t->sum[i]);
}

/* The next number of a task, of 0..n-1: tasks are numbered as an odometer counts. */
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
    const Plan *w = &f->plan;
    DfCarver carver = { scratch, 0 };
    Band band = carve_band(w, &carver);
    Tile t = carve_tile(w, &carver);
    Place at;
    const int h = next_digit(&task, w->p->heads);
    at.column = next_digit(&task, w->bands) * BAND;
    at.x = next_digit(&task, w->p->dilation);
    at.row = next_digit(&task, w->tile_rows);
    at.y = next_digit(&task, w->p->dilation);
    at.b = (int)task;
    if (!find_band(w, &band, at))
        return;
    copy_keys(w, &band, h);
    for (int i = 0; i < BAND && find_tile(w, &band, &t, i, h); i++)
        forward_tile(f, &band, &t, h);
}

size_t df_neighborhood_attention_lse_size(const DfNeighborhoodProblem *p)
{
    return (size_t)p->B * (size_t)p->H * (size_t)p->W * (size_t)p->heads;
}

int df_neighborhood_attention_forward(DfPool *pool, const DfKernels *k, const DfNeighborhoodProblem *p, float *out,
                                      float *lse)
{
    Forward f = { plan(p, k), out, lse };
    DfCarver counter = { NULL, 0 };
    carve_band(&f.plan, &counter);
    carve_tile(&f.plan, &counter);
    const size_t rows = (size_t)p->B * (size_t)p->dilation * (size_t)f.plan.tile_rows;
    const size_t bands = (size_t)p->dilation * (size_t)f.plan.bands;
    return df_parallel(pool, rows * bands * (size_t)p->heads, counter.used, forward_task, &f);
}

/* ---- backward --------------------------------------------------------------------------------------------------- */

typedef struct {
    Plan plan;
    const float *out, *lse, *dout;
    float *dqkv;
    float *tables; /* B heads side side: what each task has for dtable */
} Backward;

typedef struct {
    const float **dout;         /* rows of one head                              */
    float *dot;                 /* dout, turned: width lanes                     */
    float *qq, *doo, *dq;       /* queries, scaled; dout; their gradient: lanes width */
    float *dp;                  /* gradient of the scores: keys lanes            */
    float *dbias;               /* that of all tiles of one shape: keys lanes    */
    float *lse, *delta, *ones;  /* lanes; lanes; keys                            */
    float *dk, *dv;             /* of a band: keys width                         */
} Scratch;

static Scratch carve_backward(const Plan *w, DfCarver *c)
{
    const size_t n = (size_t)w->keys;
    const size_t lanes = (size_t)w->lanes;
    const size_t width = (size_t)w->width;
    const size_t band = (size_t)w->band_keys;
    Scratch s = { 0 };
    s.dout = df_carve(c, lanes, sizeof *s.dout);
    s.dot = df_carve_floats(c, width, lanes);
    s.qq = df_carve_floats(c, lanes, width);
    s.doo = df_carve_floats(c, lanes, width);
    s.dp = df_carve_floats(c, n, lanes);
    s.dq = df_carve_floats(c, lanes, width);
    s.dbias = df_carve_floats(c, n, lanes);
    s.lse = df_carve_floats(c, 1, lanes);
    s.delta = df_carve_floats(c, 1, lanes);
    s.ones = df_carve_floats(c, 1, n);
    s.dk = df_carve_floats(c, band, width);
    s.dv = df_carve_floats(c, band, width);
    return s;
}

/* What the tiles of one shape gathered moves on to the table. */
static void flush_bias(const Plan *w, const Tile *t, Scratch *s, float *table)
{
    const int queries = t->biased.y.queries * t->biased.x.queries;
    for (int query = 0; t->has_bias && query < queries; query++)
        for (int y = 0; y < w->p->window; y++)
            for (int x = 0; x < w->p->window; x++) {
                const int key = key_of(&t->biased, query, y, x);
                table[table_entry(w, &t->biased, query, y, x)] += s->dbias[key * w->lanes + query];
            }
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
        s->delta[i] = (float)w->pointwise->dot(b->out + at, s->dout[i], (size_t)w->depth);
    }
}

/* Softmax back as in window_tiles.c. The gradient of the bias is gathered over all tiles that have the same one. */
static void backward_tile(const Backward *b, const Band *band, Tile *t, Scratch *s, int h, float *table)
{
    const Plan *w = &b->plan;
    const size_t lanes = (size_t)w->lanes;
    const size_t first = t->first_key * (size_t)w->width;
    if (!bias_fits(t)) {
        flush_bias(w, t, s, table);
        make_bias(w, t, h);
    }
    tile_scores(w, band, t);
    tile_sums(b, t, s, h);
    w->k->transpose_rows(s->dot, s->dout, t->queries, w->lanes, w->depth, 1.0f);
    w->k->scores(s->dp, NULL, 0, band->v + first, s->dot, df_round_up(t->keys, DF_KEY_MULTIPLE), w->lanes, w->depth,
                 w->width);
    drop(w, band, t, h, s->dp);
    w->k->softmax_backward(t->s, s->dp, t->keys, w->lanes, s->lse, s->delta);
    drop(w, band, t, h, t->s);
    w->pointwise->accumulate(s->dbias, s->dp, 1.0f, (size_t)t->keys * lanes);
    if (!b->dqkv)
        return;
    w->k->copy_rows(s->qq, t->q, t->queries, w->depth, w->width, w->p->scale);
    w->k->copy_rows(s->doo, s->dout, t->queries, w->depth, w->width, 1.0f);
    w->k->combine(s->dv + first, s->ones, t->s, lanes, 1, s->doo, t->keys, t->queries, w->width);
    w->k->combine(s->dk + first, s->ones, s->dp, lanes, 1, s->qq, t->keys, t->queries, w->width);
    w->k->combine(s->dq, NULL, s->dp, 1, lanes, band->k + first, t->queries, t->keys, w->width);
    for (int i = 0; i < t->queries; i++)
        w->pointwise->accumulate(b->dqkv + t->query[i] * 3 * (size_t)w->p->C + h * w->depth, s->dq + i * w->width,
                                 w->p->scale, (size_t)w->depth);
}

static void backward_band(const Backward *b, Band *band, Tile *t, Scratch *s, int h, float *table)
{
    const Plan *w = &b->plan;
    const size_t C = (size_t)w->p->C;
    const size_t size = (size_t)band->keys * (size_t)w->width * sizeof(float);
    copy_keys(w, band, h);
    memset(s->dk, 0, size);
    memset(s->dv, 0, size);
    for (int i = 0; i < BAND && find_tile(w, band, t, i, h); i++)
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
    const Plan *w = &b->plan;
    DfCarver carver = { scratch, 0 };
    Band band = carve_band(w, &carver);
    Tile t = carve_tile(w, &carver);
    Scratch s = carve_backward(w, &carver);
    const int h = (int)(task % (size_t)w->p->heads);
    const int d = w->p->dilation;
    const size_t entries = (size_t)(w->table_side * w->table_side);
    float *table = b->tables + task * entries;
    memset(table, 0, entries * sizeof *table);
    for (int i = 0; i < w->keys; i++)
        s.ones[i] = 1.0f;
    Place at = { .b = (int)(task / (size_t)w->p->heads) };
    for (at.y = 0; at.y < d; at.y++)
        for (at.row = 0; at.row < w->tile_rows; at.row++)
            for (at.x = 0; at.x < d; at.x++)
                for (at.column = 0; at.column < w->tile_columns; at.column += BAND)
                    if (find_band(w, &band, at))
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
    Backward b = { plan(p, k), out, lse, dout, dqkv, workspace };
    DfCarver counter = { NULL, 0 };
    carve_band(&b.plan, &counter);
    carve_tile(&b.plan, &counter);
    carve_backward(&b.plan, &counter);
    const int err = df_parallel(pool, (size_t)p->B * (size_t)p->heads, counter.used, backward_task, &b);
    const size_t entries = (size_t)p->heads * (size_t)b.plan.table_side * (size_t)b.plan.table_side;
    for (size_t i = 0; !err && dtable && i < (size_t)p->B; i++)
        k->pointwise.accumulate(dtable, workspace + i * entries, 1.0f, entries);
    return err;
}
