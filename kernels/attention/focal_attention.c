/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/focal_attention.c -- attention of a window to itself, to the tokens around it and to pooled maps: Yang et al., Focal
 * Self-attention for Local-Global Interactions in Vision Transformers, NeurIPS 2021, section 3.2.
 *
 * What the official code rolls, unfolds and joins are here indices of keys: a window's rows are fetched from where they are. A task
 * of the forward pass is one head of one row of windows; of the backward pass one head of one sample, since neighbours overlap.
 */
#include <string.h>

#include "kernels/attention/focal_attention.h"
#include "kernels/attention/window_tiles.h"

/* Sizes derived from a problem. Keys are the window's own tokens, its neighbours, then level after level. */
typedef struct {
    const DfFocalProblem *p;
    DfTiles t;
    int neighbors;
    int first[DF_FOCAL_LEVELS + 1];    /* key of each level                           */
    int side[DF_FOCAL_LEVELS];         /* keys of a level along each side             */
    int rows, columns;                 /* of windows                                  */
    const float *bias;                 /* heads keys tiles*lanes                      */
} Plan;

int df_focal_neighbors(int window, int expand)
{
    const int inner = window - expand;
    return expand > 0 ? 4 * window * window - 4 * inner * inner : 0;
}

static Plan plan(const DfFocalProblem *p, const DfAttentionKernels *k)
{
    Plan w = { .p = p, .neighbors = df_focal_neighbors(p->window, p->expand) };
    int n = p->window * p->window + w.neighbors;
    for (int level = 0; level < p->levels; level++) {
        w.first[level] = n;
        w.side[level] = p->focal_window + (1 << level) - 1;
        n += w.side[level] * w.side[level];
    }
    w.first[p->levels] = n;
    w.t = df_tiles(k, p->C, p->heads, p->window, n, p->scale);
    w.rows = (p->H + p->window - 1) / p->window;
    w.columns = (p->W + p->window - 1) / p->window;
    return w;
}

int df_focal_keys(const DfFocalProblem *p)
{
    return plan(p, NULL).t.n;
}

/* ---- biases ------------------------------------------------------------------------------------------------------ */

/* Entry of a table for a query of the window and a key of a square of `side`: query - key, both counted along rows. */
static size_t table_entry(int window, int side, int query, int key)
{
    const int dy = query / window - key / side, dx = query % window - key % side;
    return (size_t)((dy + side - 1) * (window + side - 1) + dx + side - 1);
}

static int level_of(const Plan *w, int key)
{
    int level = 0;
    while (key >= w->first[level + 1])
        level++;
    return level;
}

static size_t table_side(const Plan *w, int level)
{
    return (size_t)(w->p->window + w->side[level] - 1);
}

static float bias_of(const Plan *w, int h, int key, int query)
{
    const DfFocalProblem *p = w->p;
    if (key < w->t.tokens)
        return p->table[table_entry(p->window, p->window, query, key) * (size_t)p->heads + (size_t)h];
    if (key < w->t.tokens + w->neighbors)
        return p->neighbors[((size_t)h * (size_t)w->t.tokens + (size_t)query) * (size_t)w->neighbors + (size_t)(key - w->t.tokens)];
    const int level = level_of(w, key);
    const size_t size = table_side(w, level) * table_side(w, level);
    return p->tables[level][(size_t)h * size + table_entry(p->window, w->side[level], query, key - w->first[level])];
}

static void expand_bias(const Plan *w, float *bias)
{
    memset(bias, 0, df_tiles_bias_size(&w->t) * sizeof *bias);
    for (int h = 0; h < w->p->heads; h++)
        for (int key = 0; key < w->t.n; key++)
            for (int query = 0; query < w->t.tokens; query++)
                bias[((size_t)h * (size_t)w->t.keys + (size_t)key) * df_tiles_stride(&w->t) + (size_t)query] = bias_of(w, h, key, query);
}

/* The same way back, from one head's sums. */
static void scatter_bias(const Plan *w, const DfFocalGrads *to, int h, const float *dbias)
{
    const DfFocalProblem *p = w->p;
    for (int key = 0; key < w->t.n; key++)
        for (int query = 0; query < w->t.tokens; query++) {
            const float g = dbias[(size_t)key * df_tiles_stride(&w->t) + (size_t)query];
            if (key < w->t.tokens) {
                if (to->table)
                    to->table[table_entry(p->window, p->window, query, key) * (size_t)p->heads + (size_t)h] += g;
            } else if (key < w->t.tokens + w->neighbors) {
                if (to->neighbors)
                    to->neighbors[((size_t)h * (size_t)w->t.tokens + (size_t)query) * (size_t)w->neighbors + (size_t)(key - w->t.tokens)] += g;
            } else {
                const int level = level_of(w, key);
                const size_t size = table_side(w, level) * table_side(w, level);
                if (to->tables[level])
                    to->tables[level][(size_t)h * size + table_entry(p->window, w->side[level], query, key - w->first[level])] += g;
            }
        }
}

