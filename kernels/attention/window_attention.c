/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/window_attention.c -- multi-head attention within shifted windows: Liu et al., Swin Transformer
 * (ICCV 2021), section 3.2: softmax(scale Q K' + B) V for the tokens of each window, with B[i][j] = table[position of
 * i - position of j].
 *
 * Partition, padding and cyclic shift only change the indices of tokens: for each window and head the rows of q, k and
 * v are copied into scratch, and results are written straight to their tokens. A task of the forward pass is a row of
 * windows, for some of the heads. The heads of a token are contiguous in memory, so the inner loop runs over heads.
 */
#include <string.h>

#include "core/core.h"
#include "kernels/attention/window_plan.h"

enum {
    ENOUGH_TASKS = 24,   /* for a forward pass to keep all threads busy                             */
    BACKWARD_CHUNKS = 8  /* of windows; fixed, so that sums do not depend on the number of threads  */
};

DfWindowPlan df_window_plan(const DfWindowProblem *p, const DfAttentionKernels *k)
{
    DfWindowPlan w = { .p = p, .t = df_tiles(k, p->C, p->heads, p->window, p->window * p->window, p->scale) };
    w.rows = (p->H + p->window - 1) / p->window;
    w.columns = (p->W + p->window - 1) / p->window;
    w.t.dropout = p->dropout;
    const int wanted = (ENOUGH_TASKS + w.rows - 1) / w.rows;
    w.head_tasks = wanted < p->heads ? wanted : p->heads;
    return w;
}

static size_t table_entries(const DfWindowProblem *p) /* of one head */
{
    const size_t side = (size_t)(2 * p->window - 1);
    return side * side;
}

/* Row of the table for a pair of tokens: query - key, both counted along the window's rows. */
static size_t table_row(int window, int query, int key)
{
    const int dy = query / window - key / window;
    const int dx = query % window - key % window;
    return (size_t)((dy + window - 1) * (2 * window - 1) + dx + window - 1);
}

/* Expands the table to one bias for every pair of tokens, in the order of the scores. All windows use it. A task is one
 * head. For one key, the queries of one row of the window read contiguous entries of the table. */
typedef struct {
    const DfWindowPlan *w;
    float *bias;
} Expand;

static void expand_head(void *arg, size_t h, void *scratch)
{
    const Expand *e = arg;
    const DfWindowPlan *w = e->w;
    const int window = w->p->window;
    const size_t entries = table_entries(w->p);
    const size_t stride = df_tiles_stride(&w->t);
    float *table = scratch; /* of this head */
    float *row = e->bias + h * df_tiles_head_bias(&w->t);
    for (size_t i = 0; i < entries; i++)
        table[i] = w->p->table[i * (size_t)w->p->heads + h];
    memset(row, 0, df_tiles_head_bias(&w->t) * sizeof *row);
    for (int key = 0; key < w->t.tokens; key++, row += stride)
        for (int y = 0; y < window; y++)
            memcpy(row + y * window, table + table_row(window, y * window, key), (size_t)window * sizeof *row);
}

int df_window_expand_bias(DfPool *pool, DfWindowPlan *w, float *bias)
{
    Expand e = { w, bias };
    w->bias = bias;
    return df_parallel(pool, (size_t)w->p->heads, table_entries(w->p) * sizeof(float), expand_head, &e);
}

/* ---- one window ------------------------------------------------------------------------------------------------- */

/* The position before the cyclic shift of position `rolled` on an axis of `padded` tokens, of which `whole` belong to
 * the map; a result >= `whole` is padding. The shift can be longer than the map without its padding. */
static int unrolled(const DfWindowProblem *p, int rolled, int whole, int padded)
{
    const int size = p->pad_after_shift ? whole : padded;
    if (rolled >= size)
        return rolled;
    const int at = rolled + p->shift;
    return at < size ? at : at % size;
}

/* The grid of windows that the mask is made for, and the window in it whose mask applies. */
typedef struct {
    int rows, columns, row, column;
} MaskWindow;

