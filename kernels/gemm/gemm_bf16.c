/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/gemm_bf16.c -- products of bfloat16 on one thread, and the C reference of their tile.
 *
 * The loops are those of packed.c. The rows of a are float32 and are rounded first: one block of k of all rows, once
 * for all panels. A block has twice as many numbers as a block of float32, so it takes as many bytes.
 */
#include "core/core.h"
#include "kernels/gemm/bf16.h"
#include "kernels/gemm/parts.h"
#include "kernels/ladder.h"

size_t df_bf16_row(size_t k)
{
    enum { PAD = 32 }; /* keeps rows off one cache set */
    return k + k % 2 + PAD;
}

/* The distance between the rounded rows of a block. */
static size_t rounded_row(size_t k)
{
    return df_bf16_row(df_smaller(k, DF_BF16_K_BLOCK));
}

size_t df_bf16_scratch(size_t m, size_t k)
{
    return m * rounded_row(k) * sizeof(DfBf16);
}

void df_bf16_round_rows(const DfBf16Kernels *k, DfBf16 *to, size_t ld, const float *a, size_t lda, size_t rows,
                        size_t n)
{
    for (size_t i = 0; i < rows; i++, to += ld) {
        k->round(to, a + i * lda, n);
        if (n % 2)
            to[n] = 0;
    }
}

/* A panel of b, or as many as a tile is wide; `next` are the panels to prefetch, or NULL. */
typedef struct {
    const DfBf16 *b, *next;
    size_t pairs, panel, n;
} Panel;

/* Prefetches the residual of the next tile. A map of tens of megabytes comes from memory, and a tile of few steps would
 * be finished before its own part of the residual has arrived. */
static void fetch_ahead(const DfBf16Product *p, const DfEpilogue *e, size_t rows, size_t n)
{
    enum { LINE = 16 }; /* floats */
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < n; j += LINE)
            df_prefetch(e->residual + p->ahead + i * p->ldy + j);
}

/* Multiplies all rows, divided evenly among tiles, by this panel. Every tile prefetches a piece of the next one. */
static void panel_rows(const DfBf16Kernels *k, const DfBf16Product *p, const DfBf16 *a, size_t lda, const Panel *b,
                       float *y, bool first, bool last, const DfEpilogue *e)
{
    enum { STEP = 2 * DF_PANEL };
    const size_t tiles = df_ceil_div(p->m, (size_t)k->tile_m);
    const size_t piece = df_ceil_div(b->pairs, tiles) * STEP;
    for (size_t t = 0; t < tiles; t++) {
        const size_t row = df_cut(p->m, tiles, t);
        const int rows = (int)(df_cut(p->m, tiles, t + 1) - row);
        const DfEpilogue moved = df_epilogue_at(e, row, p->ldy, 0);
        if (last && p->ahead && moved.residual)
            fetch_ahead(p, &moved, (size_t)rows, b->n);
        if (b->next && k->fetching_tile)
            k->fetching_tile(rows, (int)b->n, b->pairs, a + row * lda, lda, b->b, b->panel, y + row * p->ldy, p->ldy,
                             first, last, &moved, b->next + t * piece, df_ceil_div(STEP, tiles));
        else
            k->tile(rows, (int)b->n, b->pairs, a + row * lda, lda, b->b, b->panel, y + row * p->ldy, p->ldy, first,
                    last, &moved);
    }
}

/* The panels to prefetch during the product that ends before column j of a block: the next ones, else the first of the
 * next block. */
static const DfBf16 *panels_after(const DfBf16Product *p, size_t j, size_t k0, size_t k1)
{
    if (j < p->n1)
        return p->b.data + j / DF_PANEL * p->b.panel + k0 * DF_PANEL;
    if (k1 < p->b.k)
        return p->b.data + p->n0 / DF_PANEL * p->b.panel + k1 * DF_PANEL;
    return p->then;
}

/* Multiplies the numbers k0..k1-1 of all rows, which begin at a, by all panels. */
static void multiply_block(const DfBf16Kernels *k, const DfBf16Product *p, size_t k0, size_t k1, const DfBf16 *a,
                           size_t lda)
{
    const size_t width = (size_t)k->tile_n;
    for (size_t j = p->n0; j < p->n1; j += width) {
        const Panel b = { p->b.data + j / DF_PANEL * p->b.panel + k0 * DF_PANEL, panels_after(p, j + width, k0, k1),
                          df_ceil_div(k1 - k0, 2), p->b.panel, df_smaller(p->n1 - j, width) };
        const DfEpilogue moved = df_epilogue_at(p->e, 0, p->ldy, j);
        panel_rows(k, p, a, lda, &b, p->y + j, k0 == 0, k1 == p->b.k, &moved);
    }
}

