/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/window_attention.c -- multi-head attention within shifted windows: Liu et al., Swin Transformer (ICCV 2021), section 3.2.
 *
 * Partition, padding and roll are arithmetic on token indices: for each window and head the rows of q, k and v are fetched into
 * scratch, and results go straight to their tokens. A task is a row of windows, for some of the heads.
 */
#include <string.h>

#include "kernels/attention.h"
#include "kernels/attention_tile.h"

enum {
    ENOUGH_TASKS = 24,   /* for a forward pass to keep all threads busy                             */
    BACKWARD_CHUNKS = 8  /* of windows; fixed, so that sums do not depend on the number of threads  */
};

/* Sizes derived from a problem. */
typedef struct {
    const DfWindowProblem *p;
    const DfAttentionKernels *k;
    int depth, width;          /* of a head, and rounded up to vectors          */
    int tokens, keys;          /* of a window, and rounded up for scores()      */
    int tiles, lanes;          /* tiles of queries and their width              */
    int rows, columns;         /* of windows                                    */
    int head_tasks;            /* tasks that share the heads of a row of windows */
    const float *bias;         /* heads keys tiles*lanes, or NULL               */
} Plan;

static Plan plan(const DfWindowProblem *p, const DfAttentionKernels *k)
{
    Plan w = { .p = p, .k = k, .depth = p->C / p->heads, .tokens = p->window * p->window };
    w.width = df_round_up(w.depth, 8);
    w.keys = df_round_up(w.tokens, DF_KEY_MULTIPLE);
    w.tiles = (w.tokens + DF_LANES - 1) / DF_LANES;
    w.lanes = df_round_up((w.tokens + w.tiles - 1) / w.tiles, 8);
    w.rows = (p->H + p->window - 1) / p->window;
    w.columns = (p->W + p->window - 1) / p->window;
    const int wanted = (ENOUGH_TASKS + w.rows - 1) / w.rows;
    w.head_tasks = wanted < p->heads ? wanted : p->heads;
    return w;
}

static size_t bias_size(const Plan *w)
{
    return (size_t)w->p->heads * (size_t)w->keys * (size_t)(w->tiles * w->lanes);
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
    const size_t lanes = (size_t)(w->tiles * w->lanes), head = (size_t)w->keys * lanes;
    memset(bias, 0, bias_size(w) * sizeof *bias);
    for (int key = 0; key < w->tokens; key++)
        for (int query = 0; query < w->tokens; query++) {
            const float *entry = w->p->table + table_row(w->p->window, query, key) * (size_t)heads;
            for (int h = 0; h < heads; h++)
                bias[(size_t)h * head + (size_t)key * lanes + (size_t)query] = entry[h];
        }
}

/* ---- one window ---------------------------------------------------------------------------------------------------- */

typedef struct {
    ptrdiff_t *token;                /* index of each token in B*H*W, -1 outside the map */
    int *region;                     /* of each token and, padded, of each lane           */
    bool masked;                     /* more than one region in this window               */
    const float **q, **k, **v;       /* rows of one head                                  */
    float **out;
    float *qt, *kk, *vv, *s, *o, *max, *sum, *rescale;
} Window;

static Window carve_window(const Plan *w, DfCarver *c)
{
    const size_t n = (size_t)w->keys, all = (size_t)(w->tiles * w->lanes) + n, lanes = (size_t)w->lanes, width = (size_t)w->width;
    return (Window){
        .token = df_carve(c, n, sizeof(ptrdiff_t)), .region = df_carve(c, all, sizeof(int)),
        .q = df_carve(c, n, sizeof(float *)), .k = df_carve(c, n, sizeof(float *)), .v = df_carve(c, n, sizeof(float *)),
        .out = df_carve(c, n, sizeof(float *)), .qt = df_carve_floats(c, width, lanes), .kk = df_carve_floats(c, n, width),
        .vv = df_carve_floats(c, n, width), .s = df_carve_floats(c, n, lanes), .o = df_carve_floats(c, lanes, width),
        .max = df_carve_floats(c, 1, lanes), .sum = df_carve_floats(c, 1, lanes), .rescale = df_carve_floats(c, 1, lanes),
    };
}