/* ---- one window ---------------------------------------------------------------------------------------------------- */

typedef struct {
    DfWindowRows rows;    /* `at` of a pooled key: in the pooled map of its level */
    bool shifted, masked; /* several regions; keys outside, or both               */
} Window;

/* A token of the padded, rolled map, which is cyclic. */
static ptrdiff_t map_token(const Plan *w, int b, int y, int x)
{
    const DfFocalProblem *p = w->p;
    const int height = w->rows * p->window, width = w->columns * p->window;
    y = (y + p->shift + height) % height;
    x = (x + p->shift + width) % width;
    return y < p->H && x < p->W ? ((ptrdiff_t)b * p->H + y) * p->W + x : -1;
}

/* The window moved by `expand` towards each of the four corners, without what the window itself has: top left comes first, where the
 * official code rolls the map up and to the left, so that the window sees what is below and to the right. */
static void find_neighbors(const Plan *w, ptrdiff_t *at, int b, int row, int column)
{
    const int n = w->p->window, e = w->p->expand;
    for (int corner = 0; corner < 4 && e > 0; corner++)
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) {
                const bool outer_y = corner < 2 ? i >= n - e : i < e, outer_x = corner % 2 == 0 ? j >= n - e : j < e;
                if (outer_y || outer_x)
                    *at++ = map_token(w, b, row * n + i + (corner < 2 ? e : -e), column * n + j + (corner % 2 == 0 ? e : -e));
            }
}

static void find_pooled(const Plan *w, ptrdiff_t *at, int level, int b, int row, int column)
{
    const int side = w->side[level], height = w->rows << level, width = w->columns << level, reach = w->p->focal_window / 2;
    for (int i = 0; i < side; i++)
        for (int j = 0; j < side; j++) {
            const int y = (row << level) - reach + i, x = (column << level) - reach + j;
            *at++ = y >= 0 && x >= 0 && y < height && x < width ? ((ptrdiff_t)b * height + y) * width + x : -1;
        }
}

static void find_window(const Plan *w, Window *window, int b, int row, int column)
{
    DfWindowRows *x = &window->rows;
    const DfFocalProblem *p = w->p;
    const int n = p->window;
    window->shifted = p->shift && (row == w->rows - 1 || column == w->columns - 1);
    window->masked = window->shifted;
    memset(x->region, 0, (df_tiles_stride(&w->t) + (size_t)w->t.tokens) * sizeof *x->region);
    for (int i = 0; i < w->t.tokens; i++) {
        const int y = row * n + i / n, at_x = column * n + i % n;
        x->at[i] = map_token(w, b, y, at_x);
        if (window->shifted)
            x->region[i] = 3 * df_window_region(y, w->rows * n, n, p->shift) + df_window_region(at_x, w->columns * n, n, p->shift);
    }
    find_neighbors(w, x->at + w->t.tokens, b, row, column);
    for (int level = 0; level < p->levels; level++)
        find_pooled(w, x->at + w->first[level], level, b, row, column);
    for (int i = w->t.tokens + w->neighbors; i < w->t.n; i++)
        window->masked |= x->at[i] < 0;
}

static const float *row_of(const float *qkv, ptrdiff_t at, const float *outside, size_t C)
{
    return at < 0 ? outside : qkv + (size_t)at * 3 * C;
}

/* Points q, k, v at the rows of head h. */
static void find_rows(const Plan *w, DfWindowRows *x, int h)
{
    const size_t C = (size_t)w->p->C, head = (size_t)(h * w->t.depth);
    for (int i = 0; i < w->t.n; i++) {
        const bool own = i < w->t.tokens + w->neighbors;
        const float *row = own ? row_of(w->p->qkv, x->at[i], w->p->pad, C) : row_of(w->p->pooled[level_of(w, i)], x->at[i], NULL, C);
        if (i < w->t.tokens)
            x->q[i] = row ? row + head : NULL;
        x->k[i] = row ? row + C + head : NULL;
        x->v[i] = row ? row + 2 * C + head : NULL;
    }
    df_window_copy_keys(&w->t, x);
}

