/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/focal_attention.c -- focal self-attention: each window attends to itself, to the tokens around it
 * and to pooled maps. Yang et al., Focal Self-attention for Local-Global Interactions in Vision Transformers, NeurIPS
 * 2021, section 3.2.
 *
 * All queries of a window have the same keys, fine ones nearby and coarse ones far away:
 *     its window                        window^2 tokens
 *     the tokens around it              the window shifted by `expand` towards each of four corners, without itself
 *     level k = 0, 1, ...               cells of the map pooled to 2^k x 2^k cells a window: those of the window, and
 *                                       focal_window / 2 cells beyond
 * One softmax runs over all of them. The official code rolls, unfolds and concatenates maps; here these steps only
 * change the indices of keys, and rows are read from where they are. A task of the forward pass is one head of one row
 * of windows.
 */
#include <string.h>

#include "kernels/attention/focal_attention.h"
#include "kernels/attention/window_tiles.h"

/* Sizes derived from a problem. Keys are the window's own tokens, its neighbours, then level after level. */
typedef struct {
    const DfFocalProblem *p;
    DfTiles t;
    int neighbors;
    int first[DF_FOCAL_LEVELS + 1];    /* key of each level, and how many there are   */
    int side[DF_FOCAL_LEVELS];         /* keys of a level along each side             */
    int rows, columns;                 /* of windows                                  */
    const float *bias;                 /* heads keys stride                           */
    const DfFocalGrads *to;            /* backward only                               */
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
    w.t.dropout = p->dropout;
    w.rows = (p->H + p->window - 1) / p->window;
    w.columns = (p->W + p->window - 1) / p->window;
    return w;
}

int df_focal_keys(const DfFocalProblem *p)
{
    return plan(p, NULL).t.n;
}

/* ---- biases ----------------------------------------------------------------------------------------------------- */

/* Entry of a table for a query of the window and a key of a square of `side`: query - key, both counted along rows. */
static size_t table_entry(int window, int side, int query, int key)
{
    const int dy = query / window - key / side;
    const int dx = query % window - key % side;
    return (size_t)((dy + side - 1) * (window + side - 1) + dx + side - 1);
}

static int level_of(const Plan *w, int key)
{
    int level = 0;
    while (key >= w->first[level + 1])
        level++;
    return level;
}

/* The table that has the bias of a pair: the window's, the neighbors', or that of a level. */
typedef enum { TABLE, NEIGHBORS, LEVEL } Kind;
typedef struct {
    Kind kind;
    int level;
    size_t at;
} BiasPlace;

static BiasPlace bias_place(const Plan *w, int h, int key, int query)
{
    const DfFocalProblem *p = w->p;
    const size_t head = (size_t)h;
    if (key < w->t.tokens)
        return (BiasPlace){ TABLE, 0, table_entry(p->window, p->window, query, key) * (size_t)p->heads + head };
    if (key < w->t.tokens + w->neighbors) {
        const size_t row = head * (size_t)w->t.tokens + (size_t)query;
        return (BiasPlace){ NEIGHBORS, 0, row * (size_t)w->neighbors + (size_t)(key - w->t.tokens) };
    }
    const int level = level_of(w, key);
    const size_t side = (size_t)(p->window + w->side[level] - 1); /* of the table */
    const size_t entry = table_entry(p->window, w->side[level], query, key - w->first[level]);
    return (BiasPlace){ LEVEL, level, head * side * side + entry };
}

/* Expands all tables to one bias for every pair of query and key, in the order of the scores. All windows use it. */
static void expand_bias(const Plan *w, float *bias)
{
    const DfFocalProblem *p = w->p;
    const size_t stride = df_tiles_stride(&w->t);
    memset(bias, 0, df_tiles_bias_size(&w->t) * sizeof *bias);
    for (int h = 0; h < p->heads; h++)
        for (int key = 0; key < w->t.n; key++)
            for (int query = 0; query < w->t.tokens; query++) {
                const BiasPlace from = bias_place(w, h, key, query);
                const float *const tables[] = { p->table, p->neighbors, p->tables[from.level] };
                const size_t row = (size_t)h * (size_t)w->t.keys + (size_t)key;
                bias[row * stride + (size_t)query] = tables[from.kind][from.at];
            }
}

