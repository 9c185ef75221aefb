/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/packed.c -- products with packed weights: how a product is divided into tasks, and a task into tiles.
 *
 * The loops from the outside in, and what each keeps in which cache (Goto and van de Geijn, ACM TOMS 2008):
 *     task    at most TASK_ROWS rows of the result, some of its panels    one thread
 *     block   DF_K_BLOCK of k: the task's rows of a, 96 KiB               second-level cache
 *     panel   16 columns of b, DF_K_BLOCK deep, 16 KiB                    first-level cache
 *     tile    6 x 16 of the result with AVX2, 12 x 32 with AVX-512        registers
 * So a task reads each panel from memory once. Tiles make a product fast: with AVX2 a step along k reads 6 numbers of
 * a and 16 of b for 96 multiply-adds.
 */
#include <string.h>

#include "kernels/gemm/int8.h"

enum {
    TASK_ROWS = 96,     /* a task's rows of one block of a: 96 KiB                */
    TASKS = 24,         /* below this many tasks, columns are divided, too, ...   */
    TASK_WORK = 1 << 18 /* ... unless tasks would have fewer multiply-adds than this */
};

/* Computes tile t of `tiles`, and prefetches its share of the next panels. */
static void fetching_tile(const DfGemmKernels *k, size_t m, size_t n, size_t depth, const float *a, size_t lda,
                          const float *b, size_t panel, float *y, size_t ldy, bool first, bool last,
                          const DfEpilogue *e, const float *next, size_t t, size_t tiles)
{
    const size_t piece = df_ceil_div(depth, tiles) * DF_PANEL;
    if (next && k->fetching_tile) {
        k->fetching_tile((int)m, (int)n, depth, a, lda, b, panel, y, ldy, first, last, e, next + t * piece,
                         df_ceil_div(DF_PANEL, tiles));
        return;
    }
    for (size_t i = 0; next && i < df_ceil_div(n, DF_PANEL); i++)
        k->fetch(next + i * panel + t * piece, piece);
    k->tile((int)m, (int)n, depth, a, lda, b, panel, y, ldy, first, last, e);
}

/* Multiplies all rows by one panel (or as many as a tile is wide). Rows are divided evenly: 49 rows make 4 tiles of 6
 * and 5 of 5, not 8 of 6 and one of 1, which would be slow. Weights may not be in the cache: every tile prefetches a
 * piece of the `next` panels. */
static void panel_rows(const DfGemmKernels *k, size_t m, size_t n, size_t depth, const float *a, size_t lda,
                       const float *b, size_t panel, const float *next, float *y, size_t ldy, bool first, bool last,
                       const DfEpilogue *e)
{
    const size_t tiles = df_ceil_div(m, (size_t)k->tile_m);
    const size_t fewest = m / tiles;
    const size_t longer = m % tiles; /* this many tiles have one more row */
    for (size_t t = 0, row = 0, rows; t < tiles; t++, row += rows) {
        rows = fewest + (t < longer);
        const DfEpilogue moved = df_epilogue_at(e, row, ldy, 0);
        fetching_tile(k, rows, n, depth, a + row * lda, lda, b, panel, y + row * ldy, ldy, first, last, &moved, next, t,
                      tiles);
    }
}

/* ---- a product of one thread ------------------------------------------------------------------------------------- */

/* The panels to prefetch during the product that ends before column j of block k0..k1-1: the next ones of this block,
 * else the first of the next block of k, else those that the caller names, else those that the next task reads. */
static const float *panels_after(const DfRowsProduct *p, size_t j, size_t k0, size_t k1)
{
    const DfPanels *b = &p->b;
    if (j < p->n1)
        return b->data + j / DF_PANEL * b->panel + k0 * DF_PANEL;
    if (k1 < b->k)
        return b->data + p->n0 / DF_PANEL * b->panel + k1 * DF_PANEL;
    if (p->then)
        return p->then;
    return p->n1 < b->n ? b->data + p->n1 / DF_PANEL * b->panel : NULL;
}

