/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/int8_end_v8.h -- private to the products in 8-bit integers with vector instructions: scales the sums of
 * a tile and applies the epilogue, eight numbers at a time.
 */
#ifndef DF_KERNELS_GEMM_INT8_END_V8_H
#define DF_KERNELS_GEMM_INT8_END_V8_H

#include <stdalign.h>
#include <string.h>

#include "kernels/gemm/int8.h"
#include "kernels/gemm/tile_end_v8.h"

/* Scales eight sums and applies the epilogue, whose residual is read at offset `at`. */
static inline V8 v8_int8_end(const int32_t *sum, const DfInt8Columns *columns, size_t j, const DfEpilogue *e, size_t at)
{
    const V8i start = v8i_load(columns->start + j);
    const V8i all = v8i_add(v8i_load(sum + j), start);
    return v8_epilogue(v8_mul(v8_from_int(all), v8_load(columns->scale + j)), e, at, j);
}

/* For fewer than 16 columns: everything that is indexed by column is copied to arrays of full width first. */
static inline void int8_end_narrow(size_t rows, size_t n, const int32_t *sum, const DfInt8Columns *columns, float *c,
                                   size_t ldc, const DfEpilogue *e)
{
    float bias[DF_PANEL] = { 0 };
    float scale[DF_PANEL] = { 0 };
    float residual[DF_PANEL] = { 0 };
    float row[DF_PANEL];
    DfEpilogue wide = *e;
    if (e->bias)
        wide.bias = memcpy(bias, e->bias, n * sizeof *bias);
    if (e->scale)
        wide.scale = memcpy(scale, e->scale, n * sizeof *scale);
    for (size_t i = 0; i < rows; i++) {
        if (e->residual)
            wide.residual = memcpy(residual, e->residual + i * ldc, n * sizeof *residual);
        for (size_t j = 0; j < DF_PANEL; j += 8)
            v8_store(row + j, v8_int8_end(sum + i * DF_PANEL, columns, j, &wide, j));
        memcpy(c + i * ldc, row, n * sizeof *row);
    }
}

/* Scales the sums of some rows and 16 columns, applies the epilogue and stores them. */
static inline void int8_end(size_t rows, size_t n, const int32_t *sum, const DfInt8Columns *columns, float *c,
                            size_t ldc, const DfEpilogue *e)
{
    if (n < DF_PANEL) {
        int8_end_narrow(rows, n, sum, columns, c, ldc, e);
        return;
    }
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < DF_PANEL; j += 8)
            v8_store(c + i * ldc + j, v8_int8_end(sum + i * DF_PANEL, columns, j, e, i * ldc + j));
}

/* The sums of some rows, at most DF_V8_ROWS, and one panel. */
typedef void DfInt8Sums(int32_t *sum, size_t k, const uint8_t *a, size_t lda, const int8_t *b);

/* A tile of one panel. */
static inline void int8_panel_tile(DfInt8Sums *sums_of, int m, int n, size_t k, const uint8_t *a, size_t lda,
                                   const int8_t *b, float *c, size_t ldc, const DfInt8Columns *columns,
                                   const DfEpilogue *e)
{
    alignas(32) int32_t sum[DF_V8_ROWS * DF_PANEL];
    sums_of(sum, k, a, lda, b);
    int8_end((size_t)m, (size_t)n, sum, columns, c, ldc, e);
}

#endif
