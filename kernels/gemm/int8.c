/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/int8.c -- products with weights in 8 bits: how one is divided into tasks, and a task into tiles. A task
 * quantises the rows of the input that it reads; where several tasks share rows, the whole input is quantised first.
 *
 * Sums stay in registers for all of k: a row of 8-bit numbers is short enough for the caches.
 */
#include "kernels/gemm/int8.h"

enum {
    TASK_ROWS = 96,      /* most rows of a task                                    */
    TASKS = 16,          /* below this many tasks, columns are divided, too, ...   */
    TASK_WORK = 1 << 20, /* ... unless tasks would have fewer multiply-adds than this */
    MLP_ROWS = 48,       /* rows of the hidden layer that exist at a time          */
    MLP_TASKS = 12
};

/* One or two panels of b; `next` are the panels to prefetch, or NULL. */
typedef struct {
    const int8_t *b, *next;
    size_t k, n;
    DfInt8Columns columns;
} Panel;

/* Computes tile t of `tiles`, and prefetches its share of the next panels. */
static void tile(const DfInt8Kernels *k, size_t m, const uint8_t *a, size_t lda, const Panel *p, float *y, size_t ldy,
                 const DfEpilogue *e, size_t t, size_t tiles)
{
    enum { STEP = DF_INT8_STEP * DF_PANEL };
    const size_t piece = df_ceil_div(p->k / DF_INT8_STEP, tiles) * STEP;
    const size_t panel = p->k * DF_PANEL;
    if (p->next && k->fetching_tile)
        k->fetching_tile((int)m, (int)p->n, p->k, a, lda, p->b, panel, y, ldy, &p->columns, e, p->next + t * piece,
                         df_ceil_div(STEP, tiles));
    else
        k->tile((int)m, (int)p->n, p->k, a, lda, p->b, panel, y, ldy, &p->columns, e);
}

/* Multiplies all rows by these panels. Rows are divided evenly among tiles, as in packed.c. */
static void panel_rows(const DfInt8Kernels *k, size_t m, const uint8_t *a, size_t lda, const Panel *p, float *y,
                       size_t ldy, const DfEpilogue *e)
{
    const size_t tiles = df_ceil_div(m, (size_t)k->tile_m);
    for (size_t t = 0; t < tiles; t++) {
        const size_t row = df_cut(m, tiles, t);
        const size_t rows = df_cut(m, tiles, t + 1) - row;
        const DfEpilogue moved = df_epilogue_at(e, row, ldy, 0);
        tile(k, rows, a + row * lda, lda, p, y + row * ldy, ldy, &moved, t, tiles);
    }
}

void df_int8_rows(const DfInt8Kernels *k, size_t m, const uint8_t *a, size_t lda, DfInt8Panels b, size_t n0, size_t n1,
                  float *y, size_t ldy, const DfEpilogue *e)
{
    const size_t width = (size_t)k->tile_n;
    for (size_t j = n0; j < n1; j += width) {
        const size_t after = j + width;
        const Panel p = { b.data + j * b.k, after < b.n ? b.data + after * b.k : NULL, b.k, df_smaller(n1 - j, width),
                          { b.columns.scale + j, b.columns.start + j } };
        const DfEpilogue moved = df_epilogue_at(e, 0, ldy, j);
        panel_rows(k, m, a, lda, &p, y + j, ldy, &moved);
    }
}

void df_int8_float_rows(const DfInt8Kernels *k, size_t m, const float *a, size_t lda, const DfPacked *w, size_t matrix,
                        size_t n0, size_t n1, float *y, size_t ldy, const DfEpilogue *e, uint8_t *scratch)
{
    df_int8_quantise(k, w->int8, a, lda, m, w->k, scratch);
    df_int8_rows(k, m, scratch, df_int8_row(w->k), df_int8_panels(w->int8, matrix), n0, n1, y, ldy, e);
}

/* ---- one product ------------------------------------------------------------------------------------------------- */

typedef struct {
    const DfInt8Kernels *k;
    const struct DfInt8 *w;
    DfInt8Panels b;
    size_t M, K, row_tasks;
    size_t tiles, column_tasks; /* tiles of tile_n columns, some of them a task's */
    const float *a;             /* M K, rows lda apart                            */
    size_t lda;
    uint8_t *u;                 /* M K in 8 bits; NULL: each task makes its own   */
    float *y;                   /* M N, rows ldy apart                            */
    size_t ldy;
    DfEpilogue e;
} Product;

static void input_task(void *arg, size_t task, void *scratch)
{
    const Product *p = arg;
    const size_t row = df_cut(p->M, p->row_tasks, task);
    const size_t rows = df_cut(p->M, p->row_tasks, task + 1) - row;
    (void)scratch;
    df_int8_quantise(p->k, p->w, p->a + row * p->lda, p->lda, rows, p->K, p->u + row * df_int8_row(p->K));
}

static void product_task(void *arg, size_t task, void *scratch)
{
    const Product *p = arg;
    const size_t i = task / p->column_tasks; /* neighbours share rows */
    const size_t j = task % p->column_tasks;
    const size_t width = (size_t)p->k->tile_n;
    const size_t row = df_cut(p->M, p->row_tasks, i);
    const size_t rows = df_cut(p->M, p->row_tasks, i + 1) - row;
    const size_t n0 = df_cut(p->tiles, p->column_tasks, j) * width;
    const size_t n1 = df_smaller(df_cut(p->tiles, p->column_tasks, j + 1) * width, p->b.n);
    const size_t ld = df_int8_row(p->K);
    const DfEpilogue e = df_epilogue_at(&p->e, row, p->ldy, 0);
    uint8_t *u = p->u ? p->u + row * ld : scratch;
    if (!p->u)
        df_int8_quantise(p->k, p->w, p->a + row * p->lda, p->lda, rows, p->K, u);
    df_int8_rows(p->k, rows, u, ld, p->b, n0, n1, p->y + row * p->ldy, p->ldy, &e);
}