/* The backward pass of expand_bias(): adds the sums of one head to the gradients of the tables. */
static void scatter_bias(const Plan *w, int h, const float *dbias)
{
    const DfFocalGrads *to = w->to;
    for (int key = 0; key < w->t.n; key++)
        for (int query = 0; query < w->t.tokens; query++) {
            const BiasPlace place = bias_place(w, h, key, query);
            float *const tables[] = { to->table, to->neighbors, to->tables[place.level] };
            if (tables[place.kind])
                tables[place.kind][place.at] += dbias[(size_t)key * df_tiles_stride(&w->t) + (size_t)query];
        }
}

/* ---- one window ------------------------------------------------------------------------------------------------- */

/* The index of a token of the padded, cyclically shifted map. */
static ptrdiff_t map_token(const Plan *w, int b, int y, int x)
{
    const DfFocalProblem *p = w->p;
    const int height = w->rows * p->window;
    const int width = w->columns * p->window;
    y = (y + p->shift + height) % height;
    x = (x + p->shift + width) % width;
    return y < p->H && x < p->W ? ((ptrdiff_t)b * p->H + y) * p->W + x : -1;
}

/* The tokens of the window shifted by `expand` towards each of the four corners, except the window's own. The order of
 * corners is that of the official code: first it rolls the map up and to the left, so the window sees the tokens below
 * and to the right. */
static void find_neighbors(const Plan *w, ptrdiff_t *at, int b, int row, int column)
{
    const int n = w->p->window;
    const int e = w->p->expand;
    for (int corner = 0; corner < 4 && e > 0; corner++) {
        const bool down = corner < 2;
        const bool right = corner % 2 == 0;
        const int dy = down ? e : -e;
        const int dx = right ? e : -e;
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) {
                const bool outer_y = down ? i >= n - e : i < e;
                const bool outer_x = right ? j >= n - e : j < e;
                if (outer_y || outer_x)
                    *at++ = map_token(w, b, row * n + i + dy, column * n + j + dx);
            }
    }
}

/* Level k has 2^k x 2^k cells to a window: those, and focal_window / 2 around them. */
static void find_pooled(const Plan *w, ptrdiff_t *at, int level, int b, int row, int column)
{
    const int side = w->side[level];
    const int height = w->rows << level;
    const int width = w->columns << level;
    const int reach = w->p->focal_window / 2;
    for (int i = 0; i < side; i++)
        for (int j = 0; j < side; j++) {
            const int y = (row << level) - reach + i;
            const int x = (column << level) - reach + j;
            const bool inside = y >= 0 && x >= 0 && y < height && x < width;
            *at++ = inside ? ((ptrdiff_t)b * height + y) * width + x : -1;
        }
}

/* The `at` of a pooled key is its cell in the pooled map of its level. */
static void find_window(const Plan *w, DfWindowRows *x, int b, int row, int column)
{
    const DfFocalProblem *p = w->p;
    const int n = p->window;
    x->shifted = p->shift && (row == w->rows - 1 || column == w->columns - 1);
    x->masked = x->shifted;
    memset(x->region, 0, (df_tiles_stride(&w->t) + (size_t)w->t.tokens) * sizeof *x->region);
    for (int i = 0; i < w->t.tokens; i++) {
        const int y = row * n + i / n;
        const int at_x = column * n + i % n;
        x->at[i] = map_token(w, b, y, at_x);
        if (x->shifted)
            x->region[i] = 3 * df_window_region(y, w->rows * n, n, p->shift) +
                           df_window_region(at_x, w->columns * n, n, p->shift);
    }
    find_neighbors(w, x->at + w->t.tokens, b, row, column);
    for (int level = 0; level < p->levels; level++)
        find_pooled(w, x->at + w->first[level], level, b, row, column);
    for (int i = w->t.tokens + w->neighbors; i < w->t.n; i++)
        x->masked |= x->at[i] < 0;
}

