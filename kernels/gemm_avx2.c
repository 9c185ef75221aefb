/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm_avx2.c -- gemm_f32_avx2_6x16: the inner product of everything, by AVX2 and FMA.
 */
#include <string.h>

#include "kernels/epilogue_avx2.h"
#include "kernels/gemm_leaves.h"
#include "kernels/ladder.h"

#define TILE_NAME_(rows) gemm_f32_avx2_##rows##x16
#define TILE_NAME(rows) TILE_NAME_(rows)

#define ROWS 1
#include "kernels/gemm_tile_avx2.h"
#undef ROWS
#define ROWS 2
#include "kernels/gemm_tile_avx2.h"
#undef ROWS
#define ROWS 3
#include "kernels/gemm_tile_avx2.h"
#undef ROWS
#define ROWS 4
#include "kernels/gemm_tile_avx2.h"
#undef ROWS
#define ROWS 5
#include "kernels/gemm_tile_avx2.h"
#undef ROWS
#define ROWS 6
#include "kernels/gemm_tile_avx2.h"
#undef ROWS

typedef void Tile(size_t k, const float *a, size_t lda, const float *b, float *c, size_t ldc, bool add, const DfEpilogue *last);
static Tile *const tiles[] = { gemm_f32_avx2_1x16, gemm_f32_avx2_2x16, gemm_f32_avx2_3x16,
                               gemm_f32_avx2_4x16, gemm_f32_avx2_5x16, gemm_f32_avx2_6x16 };

static void copy_rows(int m, int n, float *to, size_t ld_to, const float *from, size_t ld_from)
{
    for (int i = 0; i < m; i++)
        memcpy(to + (size_t)i * ld_to, from + (size_t)i * ld_from, (size_t)n * sizeof *to);
}

/* Fewer than 16 columns: everything that is read or written by column goes through copies of full width. */
static void narrow_tile(int m, int n, size_t k, const float *a, size_t lda, const float *b, float *c, size_t ldc, bool add,
                        const DfEpilogue *last)
{
    float y[6 * 16] = { 0 }, residual[6 * 16] = { 0 }, bias[16] = { 0 }, scale[16] = { 0 };
    DfEpilogue e = last ? *last : (DfEpilogue){ 0 };
    if (add)
        copy_rows(m, n, y, 16, c, ldc);
    if (e.bias)
        e.bias = memcpy(bias, e.bias, (size_t)n * sizeof *bias);
    if (e.scale)
        e.scale = memcpy(scale, e.scale, (size_t)n * sizeof *scale);
    if (e.residual) {
        copy_rows(m, n, residual, 16, e.residual, ldc);
        e.residual = residual;
    }
    tiles[m - 1](k, a, lda, b, y, 16, add, last ? &e : NULL);
    copy_rows(m, n, c, ldc, y, 16);
}

static void gemm_f32_avx2_6x16_tile(int m, int n, size_t k, const float *a, size_t lda, const float *b, size_t panel, float *c, size_t ldc,
                                    bool add, const DfEpilogue *last)
{
    (void)panel;
    if (n < DF_PANEL)
        narrow_tile(m, n, k, a, lda, b, c, ldc, add, last);
    else
        tiles[m - 1](k, a, lda, b, c, ldc, add, last);
}

void df_gemm_init_avx2(DfGemmKernels *k)
{
    k->tile_m = 6;
    k->tile_n = 16;
    k->tile = gemm_f32_avx2_6x16_tile;
    k->winograd_input = df_winograd_input_avx2;
    k->winograd_output = df_winograd_output_avx2;
    k->depthwise = df_depthwise_avx2;
}
