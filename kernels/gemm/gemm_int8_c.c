/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/gemm_int8_c.c -- products in 8-bit integers in C, the reference. The sums are exact, so every rung
 * computes the same ones. The epilogue is float32, one rounding after the other; all rungs have the same bits there,
 * too, if the activation is none or a ReLU.
 */
#include <math.h>

#include "kernels/gemm/int8.h"
#include "kernels/ladder.h"

/* u = round(x factor) + zero, clamped to 0..255. It is clamped before rounding: large values would overflow an
 * integer. */
static void quantise_c(uint8_t *u, const float *x, size_t n, float factor, int zero)
{
    const float least = (float)-zero;
    const float most = (float)(255 - zero);
    for (size_t i = 0; i < n; i++) {
        const float t = x[i] * factor;
        const float above = t > least ? t : least; /* also where t is NaN */
        const float inside = above < most ? above : most;
        u[i] = (uint8_t)((int)rintf(inside) + zero);
    }
}

/* One row and one panel: the sums over k. */
static void sums_of(int32_t sum[DF_PANEL], size_t k, const uint8_t *a, const int8_t *b)
{
    for (size_t p = 0; p < k; p += DF_INT8_STEP, a += DF_INT8_STEP, b += DF_INT8_STEP * DF_PANEL)
        for (size_t j = 0; j < DF_PANEL; j++)
            for (size_t i = 0; i < DF_INT8_STEP; i++)
                sum[j] += a[i] * b[j * DF_INT8_STEP + i];
}

static void gemm_int8_c_4x16(int m, int n, size_t k, const uint8_t *a, size_t lda, const int8_t *b, size_t panel,
                             float *c, size_t ldc, const DfInt8Columns *columns, const DfEpilogue *e)
{
    (void)panel;
    for (size_t i = 0; i < (size_t)m; i++) {
        int32_t sum[DF_PANEL];
        for (size_t j = 0; j < DF_PANEL; j++)
            sum[j] = columns->start[j];
        sums_of(sum, k, a + i * lda, b);
        float y[DF_PANEL];
        for (size_t j = 0; j < DF_PANEL; j++)
            y[j] = (float)sum[j] * columns->scale[j];
        df_epilogue_c(y, (size_t)n, e, i * ldc, 0);
        for (size_t j = 0; j < (size_t)n; j++)
            c[i * ldc + j] = y[j];
    }
}

void df_gemm_int8_init_c(DfInt8Kernels *k)
{
    k->tile_m = 4;
    k->tile_n = DF_PANEL;
    k->tile = gemm_int8_c_4x16;
    k->quantise = quantise_c;
}