/* Multiplies one block of k: rows of a, `lda` apart, by all columns. */
static void multiply_block(const DfGemmKernels *k, const DfRowsProduct *p, size_t k0, size_t k1, const float *a,
                           size_t lda)
{
    const size_t width = (size_t)k->tile_n;
    for (size_t j = p->n0; j < p->n1; j += width) {
        const size_t n = df_smaller(p->n1 - j, width);
        const float *here = p->b.data + j / DF_PANEL * p->b.panel + k0 * DF_PANEL;
        const DfEpilogue moved = df_epilogue_at(p->e, 0, p->ldy, j);
        panel_rows(k, p->m, n, k1 - k0, a, lda, here, p->b.panel, panels_after(p, j + width, k0, k1), p->y + j,
                   p->ldy, k0 == 0, k1 == p->b.k, &moved);
    }
}

void df_rows_product(const DfGemmKernels *k, const DfRowsProduct *p, float *scratch)
{
    const size_t blocks = df_k_blocks(p->b.k, false);
    if (k->product) {
        df_gemm_rows_whole(k, p->m, p->a, p->lda, p->b, p->n0, p->n1, p->y, p->ldy, p->e);
        return;
    }
    for (size_t block = 0; block < blocks; block++) {
        const size_t k0 = df_k_cut(p->b.k, false, blocks, block);
        const size_t k1 = df_k_cut(p->b.k, false, blocks, block + 1);
        if (p->gather) {
            p->gather(p->from, k0, k1, scratch, DF_K_BLOCK + DF_ROW_PAD);
            multiply_block(k, p, k0, k1, scratch, DF_K_BLOCK + DF_ROW_PAD);
        } else {
            multiply_block(k, p, k0, k1, p->a + k0, p->lda);
        }
    }
}

size_t df_rows_product_scratch(size_t m)
{
    return m * (DF_K_BLOCK + DF_ROW_PAD) * sizeof(float);
}

static void copy_block(const void *from, size_t k0, size_t k1, float *to, size_t ld)
{
    const DfRowsProduct *p = from;
    for (size_t i = 0; i < p->m; i++)
        memcpy(to + i * ld, p->a + i * p->lda + k0, (k1 - k0) * sizeof *to);
}

size_t df_gemm_scratch(size_t rows, size_t lda)
{
    return lda < DF_FAR_APART ? 0 : df_rows_product_scratch(rows);
}

/* Rows that lie 4 KiB or more apart share a few cache sets and evict one another: they are copied to rows that do not.
 * A rung that prefetches is faster without the copy. */
void df_gemm_rows(const DfGemmKernels *k, size_t m, const float *a, size_t lda, DfPanels b, size_t n0, size_t n1,
                  float *y, size_t ldy, const DfEpilogue *e, float *scratch)
{
    DfRowsProduct p = { .m = m, .a = a, .lda = lda, .b = b, .n0 = n0, .n1 = n1, .y = y, .ldy = ldy, .e = e };
    const bool copied = scratch && lda >= DF_FAR_APART && !k->fetching_tile && !k->product;
    p.gather = copied ? copy_block : NULL;
    p.from = &p;
    df_rows_product(k, &p, scratch);
}

/* ---- in the precision of the weight ------------------------------------------------------------------------------ */

void df_packed_rows(const DfKernels *k, size_t m, const float *a, size_t lda, const DfPacked *w, size_t matrix,
                    size_t n0, size_t n1, float *y, size_t ldy, const DfEpilogue *e, void *scratch)
{
    if (w->precision == DF_PRECISION_BF16)
        df_bf16_product(&k->bf16, &(DfBf16Product){ .m = m, .a = a, .lda = lda, .b = df_packed_bf16_panels(w, matrix),
                                                    .n0 = n0, .n1 = n1, .y = y, .ldy = ldy, .e = e }, scratch);
    else if (w->int8)
        df_int8_float_rows(&k->int8, m, a, lda, w, matrix, n0, n1, y, ldy, e, scratch);
    else
        df_gemm_rows(&k->gemm, m, a, lda, df_packed_panels(w, matrix), n0, n1, y, ldy, e, scratch);
}

size_t df_packed_scratch(const DfPacked *w, size_t m, size_t lda)
{
    if (w->int8)
        return m * df_int8_row(w->k);
    return w->precision == DF_PRECISION_BF16 ? df_bf16_scratch(m, w->k) : df_gemm_scratch(m, lda);
}