static size_t column_tasks(size_t row_tasks, size_t tiles, double work)
{
    const size_t wanted = df_ceil_div(TASKS, row_tasks);
    const size_t sensible = (size_t)(work / TASK_WORK) / row_tasks;
    return df_smaller(df_smaller(wanted, sensible ? sensible : 1), tiles);
}

/* For tasks that share their rows: quantises the whole input first, then multiplies. */
static int in_two_passes(DfPool *pool, Product *p)
{
    p->u = df_malloc(p->M * df_int8_row(p->K));
    if (!p->u)
        return df_fail_memory("the input of a product in 8 bits");
    int error = df_parallel(pool, p->row_tasks, 0, input_task, p);
    if (!error)
        error = df_parallel(pool, p->row_tasks * p->column_tasks, 0, product_task, p);
    df_free(p->u);
    return error;
}

int df_int8_gemm(DfPool *pool, const DfKernels *k, size_t M, const float *a, size_t lda, const DfPacked *w, float *y,
                 size_t ldy, DfEpilogue e)
{
    Product p = { .k = &k->int8, .w = w->int8, .b = df_int8_panels(w->int8, 0), .M = M, .K = w->k, .a = a, .lda = lda,
                  .y = y, .ldy = ldy, .e = e };
    if (!M || !p.b.n)
        return DF_OK;
    p.tiles = df_ceil_div(p.b.n, (size_t)k->int8.tile_n);
    p.row_tasks = df_even_parts(df_ceil_div(M, TASK_ROWS));
    p.column_tasks = column_tasks(p.row_tasks, p.tiles, (double)M * (double)p.b.n * (double)p.b.k);
    if (p.column_tasks > 1)
        return in_two_passes(pool, &p);
    return df_parallel(pool, p.row_tasks, df_ceil_div(M, p.row_tasks) * df_int8_row(p.K), product_task, &p);
}

/* ---- two products with an activation between them ---------------------------------------------------------------- */

typedef struct {
    const DfInt8Kernels *k;
    const struct DfInt8 *w1, *w2;
    size_t M, tasks, in, hidden, out;
    const float *x;       /* M in          */
    float *y;             /* M out         */
    DfEpilogue middle, e; /* of each layer */
} Mlp;

/* Scratch holds the hidden layer in float32 and, after it, a buffer of 8-bit numbers: first the input, then the hidden
 * layer. */
static void mlp_task(void *arg, size_t task, void *scratch)
{
    const Mlp *p = arg;
    const size_t row = df_cut(p->M, p->tasks, task);
    const size_t rows = df_cut(p->M, p->tasks, task + 1) - row;
    const size_t ld = p->hidden + DF_ROW_PAD;
    const DfEpilogue e = df_epilogue_at(&p->e, row, p->out, 0);
    float *h = scratch;
    uint8_t *u = (uint8_t *)(h + rows * ld);
    df_int8_quantise(p->k, p->w1, p->x + row * p->in, p->in, rows, p->in, u);
    df_int8_rows(p->k, rows, u, df_int8_row(p->in), df_int8_panels(p->w1, 0), 0, p->hidden, h, ld, &p->middle);
    df_int8_quantise(p->k, p->w2, h, ld, rows, p->hidden, u);
    df_int8_rows(p->k, rows, u, df_int8_row(p->hidden), df_int8_panels(p->w2, 0), 0, p->out, p->y + row * p->out,
                 p->out, &e);
}

/* For few rows: two products one after the other, with the whole hidden layer in memory. */
static int mlp_in_two(DfPool *pool, const DfKernels *k, const Mlp *p, const DfPacked *w1, const DfPacked *w2)
{
    float *h = df_malloc(p->M * p->hidden * sizeof *h);
    if (!h)
        return df_fail_memory("a hidden layer");
    int error = df_int8_gemm(pool, k, p->M, p->x, p->in, w1, h, p->hidden, p->middle);
    if (!error)
        error = df_int8_gemm(pool, k, p->M, h, p->hidden, w2, p->y, p->out, p->e);
    df_free(h);
    return error;
}

int df_int8_mlp(DfPool *pool, const DfKernels *k, size_t M, const float *x, const DfPacked *w1, const float *b1,
                DfAct act, const DfPacked *w2, float *y, DfEpilogue e)
{
    Mlp p = { .k = &k->int8, .w1 = w1->int8, .w2 = w2->int8, .M = M, .in = w1->k, .hidden = w1->n, .out = w2->n, .x = x,
              .y = y, .middle = { .bias = b1, .act = act }, .e = e };
    p.tasks = df_even_parts(df_ceil_div(M, MLP_ROWS));
    if (p.tasks < MLP_TASKS)
        return mlp_in_two(pool, k, &p, w1, w2);
    const size_t rows = df_ceil_div(M, p.tasks);
    const size_t longest = p.in > p.hidden ? p.in : p.hidden;
    return df_parallel(pool, p.tasks, rows * ((p.hidden + DF_ROW_PAD) * sizeof(float) + df_int8_row(longest)), mlp_task,
                       &p);
}
