/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm_leaves.h -- private: the leaves of DfGemmKernels that live in files of their own, and what their drivers share.
 */
#ifndef DF_KERNELS_GEMM_LEAVES_H
#define DF_KERNELS_GEMM_LEAVES_H

#include "kernels/kernels.h"

void df_winograd_input_c(float *v, size_t stride, const float *const d[36], size_t n);
void df_winograd_output_c(float *y, size_t ld_row, size_t ld_pixel, int h, int w, const float *m, size_t stride, size_t n, const DfEpilogue *);
void df_winograd_input_avx2(float *v, size_t stride, const float *const d[36], size_t n);
void df_winograd_output_avx2(float *y, size_t ld_row, size_t ld_pixel, int h, int w, const float *m, size_t stride, size_t n, const DfEpilogue *);
void df_depthwise_c(float *y, size_t pixels, size_t n, const float *const *x, size_t step, const float *const *w, size_t taps, const DfEpilogue *);
void df_depthwise_avx2(float *y, size_t pixels, size_t n, const float *const *x, size_t step, const float *const *w, size_t taps, const DfEpilogue *);

/* Nothing follows the sum but the residual: then it may as well come first, and the result itself may be the residual. */
static inline bool df_epilogue_is_sum(const DfEpilogue *e)
{
    return e->act == DF_ACT_NONE && !e->scale;
}

/* The C reference of the epilogue, on n results side by side at offset `at` of the result, from column `column` on. */
void df_epilogue_c(float *y, size_t n, const DfEpilogue *, size_t at, size_t column);

/* Panels of a packed weight: one matrix per group, or 36 for Winograd. */
DfPanels df_packed_panels(const DfPacked *, size_t matrix);
size_t df_packed_matrices(const DfPacked *);

/* An empty packed weight of `matrices` matrices of k x n, and a way to fill it: rows k0..k0+rows-1 of a matrix from
 * w[row * row_step + column * column_step]. */
DfPacked *df_packed_new(DfPackKind, size_t matrices, size_t k, size_t n);
void df_packed_fill(DfPacked *, size_t matrix, size_t k0, size_t rows, const float *w, size_t row_step, size_t column_step);

/* The points of F(4x4, 3x3): 0, +-A, +-B and infinity (kernels/winograd.c says why these). */
#define DF_WINOGRAD_A 0.625f
#define DF_WINOGRAD_B 1.5f

/* Rows so long are copied block by block, because their columns share cache sets; the copies have a pad between them. */
enum { DF_FAR_APART = 1024, DF_ROW_PAD = 16 };

/* The arguments of df_gemm. */
typedef struct {
    bool transpose_a, transpose_b;
    size_t M, N, K;
    float alpha, beta;
    const float *a;
    size_t lda;
    const float *b;
    size_t ldb;
    float *c;
    size_t ldc;
} DfProduct;

/* df_gemm on the calling thread alone, with `scratch` of df_product_scratch() bytes (more do for larger ones), aligned to 64. */
void df_product_alone(const DfKernels *, const DfProduct *, float *scratch);
size_t df_product_scratch(const DfProduct *);

int df_conv_winograd(DfPool *, const DfKernels *, const DfConvShape *, const float *x, const DfPacked *w, float *y, DfEpilogue);

/* The epilogue seen from row `row`, column `column` of a result with rows of `ld`. */
static inline DfEpilogue df_epilogue_at(const DfEpilogue *e, size_t row, size_t ld, size_t column)
{
    DfEpilogue moved = *e;
    if (e->bias)
        moved.bias += column;
    if (e->scale)
        moved.scale += column;
    if (e->residual)
        moved.residual += row * ld + column;
    return moved;
}

/* Part i of n cut into `parts` even pieces starts here. */
static inline size_t df_cut(size_t n, size_t parts, size_t i)
{
    return n / parts * i + (n % parts * i) / parts;
}

static inline size_t df_ceil_div(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

#endif
