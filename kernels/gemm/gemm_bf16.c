/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/gemm_bf16.c -- products of bfloat16 on one thread, and the C reference of their tile.
 *
 * The loops are those of packed.c. What is new is that the rows of a, which are float32, are rounded first: a block of k
 * of all rows, once for all panels. A block has twice as many numbers as one of float32, which are as many bytes.
 */
#include "kernels/gemm/bf16.h"
#include "kernels/gemm/parts.h"
#include "kernels/ladder.h"

enum {
    K_BLOCK = 512, /* a panel's block: 16 KiB                              */
    PAD = 32       /* behind each rounded row: keeps rows off one cache set */
};

static size_t rounded_row(size_t k)
{
    return df_ceil_div(df_smaller(k, K_BLOCK), 2) * 2 + PAD;
}

size_t df_bf16_scratch(size_t m, size_t k)
{
    return m * rounded_row(k) * sizeof(DfBf16);
}

/* Row after row, each with an even number of numbers. */
static void round_block(const DfBf16Kernels *k, DfBf16 *to, size_t ld, const float *a, size_t lda, size_t rows, size_t n)
{
    for (size_t i = 0; i < rows; i++, to += ld) {
        k->round(to, a + i * lda, n);
        if (n % 2)
            to[n] = 0;
    }
}

/* A panel of b, or as many as a tile is wide. */
typedef struct {
    const DfBf16 *b;
    size_t pairs, panel, n;
} Panel;

/* All rows against it, dealt out evenly. While it is used, a piece of the `next` one is fetched before every tile. */
static void panel_rows(const DfBf16Kernels *k, size_t m, const DfBf16 *a, size_t lda, const Panel *p,
                       const DfBf16 *next, float *y, size_t ldy, bool first, bool last, const DfEpilogue *e)
{
    enum { LINE = 32 };
    const size_t tiles = df_ceil_div(m, (size_t)k->tile_m);
    const size_t piece = df_ceil_div(p->pairs, tiles) * 2 * DF_PANEL;
    for (size_t t = 0; t < tiles; t++) {
        const size_t row = df_cut(m, tiles, t);
        const size_t rows = df_cut(m, tiles, t + 1) - row;
        const DfEpilogue moved = df_epilogue_at(e, row, ldy, 0);
        for (size_t i = 0; next && i < piece; i += LINE)
            df_prefetch(next + t * piece + i);
        k->tile((int)rows, (int)p->n, p->pairs, a + row * lda, lda, p->b, p->panel, y + row * ldy, ldy, first, last,
                &moved);
    }
}

/* One of `blocks` blocks of k: the numbers k0 .. k1 - 1. */
typedef struct {
    size_t k0, k1;
    bool first, last;
} Block;

static size_t blocks_of(size_t k)
{
    return k ? df_ceil_div(k, K_BLOCK) : 1;
}

static Block block_of(size_t k, size_t blocks, size_t i)
{
    const size_t pairs = df_ceil_div(k, 2);
    const size_t end = 2 * df_cut(pairs, blocks, i + 1);
    return (Block){ 2 * df_cut(pairs, blocks, i), df_smaller(end, k), i == 0, i + 1 == blocks };
}

/* All panels against a block, whose rows begin at a. */
static void block_rows(const DfBf16Kernels *k, size_t m, const DfBf16 *a, size_t lda, DfBf16Panels b, Block block,
                       size_t n0, size_t n1, float *y, size_t ldy, const DfEpilogue *e)
{
    const size_t width = (size_t)k->tile_n;
    const size_t even = b.k + b.k % 2;
    for (size_t j = n0; j < n1; j += width) {
        const DfBf16 *here = b.data + j * even + block.k0 * DF_PANEL;
        const DfBf16 *next = j + width < n1 ? here + width * even : NULL;
        const Panel p = { here, df_ceil_div(block.k1 - block.k0, 2), even * DF_PANEL, df_smaller(n1 - j, width) };
        const DfEpilogue moved = df_epilogue_at(e, 0, ldy, j);
        panel_rows(k, m, a, lda, &p, next, y + j, ldy, block.first, block.last, &moved);
    }
}

void df_bf16_rounded_rows(const DfBf16Kernels *k, size_t m, const uint16_t *a, size_t lda, DfBf16Panels b, size_t n0,
                          size_t n1, float *y, size_t ldy, const DfEpilogue *e)
{
    const size_t blocks = blocks_of(b.k);
    for (size_t i = 0; i < blocks; i++) {
        const Block block = block_of(b.k, blocks, i);
        block_rows(k, m, a + block.k0, lda, b, block, n0, n1, y, ldy, e);
    }
}

void df_bf16_rows(const DfBf16Kernels *k, size_t m, const float *a, size_t lda, DfBf16Panels b, size_t n0, size_t n1,
                  float *y, size_t ldy, const DfEpilogue *e, uint16_t *scratch)
{
    const size_t ld = rounded_row(b.k);
    const size_t blocks = blocks_of(b.k);
    for (size_t i = 0; i < blocks; i++) {
        const Block block = block_of(b.k, blocks, i);
        round_block(k, scratch, ld, a + block.k0, lda, m, block.k1 - block.k0);
        block_rows(k, m, scratch, ld, b, block, n0, n1, y, ldy, e);
    }
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

/* What is added to the sums at the end of a tile (tile_end_v8.h), and what follows. */
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

/* The same tile as the faster rung has, with the same roundings. */
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
    k->tile = gemm_bf16_c_6x16;
}
