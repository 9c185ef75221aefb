/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/focal_attention.c -- attention of a window to itself, to the tokens around it and to pooled maps: Yang et al., Focal
 * Self-attention for Local-Global Interactions in Vision Transformers, NeurIPS 2021, section 3.2.
 *
 * What the official code rolls, unfolds and joins are here indices of keys: a window's rows are fetched from where they are. A task
 * of the forward pass is one head of one row of windows; of the backward pass one head of one sample, since neighbours overlap.
 */
#include <string.h>

#include "kernels/attention_tile.h"
#include "kernels/focal_attention.h"

/* Sizes derived from a problem. Keys are the window's own tokens, its neighbours, then level after level. */
typedef struct {
    const DfFocalProblem *p;
    const DfAttentionKernels *k;
    int depth, width;                  /* of a head, and rounded up to vectors        */
    int tokens, neighbors, n, keys;    /* n keys, rounded up for scores()             */
    int first[DF_FOCAL_LEVELS + 1];    /* key of each level                           */
    int side[DF_FOCAL_LEVELS];         /* keys of a level along each side             */
    int tiles, lanes;                  /* tiles of queries and their width            */
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
    Plan w = { .p = p, .k = k, .depth = p->C / p->heads, .tokens = p->window * p->window };
    w.width = df_round_up(w.depth, 8);
    w.neighbors = df_focal_neighbors(p->window, p->expand);
    w.n = w.tokens + w.neighbors;
    for (int level = 0; level < p->levels; level++) {
        w.first[level] = w.n;
        w.side[level] = p->focal_window + (1 << level) - 1;
        w.n += w.side[level] * w.side[level];
    }
    w.first[p->levels] = w.n;
    w.keys = df_round_up(w.n, DF_KEY_MULTIPLE);
    w.tiles = (w.tokens + DF_LANES - 1) / DF_LANES;
    w.lanes = df_round_up((w.tokens + w.tiles - 1) / w.tiles, 8);
    w.rows = (p->H + p->window - 1) / p->window;
    w.columns = (p->W + p->window - 1) / p->window;
    return w;
}

int df_focal_keys(const DfFocalProblem *p)
{
    return plan(p, NULL).n;
}

/* ---- biases ------------------------------------------------------------------------------------------------------ */

static size_t stride_of(const Plan *w)
{
    return (size_t)(w->tiles * w->lanes);
}

static size_t bias_size(const Plan *w)
{
    return (size_t)w->p->heads * (size_t)w->keys * stride_of(w);
}

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
    if (key < w->tokens)
        return p->table[table_entry(p->window, p->window, query, key) * (size_t)p->heads + (size_t)h];
    if (key < w->tokens + w->neighbors)
        return p->neighbors[((size_t)h * (size_t)w->tokens + (size_t)query) * (size_t)w->neighbors + (size_t)(key - w->tokens)];
    const int level = level_of(w, key);
    const size_t size = table_side(w, level) * table_side(w, level);
    return p->tables[level][(size_t)h * size + table_entry(p->window, w->side[level], query, key - w->first[level])];
}

static void expand_bias(const Plan *w, float *bias)
{
    memset(bias, 0, bias_size(w) * sizeof *bias);
    for (int h = 0; h < w->p->heads; h++)
        for (int key = 0; key < w->n; key++)
            for (int query = 0; query < w->tokens; query++)
                bias[((size_t)h * (size_t)w->keys + (size_t)key) * stride_of(w) + (size_t)query] = bias_of(w, h, key, query);
}