void df_bf16_product(const DfBf16Kernels *k, const DfBf16Product *p, uint16_t *scratch)
{
    const size_t blocks = df_k_blocks(p->b.k, true);
    const size_t ld = rounded_row(p->b.k);
    for (size_t block = 0; block < blocks; block++) {
        const size_t k0 = df_k_cut(p->b.k, true, blocks, block);
        const size_t k1 = df_k_cut(p->b.k, true, blocks, block + 1);
        if (p->rounded) {
            multiply_block(k, p, k0, k1, p->rounded + k0, p->lda);
            continue;
        }
        if (p->gather)
            p->gather(p->from, k0, k1, scratch, ld);
        else
            df_bf16_round_rows(k, scratch, ld, p->a + k0, p->lda, p->m, k1 - k0);
        multiply_block(k, p, k0, k1, scratch, ld);
    }
}

/* The bytes of the rounded input, rounded up to keep the next array aligned. */
static size_t input_scratch(size_t m, size_t k)
{
    return df_ceil_div(df_bf16_scratch(m, k), 64) * 64;
}

size_t df_bf16_scratch_to(size_t m, size_t k, size_t n, DfMap y)
{
    return y.bf16 ? input_scratch(m, k) + m * n * sizeof(float) : df_bf16_scratch(m, k);
}

/* The columns are computed in float32, in scratch, and rounded. */
static void product_rounded(const DfBf16Kernels *k, const DfBf16Product *p, DfBf16 *y, uint16_t *scratch)
{
    const size_t n = p->n1 - p->n0;
    const DfEpilogue e = df_epilogue_at(p->e, 0, p->ldy, p->n0);
    float *const sums = (float *)(void *)((char *)scratch + input_scratch(p->m, p->b.k));
    DfBf16Product wide = *p;
    wide.b = df_bf16_panels_part(p->b, 0, p->b.k, p->n0, p->b.n - p->n0);
    wide.n0 = 0;
    wide.n1 = n;
    wide.y = sums;
    wide.ldy = n;
    wide.e = &e;
    df_bf16_product(k, &wide, scratch);
    for (size_t i = 0; i < p->m; i++)
        k->round(y + i * p->ldy + p->n0, sums + i * n, n);
}

void df_bf16_product_to(const DfBf16Kernels *k, const DfBf16Product *p, DfMap y, size_t at, uint16_t *scratch)
{
    DfBf16Product wide = *p;
    wide.y = (float *)y.data + at;
    if (y.bf16)
        product_rounded(k, p, (DfBf16 *)y.data + at, scratch);
    else
        df_bf16_product(k, &wide, scratch);
}

/* ---- the C reference --------------------------------------------------------------------------------------------- */

static void round_c(DfBf16 *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = df_bf16(x[i]);
}

/* acc += a b of one row, a pair at a time. A product of two bfloat16 is exact in float32. */
static void add_pairs(float acc[DF_PANEL], size_t pairs, const DfBf16 *a, const DfBf16 *b)
{
    for (size_t p = 0; p < pairs; p++, a += 2, b += 2 * DF_PANEL)
        for (size_t j = 0; j < DF_PANEL; j++) {
            acc[j] += df_from_bf16(a[1]) * df_from_bf16(b[2 * j + 1]);
            acc[j] += df_from_bf16(a[0]) * df_from_bf16(b[2 * j]);
        }
}

/* Adds what c holds or the residual to the sums at the end of a tile (tile_end_v8.h), and applies the epilogue. */
static void finish_row(float *acc, size_t n, float *y, size_t at, bool first, bool last, const DfEpilogue *e)
{
    const bool is_sum = df_epilogue_is_sum(e);
    const float *residual = df_epilogue_begins_with_residual(e) ? e->residual + at : NULL;
    const float *more = first ? residual : y;
    const DfEpilogue end = { .act = e->act, .scale = e->scale, .residual = e->inside ? NULL : e->residual };
    for (size_t j = 0; more && j < n; j++)
        acc[j] += more[j];
    if (last && !is_sum)
        df_epilogue_c(acc, n, &end, at, 0);
    memcpy(y, acc, n * sizeof *y);
}

/* The same tile as on faster rungs, with the roundings of AVX512-BF16. */
static void gemm_bf16_c_6x16(int m, int n, size_t pairs, const DfBf16 *a, size_t lda, const DfBf16 *b, size_t panel,
                             float *c, size_t ldc, bool first, bool last, const DfEpilogue *e)
{
    (void)panel;
    for (size_t i = 0; i < (size_t)m; i++) {
        float acc[DF_PANEL] = { 0 };
        if (first && e->bias)
            memcpy(acc, e->bias, (size_t)n * sizeof *acc);
        add_pairs(acc, pairs, a + i * lda, b);
        finish_row(acc, (size_t)n, c + i * ldc, i * ldc, first, last, e);
    }
}

void df_bf16_init_c(DfBf16Kernels *k)
{
    k->tile_m = 6;
    k->tile_n = DF_PANEL;
    k->round = round_c;
    k->widen = df_widen;
    k->max_of = df_bf16_max_of;
    k->tile = gemm_bf16_c_6x16;
}
