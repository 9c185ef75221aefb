/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/window_attention.c -- multi-head attention within shifted windows: Liu et al., Swin Transformer (ICCV 2021), section
 * 3.2.
 *
 * Partition, padding and roll are arithmetic on token indices: for each window and head the rows of q, k and v are fetched into
 * scratch, and results go straight to their tokens. A task is a row of windows, for some of the heads.
 */
#include <string.h>

#include "kernels/attention/attention.h"
#include "kernels/attention/window_tiles.h"

enum {
    ENOUGH_TASKS = 24,   /* for a forward pass to keep all threads busy                             */
    BACKWARD_CHUNKS = 8  /* of windows; fixed, so that sums do not depend on the number of threads  */
};

/* Sizes derived from a problem. */
typedef struct {
    const DfWindowProblem *p;
    DfTiles t;                 /* the keys are the window's own tokens           */
    int rows, columns;         /* of windows                                    */
    int head_tasks;            /* tasks that share the heads of a row of windows */
    const float *bias;         /* heads keys tiles*lanes, or NULL               */
} Plan;

static Plan plan(const DfWindowProblem *p, const DfAttentionKernels *k)
{
    Plan w = { .p = p, .t = df_tiles(k, p->C, p->heads, p->window, p->window * p->window, p->scale) };
    w.rows = (p->H + p->window - 1) / p->window;
    w.columns = (p->W + p->window - 1) / p->window;
    const int wanted = (ENOUGH_TASKS + w.rows - 1) / w.rows;
    w.head_tasks = wanted < p->heads ? wanted : p->heads;
    return w;
}

/* Row of the table for a pair of tokens: query - key, both counted along the window's rows. */
static size_t table_row(int window, int query, int key)
{
    const int dy = query / window - key / window, dx = query % window - key % window;
    return (size_t)((dy + window - 1) * (2 * window - 1) + dx + window - 1);
}

static void expand_bias(const Plan *w, float *bias)
{
    const int heads = w->p->heads;
    const size_t stride = df_tiles_stride(&w->t), head = (size_t)w->t.keys * stride;
    memset(bias, 0, df_tiles_bias_size(&w->t) * sizeof *bias);
    for (int key = 0; key < w->t.tokens; key++)
        for (int query = 0; query < w->t.tokens; query++) {
            const float *entry = w->p->table + table_row(w->p->window, query, key) * (size_t)heads;
            for (int h = 0; h < heads; h++)
                bias[(size_t)h * head + (size_t)key * stride + (size_t)query] = entry[h];
        }
}

/* ---- one window ---------------------------------------------------------------------------------------------------- */

typedef struct {
    DfWindowRows rows;
    bool masked;               /* more than one region in this window */
} Window;

/* Finds the tokens of window (row, column) of sample b, and their regions. */
static void find_tokens(const Plan *w, Window *window, int b, int row, int column)
{
    const DfWindowProblem *p = w->p;
    const int height = w->rows * p->window, width = w->columns * p->window;
    DfWindowRows *x = &window->rows;
    memset(x->region, 0, (size_t)(w->t.keys + w->t.tiles * w->t.lanes) * sizeof *x->region);
    for (int i = 0; i < w->t.tokens; i++) {
        const int rolled_y = row * p->window + i / p->window, rolled_x = column * p->window + i % p->window;
        const int y = (rolled_y + p->shift) % height, at = (rolled_x + p->shift) % width;
        const bool inside = y < p->H && at < p->W;
        x->at[i] = inside ? ((ptrdiff_t)b * p->H + y) * p->W + at : -1;
        if (p->shift)
            x->region[i] = 3 * df_window_region(rolled_y, height, p->window, p->shift) + df_window_region(rolled_x, width, p->window, p->shift);
    }
    window->masked = p->shift && (row == w->rows - 1 || column == w->columns - 1);
}

/* Points q, k, v at the rows of head h. */
static void find_rows(const Plan *w, DfWindowRows *x, int h)
{
    const DfWindowProblem *p = w->p;
    const size_t C = (size_t)p->C, head = (size_t)(h * w->t.depth);
    for (int i = 0; i < w->t.tokens; i++) {
        const float *token = x->at[i] < 0 ? p->pad : p->qkv + (size_t)x->at[i] * 3 * C;
        x->q[i] = token ? token + head : NULL;
        x->k[i] = token ? token + C + head : NULL;
        x->v[i] = token ? token + 2 * C + head : NULL;
    }
    df_window_copy_keys(&w->t, x);
}