/* The same way back, from one head's sums. */
static void scatter_bias(const Plan *w, const DfFocalGrads *to, int h, const float *dbias)
{
    const DfFocalProblem *p = w->p;
    for (int key = 0; key < w->n; key++)
        for (int query = 0; query < w->tokens; query++) {
            const float g = dbias[(size_t)key * stride_of(w) + (size_t)query];
            if (key < w->tokens) {
                if (to->table)
                    to->table[table_entry(p->window, p->window, query, key) * (size_t)p->heads + (size_t)h] += g;
            } else if (key < w->tokens + w->neighbors) {
                if (to->neighbors)
                    to->neighbors[((size_t)h * (size_t)w->tokens + (size_t)query) * (size_t)w->neighbors + (size_t)(key - w->tokens)] += g;
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
    ptrdiff_t *at;      /* of each key: its token in the map, or in the pooled map of its level; -1: outside */
    int *region;        /* of each own token and, padded, of each lane */
    bool shifted, masked; /* several regions; keys outside, or both    */
    const float **q, **k, **v;
    float **out;
    float *qt, *kk, *vv, *s, *o, *max, *sum, *rescale;
} Window;

static Window carve_window(const Plan *w, DfCarver *c)
{
    const size_t n = (size_t)w->keys, all = stride_of(w) + (size_t)w->tokens, lanes = (size_t)w->lanes, width = (size_t)w->width;
    return (Window){
        .at = df_carve(c, n, sizeof(ptrdiff_t)), .region = df_carve(c, all, sizeof(int)), .q = df_carve(c, n, sizeof(float *)),
        .k = df_carve(c, n, sizeof(float *)), .v = df_carve(c, n, sizeof(float *)), .out = df_carve(c, n, sizeof(float *)),
        .qt = df_carve_floats(c, width, lanes), .kk = df_carve_floats(c, n, width), .vv = df_carve_floats(c, n, width),
        .s = df_carve_floats(c, n, lanes), .o = df_carve_floats(c, lanes, width), .max = df_carve_floats(c, 1, lanes),
        .sum = df_carve_floats(c, 1, lanes), .rescale = df_carve_floats(c, 1, lanes),
    };
}

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

/* Swin's slices (0, -w), (-w, -shift), (-shift, end) of the padded, rolled map. */
static int region_of(int at, int size, int window, int shift)
{
    return at < size - window ? 0 : at < size - shift ? 1 : 2;
}

static void find_window(const Plan *w, Window *x, int b, int row, int column)
{
    const DfFocalProblem *p = w->p;
    const int n = p->window;
    x->shifted = p->shift && (row == w->rows - 1 || column == w->columns - 1);
    x->masked = x->shifted;
    memset(x->region, 0, (stride_of(w) + (size_t)w->tokens) * sizeof *x->region);
    for (int i = 0; i < w->tokens; i++) {
        const int y = row * n + i / n, at_x = column * n + i % n;
        x->at[i] = map_token(w, b, y, at_x);
        if (x->shifted)
            x->region[i] = 3 * region_of(y, w->rows * n, n, p->shift) + region_of(at_x, w->columns * n, n, p->shift);
    }
    find_neighbors(w, x->at + w->tokens, b, row, column);
    for (int level = 0; level < p->levels; level++)
        find_pooled(w, x->at + w->first[level], level, b, row, column);
    for (int i = w->tokens + w->neighbors; i < w->n; i++)
        x->masked |= x->at[i] < 0;
}

static const float *row_of(const float *qkv, ptrdiff_t at, const float *outside, size_t C)
{
    return at < 0 ? outside : qkv + (size_t)at * 3 * C;
}

/* Points q, k, v at the rows of head h. */
static void find_rows(const Plan *w, Window *x, int h)
{
    const size_t C = (size_t)w->p->C, head = (size_t)(h * w->depth);
    for (int i = 0; i < w->n; i++) {
        const bool own = i < w->tokens + w->neighbors;
        const float *row = own ? row_of(w->p->qkv, x->at[i], w->p->pad, C) : row_of(w->p->pooled[level_of(w, i)], x->at[i], NULL, C);
        if (i < w->tokens)
            x->q[i] = row ? row + head : NULL;
        x->k[i] = row ? row + C + head : NULL;
        x->v[i] = row ? row + 2 * C + head : NULL;
    }
    for (int i = w->n; i < w->keys; i++) /* fills up the last group of keys */
        x->k[i] = x->v[i] = NULL;
    w->k->copy_rows(x->kk, x->k, w->keys, w->depth, w->width, 1.0f);
    w->k->copy_rows(x->vv, x->v, w->keys, w->depth, w->width, 1.0f);
}

static int tile_queries(const Plan *w, int tile)
{
    const int left = w->tokens - tile * w->lanes;
    return left < w->lanes ? left : w->lanes;
}

/* s = bias + mask of one tile. */
static void masked_bias(const Plan *w, Window *x, const float *bias, int first)
{
    const size_t lanes = (size_t)w->lanes;
    for (int key = 0; key < w->keys; key++)
        memcpy(x->s + (size_t)key * lanes, bias + (size_t)key * stride_of(w), lanes * sizeof *x->s);
    if (x->shifted)
        w->k->mask_regions(x->s, x->s, lanes, x->region, x->region + first, w->tokens, w->lanes);
    for (int key = w->tokens + w->neighbors; key < w->n; key++)
        for (size_t i = 0; x->at[key] < 0 && i < lanes; i++)
            x->s[(size_t)key * lanes + i] -= 100.0f;
}

/* s = scale q k' + bias + mask of one tile. */
static void tile_scores(const Plan *w, Window *x, int h, int tile)
{
    const int first = tile * w->lanes;
    const float *bias = w->bias + (size_t)h * (size_t)w->keys * stride_of(w) + first;
    w->k->transpose_rows(x->qt, x->q + first, tile_queries(w, tile), w->lanes, w->depth, w->p->scale);
    if (x->masked)
        masked_bias(w, x, bias, first);
    w->k->scores(x->s, x->masked ? x->s : bias, x->masked ? (size_t)w->lanes : stride_of(w), x->kk, x->qt, w->keys, w->lanes, w->depth, w->width);
}

/* ---- forward ------------------------------------------------------------------------------------------------------- */

typedef struct {
    Plan plan;
    float *out, *lse;
} Forward;

static size_t lse_at(const Plan *w, size_t window, int h)
{
    return (window * (size_t)w->p->heads + (size_t)h) * (size_t)w->tokens;
}

static void forward_window(const Forward *f, Window *x, int h, float *lse)
{
    const Plan *w = &f->plan;
    find_rows(w, x, h);
    for (int i = 0; i < w->tokens; i++)
        x->out[i] = x->at[i] < 0 ? NULL : f->out + (size_t)x->at[i] * (size_t)w->p->C + h * w->depth;
    for (int tile = 0; tile < w->tiles; tile++) {
        const int first = tile * w->lanes, n = tile_queries(w, tile);
        tile_scores(w, x, h, tile);
        for (int i = 0; i < w->lanes; i++) {
            x->max[i] = -INFINITY;
            x->sum[i] = 0.0f;
        }
        w->k->softmax(x->s, w->n, w->lanes, x->max, x->sum, x->rescale);
        w->k->combine(x->o, NULL, x->s, 1, (size_t)w->lanes, x->vv, n, w->n, w->width);
        w->k->store_rows(x->out + first, x->o, x->sum, n, w->depth, w->width);
        for (int i = 0; lse && i < n; i++)
            lse[first + i] = x->max[i] + logf(x->sum[i]);
    }
}

static void forward_task(void *arg, size_t task, void *scratch)
{
    const Forward *f = arg;
    const Plan *w = &f->plan;
    DfCarver carver = { scratch, 0 };
    Window x = carve_window(w, &carver);
    const int h = (int)(task % (size_t)w->p->heads);
    const size_t all = task / (size_t)w->p->heads; /* row of windows, of all samples */
    for (int column = 0; column < w->columns; column++) {
        find_window(w, &x, (int)(all / (size_t)w->rows), (int)(all % (size_t)w->rows), column);
        forward_window(f, &x, h, f->lse ? f->lse + lse_at(w, all * (size_t)w->columns + (size_t)column, h) : NULL);
    }
}

size_t df_focal_attention_workspace(const DfFocalProblem *p)
{
    const Plan w = plan(p, NULL);
    return bias_size(&w);
}

size_t df_focal_attention_lse_size(const DfFocalProblem *p)
{
    const Plan w = plan(p, NULL);
    return lse_at(&w, (size_t)p->B * (size_t)w.rows * (size_t)w.columns, 0);
}

int df_focal_attention_forward(DfPool *pool, const DfAttentionKernels *k, const DfFocalProblem *p, float *out, float *lse, float *workspace)
{
    Forward f = { plan(p, k), out, lse };
    DfCarver carver = { NULL, 0 };
    carve_window(&f.plan, &carver);
    expand_bias(&f.plan, workspace);
    f.plan.bias = workspace;
    return df_parallel(pool, (size_t)p->B * (size_t)f.plan.rows * (size_t)p->heads, carver.used, forward_task, &f);
}

/* ---- backward ------------------------------------------------------------------------------------------------------ */

/* What a task needs besides its window. */
typedef struct {
    const float **o, **dout;                 /* rows of the result and of its gradient; NULL outside the map */
    float *dot, *qq, *doo, *dp, *dq, *dk, *dv, *lse, *delta, *ones;
} Scratch;

typedef struct {
    Plan plan;
    const float *out, *lse, *dout;
    const DfFocalGrads *to;
    float *pads;    /* B heads 3 depth: what each task has for the padding  */
    float *biases;  /* B heads keys tiles*lanes: and for the biases         */
} Backward;

static Scratch carve_backward(const Plan *w, DfCarver *c)
{
    const size_t n = (size_t)w->keys, lanes = (size_t)w->lanes, width = (size_t)w->width;
    return (Scratch){
        .o = df_carve(c, n, sizeof(float *)), .dout = df_carve(c, n, sizeof(float *)), .dot = df_carve_floats(c, width, lanes),
        .qq = df_carve_floats(c, lanes, width), .doo = df_carve_floats(c, lanes, width), .dp = df_carve_floats(c, n, lanes),
        .dq = df_carve_floats(c, lanes, width), .dk = df_carve_floats(c, n, width), .dv = df_carve_floats(c, n, width),
        .lse = df_carve_floats(c, 1, lanes), .delta = df_carve_floats(c, 1, lanes), .ones = df_carve_floats(c, 1, n),
    };
}

static void add_row(float *to, const float *row, int n, float factor)
{
    for (int d = 0; to && d < n; d++)
        to[d] += factor * row[d];
}

/* Where the gradient of part (0 q, 1 k, 2 v) of a key goes: to a token, to the padding, or nowhere. */
static float *gradient_row(const Backward *b, const Window *x, int i, int h, int part, float *pad)
{
    const Plan *w = &b->plan;
    const bool own = i < w->tokens + w->neighbors;
    if (x->at[i] < 0)
        return own ? pad + part * w->depth : NULL;
    float *to = own ? b->to->qkv : b->to->pooled[level_of(w, i)];
    return to ? to + (size_t)x->at[i] * 3 * (size_t)w->p->C + (size_t)(part * w->p->C + h * w->depth) : NULL;
}

/* lse and delta = sum over d of out dout, lane by lane; lanes without a query get 0. */
static void tile_sums(const Plan *w, Scratch *s, const float *lse, int first, int n)
{
    for (int i = 0; i < w->lanes; i++) {
        s->lse[i] = i < n ? lse[first + i] : 0.0f;
        s->delta[i] = 0.0f;
        for (int d = 0; i < n && s->o[first + i] && d < w->depth; d++)
            s->delta[i] += s->o[first + i][d] * s->dout[first + i][d];
    }
}

static void backward_tile(const Backward *b, Window *x, Scratch *s, int h, int tile, const float *lse, float *pad, float *dbias)
{
    const Plan *w = &b->plan;
    const int first = tile * w->lanes, n = tile_queries(w, tile);
    const size_t lanes = (size_t)w->lanes;
    tile_scores(w, x, h, tile);
    tile_sums(w, s, lse, first, n);
    w->k->transpose_rows(s->dot, s->dout + first, n, w->lanes, w->depth, 1.0f);
    w->k->scores(s->dp, NULL, 0, x->vv, s->dot, w->keys, w->lanes, w->depth, w->width);
    w->k->softmax_backward(x->s, s->dp, w->n, w->lanes, s->lse, s->delta);
    w->k->copy_rows(s->qq, x->q + first, n, w->depth, w->width, w->p->scale);
    w->k->copy_rows(s->doo, s->dout + first, n, w->depth, w->width, 1.0f);
    w->k->combine(s->dv, s->ones, x->s, lanes, 1, s->doo, w->n, n, w->width);
    w->k->combine(s->dk, s->ones, s->dp, lanes, 1, s->qq, w->n, n, w->width);
    w->k->combine(s->dq, NULL, s->dp, 1, lanes, x->kk, n, w->n, w->width);
    for (int i = 0; i < n; i++)
        add_row(gradient_row(b, x, first + i, h, 0, pad), s->dq + (size_t)i * (size_t)w->width, w->depth, w->p->scale);
    for (int key = 0; key < w->n; key++)
        add_row(dbias + (size_t)key * stride_of(w) + first, s->dp + (size_t)key * lanes, n, 1.0f);
}

static void backward_window(const Backward *b, Window *x, Scratch *s, int h, const float *lse, float *pad, float *dbias)
{
    const Plan *w = &b->plan;
    const size_t width = (size_t)w->width;
    find_rows(w, x, h);
    for (int i = 0; i < w->tokens; i++) {
        const size_t at = (size_t)x->at[i] * (size_t)w->p->C + (size_t)(h * w->depth);
        s->o[i] = x->at[i] < 0 ? NULL : b->out + at;
        s->dout[i] = x->at[i] < 0 ? NULL : b->dout + at;
    }
    memset(s->dk, 0, (size_t)w->keys * width * sizeof(float));
    memset(s->dv, 0, (size_t)w->keys * width * sizeof(float));
    for (int tile = 0; tile < w->tiles; tile++)
        backward_tile(b, x, s, h, tile, lse, pad, dbias);
    for (int i = 0; i < w->n; i++) {
        add_row(gradient_row(b, x, i, h, 1, pad), s->dk + (size_t)i * width, w->depth, 1.0f);
        add_row(gradient_row(b, x, i, h, 2, pad), s->dv + (size_t)i * width, w->depth, 1.0f);
    }
}

static void backward_task(void *arg, size_t task, void *scratch)
{
    const Backward *b = arg;
    const Plan *w = &b->plan;
    DfCarver carver = { scratch, 0 };
    Window x = carve_window(w, &carver);
    Scratch s = carve_backward(w, &carver);
    const int h = (int)(task % (size_t)w->p->heads);
    const size_t sample = task / (size_t)w->p->heads, windows = (size_t)w->rows * (size_t)w->columns, size = (size_t)w->keys * stride_of(w);
    float *pad = b->pads + task * 3 * (size_t)w->depth, *dbias = b->biases + task * size;
    memset(pad, 0, 3 * (size_t)w->depth * sizeof *pad);
    memset(dbias, 0, size * sizeof *dbias);
    for (int i = 0; i < w->keys; i++)
        s.ones[i] = 1.0f;
    for (size_t i = 0; i < windows; i++) {
        find_window(w, &x, (int)sample, (int)(i / (size_t)w->columns), (int)(i % (size_t)w->columns));
        backward_window(b, &x, &s, h, b->lse + lse_at(w, sample * windows + i, h), pad, dbias);
    }
}

static void add_parts(const Backward *b)
{
    const Plan *w = &b->plan;
    const size_t heads = (size_t)w->p->heads, depth = (size_t)w->depth, C = (size_t)w->p->C;
    for (size_t task = 0; task < (size_t)w->p->B * heads; task++) {
        const size_t h = task % heads;
        for (size_t i = 0; b->to->pad && i < 3 * depth; i++)
            b->to->pad[i / depth * C + h * depth + i % depth] += b->pads[task * 3 * depth + i];
        scatter_bias(w, b->to, (int)h, b->biases + task * (size_t)w->keys * stride_of(w));
    }
}

size_t df_focal_attention_backward_workspace(const DfFocalProblem *p)
{
    const Plan w = plan(p, NULL);
    return bias_size(&w) * (size_t)(p->B + 1) + (size_t)p->B * 3 * (size_t)p->C;
}

int df_focal_attention_backward(DfPool *pool, const DfAttentionKernels *k, const DfFocalProblem *p, const float *out, const float *lse,
                                const float *dout, const DfFocalGrads *to, float *workspace)
{
    Backward b = { .plan = plan(p, k), .out = out, .lse = lse, .dout = dout, .to = to };
    expand_bias(&b.plan, workspace);
    b.plan.bias = workspace;
    b.biases = workspace + bias_size(&b.plan);
    b.pads = b.biases + bias_size(&b.plan) * (size_t)p->B;
    DfCarver carver = { NULL, 0 };
    carve_window(&b.plan, &carver);
    carve_backward(&b.plan, &carver);
    const int error = df_parallel(pool, (size_t)p->B * (size_t)p->heads, carver.used, backward_task, &b);
    if (!error)
        add_parts(&b);
    return error;
}
