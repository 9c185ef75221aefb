/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/tile_end_v8.h -- private to the tiles of products with vector instructions: their epilogue, tiles
 * narrower than a panel, and macros that write a function for each number of rows.
 */
#ifndef DF_KERNELS_GEMM_TILE_END_V8_H
#define DF_KERNELS_GEMM_TILE_END_V8_H

#include <stdalign.h>
#include <string.h>

#include "kernels/gemm/epilogue_v8.h"
#include "kernels/gemm/parts.h"

/* EACH_n(row) expands row(i) for i = 0..n-1. */
#define EACH_1(row) row(0)
#define EACH_2(row) EACH_1(row) row(1)
#define EACH_3(row) EACH_2(row) row(2)
#define EACH_4(row) EACH_3(row) row(3)
#define EACH_5(row) EACH_4(row) row(4)
#define EACH_6(row) EACH_5(row) row(5)
#define EACH_7(row) EACH_6(row) row(6)
#define EACH_8(row) EACH_7(row) row(7)
#define EACH_9(row) EACH_8(row) row(8)
#define EACH_10(row) EACH_9(row) row(9)
#define EACH_11(row) EACH_10(row) row(10)
#define EACH_12(row) EACH_11(row) row(11)

/* Expands tile(n) for each number of rows n. */
#define FROM_1_TO_6(tile) tile(1) tile(2) tile(3) tile(4) tile(5) tile(6)
#define FROM_1_TO_12(tile) FROM_1_TO_6(tile) tile(7) tile(8) tile(9) tile(10) tile(11) tile(12)

/* What a tile adds to its products: the values that its sums start from, those added at the end, and the epilogue. Each
 * may be NULL. */
typedef struct {
    const float *bias;
    const float *more;
    const DfEpilogue *end;
} TileEnds;

/* The first block of k starts from the bias and, if possible, the residual; later ones add what c holds. */
static inline TileEnds tile_ends(const float *c, bool first, bool last, const DfEpilogue *e)
{
    const bool is_sum = df_epilogue_is_sum(e);
    TileEnds t = { .more = c, .end = last && !is_sum ? e : NULL };
    if (first) {
        t.bias = e->bias;
        t.more = df_epilogue_begins_with_residual(e) ? e->residual : NULL;
    }
    return t;
}

/* The end of a function that has the sums of `rows` rows in registers: adds `more`, whose loads have had time to
 * complete, and stores to c, by way of the stack if there is an epilogue. */
#define FINISH_TILE(rows, columns, follow)                                   \
    if (more) {                                                              \
        EACH_##rows(ADD)                                                     \
    }                                                                        \
    alignas(64) float product[rows * columns];                               \
    float *const to = end ? product : c;                                     \
    const size_t ld = end ? columns : ldc;                                   \
    EACH_##rows(STORE)                                                       \
    if (end)                                                                 \
        follow(rows, product, c, ldc, end);

/* The switch is outside the loop, so that the computations of consecutive vectors can overlap. */
static inline void tile_act(DfAct act, float *y, size_t n)
{
#define ALL(f) for (size_t i = 0; i < n; i += 8) v8_store_aligned(y + i, f(v8_load_aligned(y + i)))
    switch (act) {
    case DF_ACT_RELU: ALL(v8_relu); break;
    case DF_ACT_GELU: ALL(v8_gelu_rational); break;
    case DF_ACT_GELU_TANH: ALL(v8_tanh_form_of_gelu); break;
    case DF_ACT_SIGMOID: ALL(v8_sigmoid); break;
    case DF_ACT_TANH: ALL(v8_tanh); break;
    case DF_ACT_NONE: break;
    default: df_act_c(act, y, y, n); break;
    }
#undef ALL
}

/* act(y) * scale + residual of sums that were stored in memory: in registers, this code would displace the
 * accumulators. */
static inline void tile_end(size_t rows, size_t columns, float *y, float *c, size_t ldc, const DfEpilogue *e)
{
    tile_act(e->act, y, rows * columns);
    for (size_t i = 0; i < rows; i++, y += columns)
        for (size_t j = 0; j < columns; j += 8) {
            V8 x = v8_load_aligned(y + j);
            if (e->scale)
                x = v8_mul(x, v8_load(e->scale + j));
            if (e->residual && !e->inside)
                x = v8_add(x, v8_load(e->residual + i * ldc + j));
            v8_store(c + i * ldc + j, x);
        }
}

/* ---- tiles of one panel ------------------------------------------------------------------------------------------ */

enum { DF_V8_ROWS = 6 }; /* of tiles with 16 columns */

typedef void DfPanelTile(size_t k, const float *a, size_t lda, const float *b, float *c, size_t ldc,
                         const float *bias, const float *more, const DfEpilogue *end);

static inline void copy_columns(int m, int n, float *to, size_t ld_to, const float *from, size_t ld_from)
{
    for (int i = 0; i < m; i++)
        memcpy(to + (size_t)i * ld_to, from + (size_t)i * ld_from, (size_t)n * sizeof *to);
}

/* For fewer than 16 columns: everything that is indexed by column is copied to arrays of full width first. */
static inline void narrow_panel(DfPanelTile *tile, int m, int n, size_t k, const float *a, size_t lda, const float *b,
                                float *c, size_t ldc, bool first, bool last, const DfEpilogue *e)
{
    float y[DF_V8_ROWS * DF_PANEL] = { 0 };
    float residual[DF_V8_ROWS * DF_PANEL] = { 0 };
    float bias[DF_PANEL] = { 0 };
    float scale[DF_PANEL] = { 0 };
    DfEpilogue wide = *e;
    if (!first)
        copy_columns(m, n, y, DF_PANEL, c, ldc);
    if (e->bias)
        wide.bias = memcpy(bias, e->bias, (size_t)n * sizeof *bias);
    if (e->scale)
        wide.scale = memcpy(scale, e->scale, (size_t)n * sizeof *scale);
    if (e->residual) {
        copy_columns(m, n, residual, DF_PANEL, e->residual, ldc);
        wide.residual = residual;
    }
    const TileEnds ends = tile_ends(y, first, last, &wide);
    tile(k, a, lda, b, y, DF_PANEL, ends.bias, ends.more, ends.end);
    copy_columns(m, n, c, ldc, y, DF_PANEL);
}

/* One panel, of n <= 16 columns, by the tile for m rows. */
static inline void panel_tile(DfPanelTile *tile, int m, int n, size_t k, const float *a, size_t lda, const float *b,
                              float *c, size_t ldc, bool first, bool last, const DfEpilogue *e)
{
    if (n < DF_PANEL) {
        narrow_panel(tile, m, n, k, a, lda, b, c, ldc, first, last, e);
        return;
    }
    const TileEnds ends = tile_ends(c, first, last, e);
    tile(k, a, lda, b, c, ldc, ends.bias, ends.more, ends.end);
}

#endif