/* The q k v of a key: of a token of the map, or of a cell of a pooled map; NULL: zeros. */
static const float *qkv_of(const Plan *w, const DfWindowRows *x, int i)
{
    const bool pooled = i >= w->t.tokens + w->neighbors;
    if (x->at[i] < 0)
        return pooled ? NULL : w->p->pad;
    const float *map = pooled ? w->p->pooled[level_of(w, i)] : w->p->qkv;
    return map + (size_t)x->at[i] * 3 * (size_t)w->p->C;
}

/* Points q, k, v at the rows of head h. */
static void find_rows(const Plan *w, DfWindowRows *x, int h)
{
    const size_t C = (size_t)w->p->C;
    const size_t head = (size_t)(h * w->t.depth);
    for (int i = 0; i < w->t.n; i++) {
        const float *row = qkv_of(w, x, i);
        if (i < w->t.tokens)
            x->q[i] = row ? row + head : NULL;
        x->k[i] = row ? row + C + head : NULL;
        x->v[i] = row ? row + 2 * C + head : NULL;
    }
    df_window_copy_keys(&w->t, x);
}

/* The index of each score for dropout, of head h of a window. */
static void number(const Plan *w, DfWindowRows *x, size_t window, int h)
{
    const size_t per_sample = (size_t)w->rows * (size_t)w->columns;
    x->sample = (int)(window / per_sample);
    x->first_query = df_tiles_first_query(&w->t, per_sample, window % per_sample, h);
}

/* s = bias + mask of one tile. */
static void masked_bias(const Plan *w, DfWindowRows *x, const float *bias, int first)
{
    const size_t lanes = (size_t)w->t.lanes;
    float *s = x->room.s;
    for (int key = 0; key < w->t.keys; key++)
        memcpy(s + (size_t)key * lanes, bias + (size_t)key * df_tiles_stride(&w->t), lanes * sizeof *s);
    if (x->shifted)
        w->t.k->mask_regions(s, s, lanes, x->region, x->region + first, w->t.tokens, w->t.lanes);
    for (int key = w->t.tokens + w->neighbors; key < w->t.n; key++)
        for (size_t i = 0; x->at[key] < 0 && i < lanes; i++)
            s[(size_t)key * lanes + i] -= 100.0f;
}

/* s = scale q k' + bias + mask of one tile. */
static void tile_scores(const void *of, DfWindowRows *x, int h, int tile)
{
    const Plan *w = of;
    const int first = tile * w->t.lanes;
    const float *bias = w->bias + (size_t)h * df_tiles_head_bias(&w->t) + first;
    if (!x->masked) {
        df_tile_scores(&w->t, x, tile, bias, df_tiles_stride(&w->t));
        return;
    }
    masked_bias(w, x, bias, first);
    df_tile_scores(&w->t, x, tile, x->room.s, (size_t)w->t.lanes);
}

static float *gradient_row(const void *of, const DfWindowRows *x, int h, int i, int part, float *pad)
{
    const Plan *w = of;
    const bool pooled = i >= w->t.tokens + w->neighbors;
    if (x->at[i] < 0)
        return pooled ? NULL : pad + part * w->t.depth;
    float *to = pooled ? w->to->pooled[level_of(w, i)] : w->to->qkv;
    return to ? to + (size_t)x->at[i] * 3 * (size_t)w->p->C + (size_t)(part * w->p->C + h * w->t.depth) : NULL;
}

/* ---- forward ---------------------------------------------------------------------------------------------------- */

typedef struct {
    Plan plan;
    float *out, *lse;
} Forward;