/* The windows of all samples use the windows of the mask cyclically, in order. */
static MaskWindow mask_window(const DfWindowPlan *w, int b, int row, int column)
{
    const int side = w->p->mask_side;
    if (side < 1)
        return (MaskWindow){ w->rows, w->columns, row, column };
    const int64_t index = ((int64_t)b * w->rows + row) * w->columns + column;
    const int in_mask = (int)(index % ((int64_t)side * side));
    return (MaskWindow){ side, side, in_mask / side, in_mask % side };
}

/* The region of row or column `i` of a window, which is window `at` of `windows` along that axis. */
static int region_of(const DfWindowProblem *p, int at, int windows, int i)
{
    return df_window_region(at * p->window + i, windows * p->window, p->window, p->shift);
}

/* Finds the tokens of window (row, column) of sample b, and their regions. */
void df_window_find_tokens(const DfWindowPlan *w, DfWindowRows *x, int b, int row, int column)
{
    const DfWindowProblem *p = w->p;
    const int window = p->window;
    const MaskWindow mask = mask_window(w, b, row, column);
    memset(x->region, 0, ((size_t)w->t.keys + df_tiles_stride(&w->t)) * sizeof *x->region);
    int i = 0;
    for (int y = 0; y < window; y++) {
        const int at_y = unrolled(p, row * window + y, p->H, w->rows * window);
        const int region = p->shift ? 3 * region_of(p, mask.row, mask.rows, y) : 0;
        for (int k = 0; k < window; k++, i++) {
            const int at_x = unrolled(p, column * window + k, p->W, w->columns * window);
            const bool inside = at_y < p->H && at_x < p->W;
            x->at[i] = inside ? ((ptrdiff_t)b * p->H + at_y) * p->W + at_x : -1;
            if (p->shift)
                x->region[i] = region + region_of(p, mask.column, mask.columns, k);
        }
    }
    x->masked = p->shift && (mask.row == mask.rows - 1 || mask.column == mask.columns - 1);
}

/* Points q, k, v at the rows of head h. */
void df_window_find_rows(const DfWindowPlan *w, DfWindowRows *x, int h)
{
    const DfWindowProblem *p = w->p;
    const size_t C = (size_t)p->C;
    const size_t head = (size_t)(h * w->t.depth);
    for (int i = 0; i < w->t.tokens; i++) {
        const float *token = x->at[i] < 0 ? p->pad : p->qkv + (size_t)x->at[i] * 3 * C;
        x->q[i] = token ? token + head : NULL;
        x->k[i] = token ? token + C + head : NULL;
        x->v[i] = token ? token + 2 * C + head : NULL;
    }
    df_window_copy_keys(&w->t, x);
}

/* The index of each score for dropout, of head h of a window. */
static void number(const DfWindowPlan *w, DfWindowRows *x, size_t window, int h)
{
    const size_t per_sample = (size_t)w->rows * (size_t)w->columns;
    x->sample = (int)(window / per_sample);
    x->first_query = df_tiles_first_query(&w->t, per_sample, window % per_sample, h);
}

/* s = scale q k' + bias + mask of one tile. */
void df_window_tile_scores(const void *of, DfWindowRows *x, int h, int tile)
{
    const DfWindowPlan *w = of;
    const int first = tile * w->t.lanes;
    const size_t stride = df_tiles_stride(&w->t);
    const float *bias = w->bias ? w->bias + (size_t)h * df_tiles_head_bias(&w->t) + first : NULL;
    if (!x->masked) {
        df_tile_scores(&w->t, x, tile, bias, stride);
        return;
    }
    w->t.k->mask_regions(x->room.s, bias, stride, x->region, x->region + first, w->t.keys, w->t.lanes);
    df_tile_scores(&w->t, x, tile, x->room.s, (size_t)w->t.lanes);
}

static float *gradient_row(const void *of, const DfWindowRows *x, int h, int i, int part, float *pad)
{
    const DfWindowPlan *w = of;
    if (x->at[i] < 0)
        return pad + part * w->t.depth;
    const size_t at = (size_t)x->at[i] * 3 * (size_t)w->p->C + (size_t)(part * w->p->C + h * w->t.depth);
    return w->dqkv ? w->dqkv + at : NULL;
}

/* ---- forward ---------------------------------------------------------------------------------------------------- */

typedef struct {
    DfWindowPlan plan;
    float *out, *lse;
} Forward;