/* s = scale q k' + bias + mask of one tile. */
static void tile_scores(const Plan *w, Window *window, int h, int tile)
{
    DfWindowRows *x = &window->rows;
    const int first = tile * w->t.lanes;
    const size_t stride = df_tiles_stride(&w->t);
    const float *bias = w->bias ? w->bias + (size_t)h * (size_t)w->t.keys * stride + first : NULL;
    if (window->masked)
        w->t.k->mask_regions(x->s, bias, stride, x->region, x->region + first, w->t.keys, w->t.lanes);
    df_tile_scores(&w->t, x, tile, window->masked ? x->s : bias, window->masked ? (size_t)w->t.lanes : stride);
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
    Window x = { df_window_rows(&w->t, &carver), false };
    const size_t row = task / (size_t)w->head_tasks; /* of all samples */
    const int part = (int)(task % (size_t)w->head_tasks), heads = w->p->heads;
    for (int column = 0; column < w->columns; column++) {
        const size_t window = row * (size_t)w->columns + (size_t)column;
        find_tokens(w, &x, (int)(row / (size_t)w->rows), (int)(row % (size_t)w->rows), column);
        for (int h = part * heads / w->head_tasks; h < (part + 1) * heads / w->head_tasks; h++) /* neighbours in memory */
            forward_window(f, &x, h, f->lse ? f->lse + df_tiles_lse_at(&w->t, window, h) : NULL);
    }
}

size_t df_window_attention_workspace(const DfWindowProblem *p)
{
    const Plan w = plan(p, NULL);
    return p->table ? df_tiles_bias_size(&w.t) : 0;
}

size_t df_window_attention_lse_size(const DfWindowProblem *p)
{
    const Plan w = plan(p, NULL);
    return df_tiles_lse_at(&w.t, (size_t)p->B * (size_t)w.rows * (size_t)w.columns, 0);
}

int df_window_attention_forward(DfPool *pool, const DfAttentionKernels *k, const DfWindowProblem *p, float *out, float *lse, float *workspace)
{
    Forward f = { plan(p, k), out, lse };
    DfCarver carver = { NULL, 0 };
    df_window_rows(&f.plan.t, &carver);
    if (p->table) {
        expand_bias(&f.plan, workspace);
        f.plan.bias = workspace;
    }
    return df_parallel(pool, (size_t)p->B * (size_t)f.plan.rows * (size_t)f.plan.head_tasks, carver.used, forward_task, &f);
}

/* ---- backward ------------------------------------------------------------------------------------------------------ */

/* What a task, one head of a chunk of windows, adds up. */
typedef struct {
    DfWindowGrads grads;
    float *dbias;              /* keys tiles*lanes                             */
} Scratch;

typedef struct {
    Plan plan;
    const float *out, *lse, *dout;
    float *dqkv;
    float *pads;    /* chunks heads 3 depth: what each task has for dpad    */
    float *tables;  /* chunks heads (2w-1)^2: and for dtable                */
} Backward;

static Scratch carve_backward(const Plan *w, DfCarver *c)
{
    return (Scratch){ df_window_grads(&w->t, c), df_carve_floats(c, (size_t)w->t.keys, df_tiles_stride(&w->t)) };
}

/* Where the gradient of part (0 q, 1 k, 2 v) of a token goes: to the token, or to the padding. */
static float *gradient_row(const Backward *b, const DfWindowRows *x, int i, int h, int part, float *pad)
{
    const Plan *w = &b->plan;
    if (x->at[i] < 0)
        return pad + part * w->t.depth;
    return b->dqkv ? b->dqkv + (size_t)x->at[i] * 3 * (size_t)w->p->C + (size_t)(part * w->p->C + h * w->t.depth) : NULL;
}

static void backward_tile(const Backward *b, Window *x, Scratch *s, int h, int tile, const float *lse, float *pad)
{
    const Plan *w = &b->plan;
    const DfWindowGrads *g = &s->grads;
    tile_scores(w, x, h, tile);
    df_tile_backward(&w->t, &x->rows, &s->grads, tile, lse);
    for (int i = 0; i < df_tile_queries(&w->t, tile); i++)
        df_add_row(gradient_row(b, &x->rows, tile * w->t.lanes + i, h, 0, pad), g->dq + (size_t)i * (size_t)w->t.width, w->t.depth, w->p->scale);
    df_tile_add_bias(&w->t, g, tile, s->dbias);
}