/* s = bias + mask of one tile. */
static void masked_bias(const Plan *w, Window *window, const float *bias, int first)
{
    DfWindowRows *x = &window->rows;
    const size_t lanes = (size_t)w->t.lanes;
    for (int key = 0; key < w->t.keys; key++)
        memcpy(x->s + (size_t)key * lanes, bias + (size_t)key * df_tiles_stride(&w->t), lanes * sizeof *x->s);
    if (window->shifted)
        w->t.k->mask_regions(x->s, x->s, lanes, x->region, x->region + first, w->t.tokens, w->t.lanes);
    for (int key = w->t.tokens + w->neighbors; key < w->t.n; key++)
        for (size_t i = 0; x->at[key] < 0 && i < lanes; i++)
            x->s[(size_t)key * lanes + i] -= 100.0f;
}

/* s = scale q k' + bias + mask of one tile. */
static void tile_scores(const Plan *w, Window *x, int h, int tile)
{
    const size_t stride = df_tiles_stride(&w->t);
    const int first = tile * w->t.lanes;
    const float *bias = w->bias + (size_t)h * (size_t)w->t.keys * stride + first;
    if (x->masked)
        masked_bias(w, x, bias, first);
    df_tile_scores(&w->t, &x->rows, tile, x->masked ? x->rows.s : bias, x->masked ? (size_t)w->t.lanes : stride);
}

/* ---- forward ------------------------------------------------------------------------------------------------------- */

typedef struct {
    Plan plan;
    float *out, *lse;
} Forward;

static void forward_window(const Forward *f, Window *x, int h, float *lse)
{
    const Plan *w = &f->plan;
    find_rows(w, &x->rows, h);
    df_window_out_rows(&w->t, &x->rows, h, f->out);
    for (int tile = 0; tile < w->t.tiles; tile++) {
        tile_scores(w, x, h, tile);
        df_tile_forward(&w->t, &x->rows, tile, lse);
    }
}

static void forward_task(void *arg, size_t task, void *scratch)
{
    const Forward *f = arg;
    const Plan *w = &f->plan;
    DfCarver carver = { scratch, 0 };
    Window x = { df_window_rows(&w->t, &carver), false, false };
    const int h = (int)(task % (size_t)w->p->heads);
    const size_t all = task / (size_t)w->p->heads; /* row of windows, of all samples */
    for (int column = 0; column < w->columns; column++) {
        find_window(w, &x, (int)(all / (size_t)w->rows), (int)(all % (size_t)w->rows), column);
        forward_window(f, &x, h, f->lse ? f->lse + df_tiles_lse_at(&w->t, all * (size_t)w->columns + (size_t)column, h) : NULL);
    }
}

size_t df_focal_attention_workspace(const DfFocalProblem *p)
{
    const Plan w = plan(p, NULL);
    return df_tiles_bias_size(&w.t);
}

size_t df_focal_attention_lse_size(const DfFocalProblem *p)
{
    const Plan w = plan(p, NULL);
    return df_tiles_lse_at(&w.t, (size_t)p->B * (size_t)w.rows * (size_t)w.columns, 0);
}

int df_focal_attention_forward(DfPool *pool, const DfAttentionKernels *k, const DfFocalProblem *p, float *out, float *lse, float *workspace)
{
    Forward f = { plan(p, k), out, lse };
    DfCarver carver = { NULL, 0 };
    df_window_rows(&f.plan.t, &carver);
    expand_bias(&f.plan, workspace);
    f.plan.bias = workspace;
    return df_parallel(pool, (size_t)p->B * (size_t)f.plan.rows * (size_t)p->heads, carver.used, forward_task, &f);
}

/* ---- backward ------------------------------------------------------------------------------------------------------ */

typedef struct {
    Plan plan;
    const float *out, *lse, *dout;
    const DfFocalGrads *to;
    float *pads;    /* B heads 3 depth: what each task has for the padding  */
    float *biases;  /* B heads keys tiles*lanes: and for the biases         */
} Backward;

/* Where the gradient of part (0 q, 1 k, 2 v) of a key goes: to a token, to the padding, or nowhere. */
static float *gradient_row(const Backward *b, const DfWindowRows *x, int i, int h, int part, float *pad)
{
    const Plan *w = &b->plan;
    const bool own = i < w->t.tokens + w->neighbors;
    if (x->at[i] < 0)
        return own ? pad + part * w->t.depth : NULL;
    float *to = own ? b->to->qkv : b->to->pooled[level_of(w, i)];
    return to ? to + (size_t)x->at[i] * 3 * (size_t)w->p->C + (size_t)(part * w->p->C + h * w->t.depth) : NULL;
}