/* Prefetches the rows that head h reads in the next window, one window's width to the right: the rows of a large map
 * are not in the cache. At the right edge it prefetches other rows, which does no harm. */
static void prefetch_next(const DfWindowPlan *w, const DfWindowRows *x, int h)
{
    enum { LINE = 16 };
    const DfWindowProblem *p = w->p;
    const size_t C = (size_t)p->C;
    const ptrdiff_t tokens = (ptrdiff_t)p->B * p->H * p->W;
    for (int i = 0; i < w->t.tokens; i++) {
        const ptrdiff_t token = x->at[i] + p->window;
        if (token >= tokens)
            continue;
        const float *row = p->qkv + (size_t)token * 3 * C + (size_t)(h * w->t.depth);
        for (size_t part = 0; part < 3; part++)
            for (int d = 0; d < w->t.depth; d += LINE)
                df_prefetch(row + part * C + d);
    }
}

static void forward_task(void *arg, size_t task, void *scratch)
{
    const Forward *f = arg;
    const DfWindowPlan *w = &f->plan;
    const DfWindowKind kind = { &w->t, w, df_window_tile_scores, NULL };
    DfCarver carver = { scratch, 0 };
    DfWindowRows x = df_window_rows(&w->t, &carver);
    const size_t row = task / (size_t)w->head_tasks; /* of all samples */
    const int part = (int)(task % (size_t)w->head_tasks);
    const int first = part * w->p->heads / w->head_tasks;
    const int end = (part + 1) * w->p->heads / w->head_tasks;
    for (int column = 0; column < w->columns; column++) {
        const size_t window = row * (size_t)w->columns + (size_t)column;
        df_window_find_tokens(w, &x, (int)(row / (size_t)w->rows), (int)(row % (size_t)w->rows), column);
        for (int h = first; h < end; h++) {
            df_window_find_rows(w, &x, h);
            number(w, &x, window, h);
            if (column + 1 < w->columns)
                prefetch_next(w, &x, h);
            df_window_forward(&kind, &x, h, f->out, f->lse ? f->lse + df_tiles_lse_at(&w->t, window, h) : NULL);
        }
    }
}

size_t df_window_attention_workspace(const DfWindowProblem *p)
{
    const DfWindowPlan w = df_window_plan(p, NULL);
    return p->table ? df_tiles_bias_size(&w.t) : 0;
}

size_t df_window_attention_lse_size(const DfWindowProblem *p)
{
    const DfWindowPlan w = df_window_plan(p, NULL);
    return df_tiles_lse_at(&w.t, (size_t)p->B * (size_t)w.rows * (size_t)w.columns, 0);
}

int df_window_attention_forward(DfPool *pool, const DfAttentionKernels *k, const DfWindowProblem *p, float *out,
                                float *lse, float *workspace)
{
    Forward f = { df_window_plan(p, k), out, lse };
    DfCarver carver = { NULL, 0 };
    df_window_rows(&f.plan.t, &carver);
    int error = p->table ? df_window_expand_bias(pool, &f.plan, workspace) : DF_OK;
    if (error == DF_OK)
        error = df_parallel(pool, (size_t)p->B * (size_t)f.plan.rows * (size_t)f.plan.head_tasks, carver.used,
                            forward_task, &f);
    return error;
}

/* ---- backward --------------------------------------------------------------------------------------------------- */

typedef struct {
    DfWindowPlan plan;
    const float *out, *lse, *dout;
    float *pads;    /* chunks heads 3 depth: each task's part of dpad       */
    float *tables;  /* chunks heads (2w-1)^2: each task's part of dtable    */
} Backward;

static DfWindowGrads carve_backward(const DfWindowPlan *w, DfCarver *c)
{
    DfWindowGrads g = df_window_grads(&w->t, c);
    g.dbias = df_carve_floats(c, (size_t)w->t.keys, df_tiles_stride(&w->t));
    return g;
}

/* Adds the gradients of all pairs of tokens that share an entry. As in expand_head(), a row of the window covers
 * contiguous entries of the table. */