/* Swin's slices (0, -w), (-w, -shift), (-shift, end) of the padded, rolled map. */
static int region_of(int at, int size, int window, int shift)
{
    return at < size - window ? 0 : at < size - shift ? 1 : 2;
}

/* Finds the tokens of window (row, column) of sample b, and their regions. */
static void find_tokens(const Plan *w, Window *x, int b, int row, int column)
{
    const DfWindowProblem *p = w->p;
    const int height = w->rows * p->window, width = w->columns * p->window;
    memset(x->region, 0, (size_t)(w->keys + w->tiles * w->lanes) * sizeof *x->region);
    for (int i = 0; i < w->tokens; i++) {
        const int rolled_y = row * p->window + i / p->window, rolled_x = column * p->window + i % p->window;
        const int y = (rolled_y + p->shift) % height, at = (rolled_x + p->shift) % width;
        const bool inside = y < p->H && at < p->W;
        x->token[i] = inside ? ((ptrdiff_t)b * p->H + y) * p->W + at : -1;
        if (p->shift)
            x->region[i] = 3 * region_of(rolled_y, height, p->window, p->shift) + region_of(rolled_x, width, p->window, p->shift);
    }
    x->masked = p->shift && (row == w->rows - 1 || column == w->columns - 1);
}

/* Points q, k, v at the rows of head h. */
static void find_rows(const Plan *w, Window *x, int h)
{
    const DfWindowProblem *p = w->p;
    const size_t C = (size_t)p->C, head = (size_t)(h * w->depth);
    for (int i = 0; i < w->tokens; i++) {
        const float *token = x->token[i] < 0 ? p->pad : p->qkv + (size_t)x->token[i] * 3 * C;
        x->q[i] = token ? token + head : NULL;
        x->k[i] = token ? token + C + head : NULL;
        x->v[i] = token ? token + 2 * C + head : NULL;
    }
    for (int i = w->tokens; i < w->keys; i++) /* fills up the last group of keys */
        x->k[i] = NULL;
}

static int tile_queries(const Plan *w, int tile)
{
    const int left = w->tokens - tile * w->lanes;
    return left < w->lanes ? left : w->lanes;
}

/* s = scale q k' + bias + mask of one tile; x->qt and x->kk are filled on the way. */
static void tile_scores(const Plan *w, Window *x, int h, int tile)
{
    const int first = tile * w->lanes;
    const size_t stride = (size_t)(w->tiles * w->lanes);
    const float *bias = w->bias ? w->bias + (size_t)h * (size_t)w->keys * stride + first : NULL;
    if (x->masked) {
        w->k->mask_regions(x->s, bias, stride, x->region, x->region + first, w->keys, w->lanes);
        bias = x->s;
    }
    w->k->transpose_rows(x->qt, x->q + first, tile_queries(w, tile), w->lanes, w->depth, w->p->scale);
    w->k->scores(x->s, bias, bias == x->s ? (size_t)w->lanes : stride, x->kk, x->qt, w->keys, w->lanes, w->depth, w->width);
}

/* ---- forward ------------------------------------------------------------------------------------------------------- */

typedef struct {
    Plan plan;
    float *out, *lse;
} Forward;

static void start_softmax(float *max, float *sum, int lanes)
{
    for (int i = 0; i < lanes; i++) {
        max[i] = -INFINITY;
        sum[i] = 0.0f;
    }
}

