/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/product.c -- products with packed weights on a rung that computes whole products
 * (DfGemmKernels.product, which is OpenBLAS): first the product, then its epilogue, while the rows are in the cache.
 */
#include "kernels/gemm/parts.h"

/* GELU as faster rungs compute it after products (v_gelu_rational() in act_wide.h states its error), in a form that the
 * compiler vectorises: erf() of the C library takes as long as 200 multiply-adds. */
static float gelu(float x)
{
    static const float p[] = { 2.338688711e-08f, 6.360018259e-06f, 1.643204154e-04f, 4.650843713e-03f,
                               3.337209376e-02f, 3.989422454e-01f };
    static const float q[] = { 1.216595330e-06f, 7.239980948e-05f, 1.858974340e-03f, 2.837861217e-02f,
                               2.503175229e-01f, 1.0f };
    const float above = x > -5.4f ? x : -5.4f;
    const float t = above < 5.4f ? above : 5.4f;
    const float s = t * t;
    const float upper = ((((p[0] * s + p[1]) * s + p[2]) * s + p[3]) * s + p[4]) * s + p[5];
    const float lower = ((((q[0] * s + q[1]) * s + q[2]) * s + q[3]) * s + q[4]) * s + q[5];
    const float phi = 0.5f + t * (upper / lower);
    const float not_below = phi > 0 ? phi : 0;
    return x * (not_below < 1 ? not_below : 1);
}

/* Applies the epilogue to n results of a row, from column `column` on. */
static void follow(float *y, size_t n, const DfEpilogue *e, size_t at, size_t column)
{
    DfEpilogue rest = *e;
    if (e->act == DF_ACT_GELU) {
        for (size_t j = 0; e->bias && j < n; j++)
            y[j] += e->bias[column + j];
        for (size_t j = 0; e->residual && e->inside && j < n; j++)
            y[j] += e->residual[at + j];
        for (size_t j = 0; j < n; j++)
            y[j] = gelu(y[j]);
        rest = (DfEpilogue){ .scale = e->scale, .residual = e->inside ? NULL : e->residual };
    }
    df_epilogue_c(y, n, &rest, at, column);
}

/* An unpacked weight is multiplied in one product; of a packed weight each panel is one product, with a matrix of k
 * rows and DF_PANEL columns. */
void df_gemm_rows_whole(const DfGemmKernels *k, size_t m, const float *a, size_t lda, DfPanels b, size_t n0, size_t n1,
                        float *y, size_t ldy, const DfEpilogue *e)
{
    const bool adds = e->residual == y; /* then DfEpilogue allows it to be added first */
    const size_t width = b.turned ? n1 - n0 : DF_PANEL;
    DfEpilogue end = *e;
    if (adds)
        end.residual = NULL;
    for (size_t j = n0; j < n1; j += width) {
        const DfProduct p = {
            .transpose_b = b.turned, .M = m, .N = df_smaller(n1 - j, width), .K = b.k, .alpha = 1, .beta = adds,
            .a = a, .lda = lda, .b = b.data + j / DF_PANEL * b.panel, .ldb = b.turned ? b.k : DF_PANEL,
            .c = y + j, .ldc = ldy,
        };
        k->product(&p);
    }
    for (size_t i = 0; i < m; i++)
        follow(y + i * ldy + n0, n1 - n0, &end, i * ldy + n0, n0);
}