static void gather_table(const DfWindowPlan *w, const DfWindowGrads *g, float *table)
{
    const int window = w->p->window;
    const float *row = g->dbias;
    memset(table, 0, table_entries(w->p) * sizeof *table);
    for (int key = 0; key < w->t.tokens; key++, row += df_tiles_stride(&w->t))
        for (int y = 0; y < window; y++) {
            const float *const from = row + y * window;
            float *const to = table + table_row(window, y * window, key);
            for (int i = 0; i < window; i++)
                to[i] += from[i];
        }
}

/* A task is one head of a chunk of windows: windows do not overlap, so no two tasks write to the same row of dqkv. */
static void backward_task(void *arg, size_t task, void *scratch)
{
    const Backward *b = arg;
    const DfWindowPlan *w = &b->plan;
    const DfWindowKind kind = { &w->t, w, df_window_tile_scores, gradient_row };
    DfCarver carver = { scratch, 0 };
    DfWindowRows x = df_window_rows(&w->t, &carver);
    DfWindowGrads g = carve_backward(w, &carver);
    const int h = (int)(task % (size_t)w->p->heads);
    const size_t chunk = task / (size_t)w->p->heads;
    const size_t per_sample = (size_t)w->rows * (size_t)w->columns;
    const size_t windows = (size_t)w->p->B * per_sample;
    g.pad = b->pads + task * 3 * (size_t)w->t.depth;
    memset(g.pad, 0, 3 * (size_t)w->t.depth * sizeof *g.pad);
    memset(g.dbias, 0, df_tiles_head_bias(&w->t) * sizeof *g.dbias);
    for (size_t i = chunk * windows / BACKWARD_CHUNKS; i < (chunk + 1) * windows / BACKWARD_CHUNKS; i++) {
        const size_t at = i % per_sample;
        df_window_find_tokens(w, &x, (int)(i / per_sample), (int)(at / (size_t)w->columns),
                              (int)(at % (size_t)w->columns));
        df_window_find_rows(w, &x, h);
        number(w, &x, i, h);
        df_window_backward(&kind, &x, &g, h, b->out, b->dout, b->lse + df_tiles_lse_at(&w->t, i, h));
    }
    gather_table(w, &g, b->tables + task * table_entries(w->p));
}

static void add_tables(const Backward *b, float *dtable)
{
    const size_t heads = (size_t)b->plan.p->heads;
    const size_t entries = table_entries(b->plan.p);
    for (size_t task = 0; dtable && task < BACKWARD_CHUNKS * heads; task++) {
        const float *const from = b->tables + task * entries;
        float *const to = dtable + task % heads;
        for (size_t i = 0; i < entries; i++)
            to[i * heads] += from[i];
    }
}

static size_t parts_size(const DfWindowPlan *w, size_t each)
{
    return (size_t)BACKWARD_CHUNKS * (size_t)w->p->heads * each;
}

size_t df_window_attention_backward_workspace(const DfWindowProblem *p)
{
    const DfWindowPlan w = df_window_plan(p, NULL);
    return df_window_attention_workspace(p) + parts_size(&w, 3 * (size_t)w.t.depth + table_entries(p));
}

int df_window_attention_backward(DfPool *pool, const DfAttentionKernels *k, const DfWindowProblem *p,
                                 const float *out, const float *lse, const float *dout, float *dqkv, float *dpad,
                                 float *dtable, float *workspace)
{
    Backward b = { .plan = df_window_plan(p, k), .out = out, .lse = lse, .dout = dout };
    b.plan.dqkv = dqkv;
    b.pads = workspace + df_window_attention_workspace(p);
    b.tables = b.pads + parts_size(&b.plan, 3 * (size_t)b.plan.t.depth);
    DfCarver carver = { NULL, 0 };
    df_window_rows(&b.plan.t, &carver);
    carve_backward(&b.plan, &carver);
    int error = p->table ? df_window_expand_bias(pool, &b.plan, workspace) : DF_OK;
    if (!error)
        error = df_parallel(pool, (size_t)BACKWARD_CHUNKS * (size_t)p->heads, carver.used, backward_task, &b);
    if (!error) {
        df_tiles_add_pads(&b.plan.t, dpad, b.pads, BACKWARD_CHUNKS * (size_t)p->heads);
        add_tables(&b, dtable);
    }
    return error;
}