static void backward_tile(const Backward *b, Window *x, DfWindowGrads *g, int h, int tile, const float *lse, float *pad, float *dbias)
{
    const Plan *w = &b->plan;
    tile_scores(w, x, h, tile);
    df_tile_backward(&w->t, &x->rows, g, tile, lse);
    for (int i = 0; i < df_tile_queries(&w->t, tile); i++)
        df_add_row(gradient_row(b, &x->rows, tile * w->t.lanes + i, h, 0, pad), g->dq + (size_t)i * (size_t)w->t.width, w->t.depth, w->p->scale);
    df_tile_add_bias(&w->t, g, tile, dbias);
}

static void backward_window(const Backward *b, Window *x, DfWindowGrads *g, int h, const float *lse, float *pad, float *dbias)
{
    const Plan *w = &b->plan;
    const size_t width = (size_t)w->t.width;
    find_rows(w, &x->rows, h);
    df_window_grads_start(&w->t, &x->rows, g, h, b->out, b->dout);
    for (int tile = 0; tile < w->t.tiles; tile++)
        backward_tile(b, x, g, h, tile, lse, pad, dbias);
    for (int i = 0; i < w->t.n; i++) {
        df_add_row(gradient_row(b, &x->rows, i, h, 1, pad), g->dk + (size_t)i * width, w->t.depth, 1.0f);
        df_add_row(gradient_row(b, &x->rows, i, h, 2, pad), g->dv + (size_t)i * width, w->t.depth, 1.0f);
    }
}

static void backward_task(void *arg, size_t task, void *scratch)
{
    const Backward *b = arg;
    const Plan *w = &b->plan;
    DfCarver carver = { scratch, 0 };
    Window x = { df_window_rows(&w->t, &carver), false, false };
    DfWindowGrads g = df_window_grads(&w->t, &carver);
    const int h = (int)(task % (size_t)w->p->heads);
    const size_t sample = task / (size_t)w->p->heads, windows = (size_t)w->rows * (size_t)w->columns, size = (size_t)w->t.keys * df_tiles_stride(&w->t);
    float *pad = b->pads + task * 3 * (size_t)w->t.depth, *dbias = b->biases + task * size;
    memset(pad, 0, 3 * (size_t)w->t.depth * sizeof *pad);
    memset(dbias, 0, size * sizeof *dbias);
    for (size_t i = 0; i < windows; i++) {
        find_window(w, &x, (int)sample, (int)(i / (size_t)w->columns), (int)(i % (size_t)w->columns));
        backward_window(b, &x, &g, h, b->lse + df_tiles_lse_at(&w->t, sample * windows + i, h), pad, dbias);
    }
}

static void add_parts(const Backward *b)
{
    const Plan *w = &b->plan;
    const size_t heads = (size_t)w->p->heads, tasks = (size_t)w->p->B * heads;
    df_tiles_add_pads(&w->t, b->to->pad, b->pads, tasks);
    for (size_t task = 0; task < tasks; task++)
        scatter_bias(w, b->to, (int)(task % heads), b->biases + task * (size_t)w->t.keys * df_tiles_stride(&w->t));
}

size_t df_focal_attention_backward_workspace(const DfFocalProblem *p)
{
    const Plan w = plan(p, NULL);
    return df_tiles_bias_size(&w.t) * (size_t)(p->B + 1) + (size_t)p->B * 3 * (size_t)p->C;
}

int df_focal_attention_backward(DfPool *pool, const DfAttentionKernels *k, const DfFocalProblem *p, const float *out, const float *lse,
                                const float *dout, const DfFocalGrads *to, float *workspace)
{
    Backward b = { .plan = plan(p, k), .out = out, .lse = lse, .dout = dout, .to = to };
    expand_bias(&b.plan, workspace);
    b.plan.bias = workspace;
    b.biases = workspace + df_tiles_bias_size(&b.plan.t);
    b.pads = b.biases + df_tiles_bias_size(&b.plan.t) * (size_t)p->B;
    DfCarver carver = { NULL, 0 };
    df_window_rows(&b.plan.t, &carver);
    df_window_grads(&b.plan.t, &carver);
    const int error = df_parallel(pool, (size_t)p->B * (size_t)p->heads, carver.used, backward_task, &b);
    if (!error)
        add_parts(&b);
    return error;
}