static void forward_task(void *arg, size_t task, void *scratch)
{
    const Forward *f = arg;
    const Plan *w = &f->plan;
    const DfWindowKind kind = { &w->t, w, tile_scores, NULL };
    DfCarver carver = { scratch, 0 };
    DfWindowRows x = df_window_rows(&w->t, &carver);
    const int h = (int)(task % (size_t)w->p->heads);
    const size_t row = task / (size_t)w->p->heads; /* of windows, of all samples */
    for (int column = 0; column < w->columns; column++) {
        const size_t window = row * (size_t)w->columns + (size_t)column;
        find_window(w, &x, (int)(row / (size_t)w->rows), (int)(row % (size_t)w->rows), column);
        find_rows(w, &x, h);
        number(w, &x, window, h);
        df_window_forward(&kind, &x, h, f->out, f->lse ? f->lse + df_tiles_lse_at(&w->t, window, h) : NULL);
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

int df_focal_attention_forward(DfPool *pool, const DfAttentionKernels *k, const DfFocalProblem *p, float *out,
                               float *lse, float *workspace)
{
    Forward f = { plan(p, k), out, lse };
    DfCarver carver = { NULL, 0 };
    df_window_rows(&f.plan.t, &carver);
    expand_bias(&f.plan, workspace);
    f.plan.bias = workspace;
    return df_parallel(pool, (size_t)p->B * (size_t)f.plan.rows * (size_t)p->heads, carver.used, forward_task, &f);
}

/* ---- backward --------------------------------------------------------------------------------------------------- */

typedef struct {
    Plan plan;
    const float *out, *lse, *dout;
    float *pads;    /* B heads 3 depth: each task's gradient of the padding */
    float *biases;  /* B heads keys stride: each task's gradient of biases  */
} Backward;

/* A task is one head of one sample, since the keys of neighbouring windows overlap. */
static void backward_task(void *arg, size_t task, void *scratch)
{
    const Backward *b = arg;
    const Plan *w = &b->plan;
    const DfWindowKind kind = { &w->t, w, tile_scores, gradient_row };
    DfCarver carver = { scratch, 0 };
    DfWindowRows x = df_window_rows(&w->t, &carver);
    DfWindowGrads g = df_window_grads(&w->t, &carver);
    const int h = (int)(task % (size_t)w->p->heads);
    const size_t sample = task / (size_t)w->p->heads;
    const size_t columns = (size_t)w->columns;
    const size_t windows = (size_t)w->rows * columns;
    g.pad = b->pads + task * 3 * (size_t)w->t.depth;
    g.dbias = b->biases + task * df_tiles_head_bias(&w->t);
    memset(g.pad, 0, 3 * (size_t)w->t.depth * sizeof *g.pad);
    memset(g.dbias, 0, df_tiles_head_bias(&w->t) * sizeof *g.dbias);
    for (size_t i = 0; i < windows; i++) {
        find_window(w, &x, (int)sample, (int)(i / columns), (int)(i % columns));
        find_rows(w, &x, h);
        number(w, &x, sample * windows + i, h);
        df_window_backward(&kind, &x, &g, h, b->out, b->dout, b->lse + df_tiles_lse_at(&w->t, sample * windows + i, h));
    }
}

static void add_parts(const Backward *b)
{
    const Plan *w = &b->plan;
    const size_t heads = (size_t)w->p->heads;
    const size_t tasks = (size_t)w->p->B * heads;
    df_tiles_add_pads(&w->t, w->to->pad, b->pads, tasks);
    for (size_t task = 0; task < tasks; task++)
        scatter_bias(w, (int)(task % heads), b->biases + task * df_tiles_head_bias(&w->t));
}

size_t df_focal_attention_backward_workspace(const DfFocalProblem *p)
{
    const Plan w = plan(p, NULL);
    return df_tiles_bias_size(&w.t) * (size_t)(p->B + 1) + (size_t)p->B * 3 * (size_t)p->C;
}

int df_focal_attention_backward(DfPool *pool, const DfAttentionKernels *k, const DfFocalProblem *p, const float *out,
                                const float *lse, const float *dout, const DfFocalGrads *to, float *workspace)
{
    Backward b = { .plan = plan(p, k), .out = out, .lse = lse, .dout = dout };
    b.plan.to = to;
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