void df_packed_map_rows(const DfKernels *k, size_t m, DfMap a, size_t lda, const DfPacked *w, DfMap y, size_t ldy,
                        const DfEpilogue *e, size_t ahead, void *scratch)
{
    if (!a.bf16 && !y.bf16) {
        df_packed_rows(k, m, a.data, lda, w, 0, 0, w->n, y.data, ldy, e, scratch);
        return;
    }
    const DfBf16Product p = { .m = m, .a = a.bf16 ? NULL : a.data, .rounded = a.bf16 ? a.data : NULL, .lda = lda,
                              .b = df_packed_bf16_panels(w, 0), .n1 = w->n, .ldy = ldy, .e = e, .ahead = ahead };
    df_bf16_product_to(&k->bf16, &p, y, 0, scratch);
}

size_t df_packed_map_scratch(const DfPacked *w, size_t m, size_t lda, DfMap y)
{
    return y.bf16 ? df_bf16_scratch_to(m, w->k, w->n, y) : df_packed_scratch(w, m, lda);
}

size_t df_packed_width(const DfKernels *k, const DfPacked *w)
{
    if (w->int8)
        return (size_t)k->int8.tile_n;
    return (size_t)(w->precision == DF_PRECISION_BF16 ? k->bf16.tile_n : k->gemm.tile_n);
}

/* ---- one product ------------------------------------------------------------------------------------------------ */

typedef struct {
    const DfKernels *k;
    size_t M, row_tasks;
    size_t tiles, column_tasks; /* tiles of some columns, some of them a task's */
    const float *a;             /* M K, rows lda apart                          */
    size_t lda;
    const DfPacked *w;          /* K N                                          */
    float *y;                   /* M N, rows ldy apart                            */
    size_t ldy;
    DfEpilogue e;
} Product;

static void product_task(void *arg, size_t task, void *scratch)
{
    const Product *p = arg;
    const size_t i = task / p->column_tasks; /* neighbours share rows: a thread mostly has rows of its own */
    const size_t j = task % p->column_tasks;
    const size_t width = df_packed_width(p->k, p->w);
    const size_t row = df_cut(p->M, p->row_tasks, i);
    const size_t rows = df_cut(p->M, p->row_tasks, i + 1) - row;
    const size_t n0 = df_cut(p->tiles, p->column_tasks, j) * width;
    const size_t n1 = df_smaller(df_cut(p->tiles, p->column_tasks, j + 1) * width, p->w->n);
    const DfEpilogue e = df_epilogue_at(&p->e, row, p->ldy, 0);
    df_packed_rows(p->k, rows, p->a + row * p->lda, p->lda, p->w, 0, n0, n1, p->y + row * p->ldy, p->ldy, &e, scratch);
}

static size_t column_tasks(size_t row_tasks, size_t tiles, double work)
{
    const size_t wanted = df_ceil_div(TASKS, row_tasks);
    const size_t sensible = (size_t)(work / TASK_WORK) / row_tasks;
    const size_t tasks = df_smaller(wanted, sensible ? sensible : 1);
    return df_smaller(row_tasks == 1 ? df_even_parts(tasks) : tasks, tiles);
}

int df_gemm_packed(DfPool *pool, const DfKernels *k, size_t M, const float *a, size_t lda, const DfPacked *w,
                   float *y, size_t ldy, DfEpilogue e)
{
    if (!M || !w->n)
        return DF_OK;
    if (w->int8)
        return df_int8_gemm(pool, k, M, a, lda, w, y, ldy, e);
    if (w->precision == DF_PRECISION_BF16)
        return df_bf16_gemm(pool, k, M, df_map_of(a), lda, w, (DfMap){ y, false }, ldy, e);
    Product p = { .k = k, .M = M, .a = a, .lda = lda, .w = w, .y = y, .ldy = ldy, .e = e };
    p.tiles = df_ceil_div(w->n, df_packed_width(k, w));
    p.row_tasks = df_even_parts(df_ceil_div(M, TASK_ROWS));
    p.column_tasks = column_tasks(p.row_tasks, p.tiles, (double)M * (double)w->n * (double)w->k);
    return df_parallel(pool, p.row_tasks * p.column_tasks, df_packed_scratch(w, df_ceil_div(M, p.row_tasks), lda),
                       product_task, &p);
}

int df_gemm_packed_maps(DfPool *pool, const DfKernels *k, size_t M, DfMap a, size_t lda, const DfPacked *w, DfMap y,
                        size_t ldy, DfEpilogue e)
{
    if (!a.bf16 && !y.bf16)
        return df_gemm_packed(pool, k, M, a.data, lda, w, y.data, ldy, e);
    return M && w->n ? df_bf16_gemm(pool, k, M, a, lda, w, y, ldy, e) : DF_OK;
}