static void backward_window(const Backward *b, Window *x, Scratch *s, int h, const float *lse, float *pad)
{
    const Plan *w = &b->plan;
    const size_t width = (size_t)w->t.width;
    find_rows(w, &x->rows, h);
    df_window_grads_start(&w->t, &x->rows, &s->grads, h, b->out, b->dout);
    for (int tile = 0; tile < w->t.tiles; tile++)
        backward_tile(b, x, s, h, tile, lse, pad);
    for (int i = 0; i < w->t.tokens; i++) {
        df_add_row(gradient_row(b, &x->rows, i, h, 1, pad), s->grads.dk + (size_t)i * width, w->t.depth, 1.0f);
        df_add_row(gradient_row(b, &x->rows, i, h, 2, pad), s->grads.dv + (size_t)i * width, w->t.depth, 1.0f);
    }
}

static void backward_task(void *arg, size_t task, void *scratch)
{
    const Backward *b = arg;
    const Plan *w = &b->plan;
    DfCarver carver = { scratch, 0 };
    Window x = { df_window_rows(&w->t, &carver), false };
    Scratch s = carve_backward(w, &carver);
    const int h = (int)(task % (size_t)w->p->heads), side = 2 * w->p->window - 1;
    const size_t chunk = task / (size_t)w->p->heads, per_sample = (size_t)w->rows * (size_t)w->columns;
    const size_t windows = (size_t)w->p->B * per_sample, stride = df_tiles_stride(&w->t);
    float *pad = b->pads + task * 3 * (size_t)w->t.depth, *table = b->tables + task * (size_t)(side * side);
    memset(pad, 0, 3 * (size_t)w->t.depth * sizeof *pad);
    memset(table, 0, (size_t)(side * side) * sizeof *table);
    memset(s.dbias, 0, (size_t)w->t.keys * stride * sizeof(float));
    for (size_t i = chunk * windows / BACKWARD_CHUNKS; i < (chunk + 1) * windows / BACKWARD_CHUNKS; i++) {
        const size_t at = i % per_sample;
        find_tokens(w, &x, (int)(i / per_sample), (int)(at / (size_t)w->columns), (int)(at % (size_t)w->columns));
        backward_window(b, &x, &s, h, b->lse + df_tiles_lse_at(&w->t, i, h), pad);
    }
    for (int key = 0; key < w->t.tokens; key++)
        for (int query = 0; query < w->t.tokens; query++)
            table[table_row(w->p->window, query, key)] += s.dbias[(size_t)key * stride + (size_t)query];
}

static void add_tables(const Backward *b, float *dtable)
{
    const size_t heads = (size_t)b->plan.p->heads, side = (size_t)(2 * b->plan.p->window - 1), entries = side * side;
    for (size_t task = 0; dtable && task < BACKWARD_CHUNKS * heads; task++)
        for (size_t i = 0; i < entries; i++)
            dtable[i * heads + task % heads] += b->tables[task * entries + i];
}

static size_t parts_size(const Plan *w, size_t each)
{
    return (size_t)BACKWARD_CHUNKS * (size_t)w->p->heads * each;
}

size_t df_window_attention_backward_workspace(const DfWindowProblem *p)
{
    const Plan w = plan(p, NULL);
    const size_t side = (size_t)(2 * p->window - 1);
    return df_window_attention_workspace(p) + parts_size(&w, 3 * (size_t)w.t.depth + side * side);
}

int df_window_attention_backward(DfPool *pool, const DfAttentionKernels *k, const DfWindowProblem *p, const float *out, const float *lse,
                                 const float *dout, float *dqkv, float *dpad, float *dtable, float *workspace)
{
    Backward b = { .plan = plan(p, k), .out = out, .lse = lse, .dout = dout, .dqkv = dqkv };
    if (p->table) {
        expand_bias(&b.plan, workspace);
        b.plan.bias = workspace;
    }
    b.pads = workspace + df_window_attention_workspace(p);
    b.tables = b.pads + parts_size(&b.plan, 3 * (size_t)b.plan.t.depth);
    DfCarver carver = { NULL, 0 };
    df_window_rows(&b.plan.t, &carver);
    carve_backward(&b.plan, &carver);
    const int err = df_parallel(pool, (size_t)BACKWARD_CHUNKS * (size_t)p->heads, carver.used, backward_task, &b);
    if (!err) {
        df_tiles_add_pads(&b.plan.t, dpad, b.pads, BACKWARD_CHUNKS * (size_t)p->heads);
        add_tables(&b, dtable);
    }
    return err;
}