static void forward_window(const Forward *f, Window *x, int h, float *lse)
{
    const Plan *w = &f->plan;
    find_rows(w, x, h);
    for (int i = 0; i < w->tokens; i++)
        x->out[i] = x->token[i] < 0 ? NULL : f->out + (size_t)x->token[i] * (size_t)w->p->C + h * w->depth;
    w->k->copy_rows(x->kk, x->k, w->keys, w->depth, w->width, 1.0f);
    w->k->copy_rows(x->vv, x->v, w->tokens, w->depth, w->width, 1.0f);
    for (int tile = 0; tile < w->tiles; tile++) {
        const int first = tile * w->lanes, n = tile_queries(w, tile);
        tile_scores(w, x, h, tile);
        start_softmax(x->max, x->sum, w->lanes);
        w->k->softmax(x->s, w->tokens, w->lanes, x->max, x->sum, x->rescale);
        w->k->combine(x->o, NULL, x->s, 1, (size_t)w->lanes, x->vv, n, w->tokens, w->width);
        w->k->store_rows(x->out + first, x->o, x->sum, n, w->depth, w->width);
        for (int i = 0; lse && i < n; i++)
            lse[first + i] = x->max[i] + logf(x->sum[i]);
    }
}

static size_t lse_at(const Plan *w, size_t window, int h)
{
    return (window * (size_t)w->p->heads + (size_t)h) * (size_t)w->tokens;
}

static void forward_task(void *arg, size_t task, void *scratch)
{
    const Forward *f = arg;
    const Plan *w = &f->plan;
    DfCarver carver = { scratch, 0 };
    Window x = carve_window(w, &carver);
    const size_t row = task / (size_t)w->head_tasks; /* of all samples */
    const int part = (int)(task % (size_t)w->head_tasks), heads = w->p->heads;
    for (int column = 0; column < w->columns; column++) {
        const size_t window = row * (size_t)w->columns + (size_t)column;
        find_tokens(w, &x, (int)(row / (size_t)w->rows), (int)(row % (size_t)w->rows), column);
        for (int h = part * heads / w->head_tasks; h < (part + 1) * heads / w->head_tasks; h++) /* neighbours in memory */
            forward_window(f, &x, h, f->lse ? f->lse + lse_at(w, window, h) : NULL);
    }
}

size_t df_window_attention_workspace(const DfWindowProblem *p)
{
    const Plan w = plan(p, NULL);
    return p->table ? bias_size(&w) : 0;
}

size_t df_window_attention_lse_size(const DfWindowProblem *p)
{
    const Plan w = plan(p, NULL);
    return lse_at(&w, (size_t)p->B * (size_t)w.rows * (size_t)w.columns, 0);
}

int df_window_attention_forward(DfPool *pool, const DfAttentionKernels *k, const DfWindowProblem *p, float *out, float *lse, float *workspace)
{
    Forward f = { plan(p, k), out, lse };
    DfCarver carver = { NULL, 0 };
    carve_window(&f.plan, &carver);
    if (p->table) {
        expand_bias(&f.plan, workspace);
        f.plan.bias = workspace;
    }
    return df_parallel(pool, (size_t)p->B * (size_t)f.plan.rows * (size_t)f.plan.head_tasks, carver.used, forward_task, &f);
}

/* ---- backward ------------------------------------------------------------------------------------------------------ */

/* What a task, one head of a chunk of windows, needs besides its window. */
typedef struct {
    const float **o, **dout;                 /* rows of the result and of its gradient; NULL outside the map */
    float *dot, *qq, *doo, *dp, *dq, *dk, *dv, *dbias, *lse, *delta, *ones;
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
    const size_t n = (size_t)w->keys, lanes = (size_t)w->lanes, width = (size_t)w->width;
    return (Scratch){
        .o = df_carve(c, n, sizeof(float *)), .dout = df_carve(c, n, sizeof(float *)), .dot = df_carve_floats(c, width, lanes),
        .qq = df_carve_floats(c, lanes, width), .doo = df_carve_floats(c, lanes, width), .dp = df_carve_floats(c, n, lanes),
        .dq = df_carve_floats(c, lanes, width), .dk = df_carve_floats(c, n, width), .dv = df_carve_floats(c, n, width),
        .dbias = df_carve_floats(c, n, (size_t)w->tiles * lanes), .lse = df_carve_floats(c, 1, lanes),
        .delta = df_carve_floats(c, 1, lanes), .ones = df_carve_floats(c, 1, n),
    };
}

