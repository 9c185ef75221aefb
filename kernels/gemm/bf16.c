/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/bf16.c -- matrix products with weights in bfloat16: how one is divided into tasks. The other factor may
 * be bfloat16 already; rows of float32 are rounded by the task that reads them, or before all tasks where several
 * tasks share rows.
 */
#include "kernels/gemm/bf16.h"

#include "kernels/gemm/parts.h"

enum {
    TASK_ROWS = 96,     /* most rows of a task                                             */
    TASKS = 24,         /* below this many tasks, columns are divided, too, ...            */
    TASK_WORK = 1 << 18 /* ... unless tasks would have fewer multiply-adds than this       */
};

typedef struct {
    const DfBf16Kernels *k;
    DfBf16Panels b;
    size_t M, row_tasks;
    size_t tiles, column_tasks; /* tiles of tile_n columns, some of them a task's */
    DfMap a;                    /* M K, rows lda apart                            */
    size_t lda;
    DfBf16 *shared;             /* `a` rounded before all tasks; or NULL          */
    DfMap y;                    /* M N, rows ldy apart                            */
    size_t ldy;
    DfEpilogue e;
} Product;

static void round_task(void *arg, size_t task, void *scratch)
{
    const Product *p = arg;
    const size_t row = df_cut(p->M, p->row_tasks, task);
    const size_t rows = df_cut(p->M, p->row_tasks, task + 1) - row;
    const size_t ld = df_bf16_row(p->b.k);
    (void)scratch;
    df_bf16_round_rows(p->k, p->shared + row * ld, ld, (const float *)p->a.data + row * p->lda, p->lda, rows, p->b.k);
}

static void product_task(void *arg, size_t task, void *scratch)
{
    const Product *p = arg;
    const size_t i = task / p->column_tasks; /* neighbours share rows: a thread mostly has rows of its own */
    const size_t j = task % p->column_tasks;
    const size_t width = (size_t)p->k->tile_n;
    const size_t row = df_cut(p->M, p->row_tasks, i);
    const DfEpilogue e = df_epilogue_at(&p->e, row, p->ldy, 0);
    DfBf16Product t = { .m = df_cut(p->M, p->row_tasks, i + 1) - row, .lda = p->lda, .b = p->b, .ldy = p->ldy, .e = &e,
                        .n0 = df_cut(p->tiles, p->column_tasks, j) * width,
                        .n1 = df_smaller(df_cut(p->tiles, p->column_tasks, j + 1) * width, p->b.n) };
    if (p->shared) {
        t.lda = df_bf16_row(p->b.k);
        t.rounded = p->shared + row * t.lda;
    } else if (p->a.bf16) {
        t.rounded = (const DfBf16 *)p->a.data + row * p->lda;
    } else {
        t.a = (const float *)p->a.data + row * p->lda;
    }
    df_bf16_product_to(p->k, &t, p->y, row * p->ldy, scratch);
}

static size_t column_tasks(size_t row_tasks, size_t tiles, double work)
{
    const size_t wanted = df_ceil_div(TASKS, row_tasks);
    const size_t sensible = (size_t)(work / TASK_WORK) / row_tasks;
    return df_smaller(df_smaller(wanted, sensible ? sensible : 1), tiles);
}

static int run(DfPool *pool, Product *p)
{
    const bool rounds_first = !p->a.bf16 && p->column_tasks > 1;
    const size_t most = df_ceil_div(p->M, p->row_tasks);
    const size_t columns = df_ceil_div(p->tiles, p->column_tasks) * (size_t)p->k->tile_n;
    int error = DF_OK;
    if (rounds_first) {
        p->shared = df_malloc(p->M * df_bf16_row(p->b.k) * sizeof *p->shared);
        error = p->shared ? df_parallel(pool, p->row_tasks, 0, round_task, p)
                          : df_fail_memory("the input of a product in bfloat16");
    }
    if (!error)
        error = df_parallel(pool, p->row_tasks * p->column_tasks, df_bf16_scratch_to(most, p->b.k, columns, p->y),
                            product_task, p);
    df_free(p->shared);
    return error;
}

int df_bf16_gemm(DfPool *pool, const DfKernels *k, size_t M, DfMap a, size_t lda, const DfPacked *w, DfMap y,
                 size_t ldy, DfEpilogue e)
{
    Product p = { .k = &k->bf16, .b = df_packed_bf16_panels(w, 0), .M = M, .a = a, .lda = lda, .y = y, .ldy = ldy,
                  .e = e };
    p.tiles = df_ceil_div(w->n, (size_t)k->bf16.tile_n);
    p.row_tasks = df_even_parts(df_ceil_div(M, TASK_ROWS));
    p.column_tasks = column_tasks(p.row_tasks, p.tiles, (double)M * (double)w->n * (double)w->k);
    return run(pool, &p);
}
