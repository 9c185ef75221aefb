/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/gemm_c.c -- the innermost tile of float32 products and its epilogue, in C: the reference.
 */
#include <string.h>

#include "kernels/act_c.h"
#include "kernels/gemm/parts.h"
#include "kernels/ladder.h"

void df_epilogue_c(float *y, size_t n, const DfEpilogue *e, size_t at, size_t column)
{
    for (size_t j = 0; e->bias && j < n; j++)
        y[j] += e->bias[column + j];
    for (size_t j = 0; e->residual && e->inside && j < n; j++)
        y[j] += e->residual[at + j];
    if (e->act != DF_ACT_NONE)
        df_act_c(e->act, y, y, n);
    for (size_t j = 0; e->scale && j < n; j++)
        y[j] *= e->scale[column + j];
    for (size_t j = 0; e->residual && !e->inside && j < n; j++)
        y[j] += e->residual[at + j];
}

/* The tile, row by row: first the sum over k, then the epilogue. The inner loop runs over the columns, which are
 * contiguous in a panel, so that the compiler vectorises it. */
static void gemm_f32_c_6x16(int m, int n, size_t k, const float *a, size_t lda, const float *b, size_t panel,
                            float *c, size_t ldc, bool first, bool last, const DfEpilogue *e)
{
    const bool starts_with_residual = df_epilogue_begins_with_residual(e);
    const DfEpilogue end = { .act = e->act, .scale = e->scale, .residual = starts_with_residual ? NULL : e->residual };
    (void)panel;
    for (size_t i = 0; i < (size_t)m; i++) {
        float acc[DF_PANEL] = { 0 }; /* for the whole panel, whose last columns may be padding */
        float *y = c + i * ldc;
        for (size_t p = 0; p < k; p++)
            for (size_t j = 0; j < DF_PANEL; j++)
                acc[j] += a[i * lda + p] * b[p * DF_PANEL + j];
        for (size_t j = 0; j < (size_t)n; j++) {
            if (!first)
                acc[j] += y[j];
            if (first && e->bias)
                acc[j] += e->bias[j];
            if (first && starts_with_residual)
                acc[j] += e->residual[i * ldc + j];
        }
        if (last)
            df_epilogue_c(acc, (size_t)n, &end, i * ldc, 0);
        memcpy(y, acc, (size_t)n * sizeof *y);
    }
}

static void no_fetch(const float *from, size_t floats)
{
    (void)from;
    (void)floats;
}

void df_gemm_init_c(DfGemmKernels *k)
{
    k->tile_m = 6;
    k->tile_n = DF_PANEL;
    k->tile = gemm_f32_c_6x16;
    k->fetch = no_fetch;
}