static void add_row(float *to, const float *row, int n, float factor)
{
    for (int d = 0; d < n; d++)
        to[d] += factor * row[d];
}

/* Where the gradient of part (0 q, 1 k, 2 v) of a token goes: to the token, or to the padding. */
static float *gradient_row(const Backward *b, const Window *x, int i, int h, int part, float *pad)
{
    const Plan *w = &b->plan;
    if (x->token[i] < 0)
        return pad + part * w->depth;
    return b->dqkv ? b->dqkv + (size_t)x->token[i] * 3 * (size_t)w->p->C + (size_t)(part * w->p->C + h * w->depth) : NULL;
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

static void backward_tile(const Backward *b, Window *x, Scratch *s, int h, int tile, const float *lse, float *pad)
{
    const Plan *w = &b->plan;
    const int first = tile * w->lanes, n = tile_queries(w, tile);
    const size_t lanes = (size_t)w->lanes, stride = (size_t)w->tiles * lanes;
    tile_scores(w, x, h, tile);
    tile_sums(w, s, lse, first, n);
    w->k->transpose_rows(s->dot, s->dout + first, n, w->lanes, w->depth, 1.0f);
    w->k->scores(s->dp, NULL, 0, x->vv, s->dot, w->keys, w->lanes, w->depth, w->width);
    w->k->softmax_backward(x->s, s->dp, w->tokens, w->lanes, s->lse, s->delta);
    w->k->copy_rows(s->qq, x->q + first, n, w->depth, w->width, w->p->scale);
    w->k->copy_rows(s->doo, s->dout + first, n, w->depth, w->width, 1.0f);
    w->k->combine(s->dv, s->ones, x->s, lanes, 1, s->doo, w->tokens, n, w->width);
    w->k->combine(s->dk, s->ones, s->dp, lanes, 1, s->qq, w->tokens, n, w->width);
    w->k->combine(s->dq, NULL, s->dp, 1, lanes, x->kk, n, w->tokens, w->width);
    for (int i = 0; i < n; i++) {
        float *to = gradient_row(b, x, first + i, h, 0, pad);
        if (to)
            add_row(to, s->dq + (size_t)i * (size_t)w->width, w->depth, w->p->scale);
    }
    for (int key = 0; key < w->tokens; key++)
        add_row(s->dbias + (size_t)key * stride + first, s->dp + (size_t)key * lanes, n, 1.0f);
}

static void backward_window(const Backward *b, Window *x, Scratch *s, int h, const float *lse, float *pad)
{
    const Plan *w = &b->plan;
    const size_t width = (size_t)w->width;
    find_rows(w, x, h);
    for (int i = 0; i < w->tokens; i++) {
        const size_t at = (size_t)x->token[i] * (size_t)w->p->C + (size_t)(h * w->depth);
        s->o[i] = x->token[i] < 0 ? NULL : b->out + at;
        s->dout[i] = x->token[i] < 0 ? NULL : b->dout + at;
    }
    for (int i = w->tokens; i < w->keys; i++)
        x->v[i] = NULL;
    w->k->copy_rows(x->kk, x->k, w->keys, w->depth, w->width, 1.0f);
    w->k->copy_rows(x->vv, x->v, w->keys, w->depth, w->width, 1.0f);
    memset(s->dk, 0, (size_t)w->keys * width * sizeof(float));
    memset(s->dv, 0, (size_t)w->keys * width * sizeof(float));
    for (int tile = 0; tile < w->tiles; tile++)
        backward_tile(b, x, s, h, tile, lse, pad);
    for (int i = 0; i < w->tokens; i++) {
        float *dk = gradient_row(b, x, i, h, 1, pad), *dv = gradient_row(b, x, i, h, 2, pad);
        if (dk) {
            add_row(dk, s->dk + (size_t)i * width, w->depth, 1.0f);
            add_row(dv, s->dv + (size_t)i * width, w->depth, 1.0f);
        }
    }
}

static void backward_task(void *arg, size_t task, void *scratch)
{
    const Backward *b = arg;
    const Plan *w = &b->plan;
    DfCarver carver = { scratch, 0 };
    Window x = carve_window(w, &carver);
    Scratch s = carve_backward(w, &carver);
    const int h = (int)(task % (size_t)w->p->heads), side = 2 * w->p->window - 1;
    const size_t chunk = task / (size_t)w->p->heads, per_sample = (size_t)w->rows * (size_t)w->columns;
    const size_t windows = (size_t)w->p->B * per_sample, stride = (size_t)(w->tiles * w->lanes);
    float *pad = b->pads + task * 3 * (size_t)w->depth, *table = b->tables + task * (size_t)(side * side);
    memset(pad, 0, 3 * (size_t)w->depth * sizeof *pad);
    memset(table, 0, (size_t)(side * side) * sizeof *table);
    memset(s.dbias, 0, (size_t)w->keys * stride * sizeof(float));
    for (int i = 0; i < w->keys; i++)
        s.ones[i] = 1.0f;
    for (size_t i = chunk * windows / BACKWARD_CHUNKS; i < (chunk + 1) * windows / BACKWARD_CHUNKS; i++) {
        const size_t at = i % per_sample;
        find_tokens(w, &x, (int)(i / per_sample), (int)(at / (size_t)w->columns), (int)(at % (size_t)w->columns));
        backward_window(b, &x, &s, h, b->lse + lse_at(w, i, h), pad);
    }
    for (int key = 0; key < w->tokens; key++)
        for (int query = 0; query < w->tokens; query++)
            table[table_row(w->p->window, query, key)] += s.dbias[(size_t)key * stride + (size_t)query];
}

static void add_parts(const Backward *b, float *dpad, float *dtable)
{
    const Plan *w = &b->plan;
    const size_t heads = (size_t)w->p->heads, depth = (size_t)w->depth, C = (size_t)w->p->C;
    const size_t entries = (size_t)(2 * w->p->window - 1) * (size_t)(2 * w->p->window - 1);
    for (size_t task = 0; task < BACKWARD_CHUNKS * heads; task++) {
        const size_t h = task % heads;
        for (size_t i = 0; dpad && i < 3 * depth; i++)
            dpad[i / depth * C + h * depth + i % depth] += b->pads[task * 3 * depth + i];
        for (size_t i = 0; dtable && i < entries; i++)
            dtable[i * heads + h] += b->tables[task * entries + i];
    }
}

static size_t parts_size(const Plan *w, size_t each)
{
    return (size_t)BACKWARD_CHUNKS * (size_t)w->p->heads * each;
}

size_t df_window_attention_backward_workspace(const DfWindowProblem *p)
{
    const Plan w = plan(p, NULL);
    const size_t side = (size_t)(2 * p->window - 1);
    return df_window_attention_workspace(p) + parts_size(&w, 3 * (size_t)w.depth + side * side);
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
    b.tables = b.pads + parts_size(&b.plan, 3 * (size_t)b.plan.depth);
    DfCarver carver = { NULL, 0 };
    carve_window(&b.plan, &carver);
    carve_backward(&b.plan, &carver);
    const int err = df_parallel(pool, (size_t)BACKWARD_CHUNKS * (size_t)p->heads, carver.used, backward_task, &b);
    if (!err)
        add_parts(&b, dpad, dtable);
    return err;
}
