/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/int8.h -- private: matrix products in 8-bit integers.
 *
 * A weight is w = scale q with q in -127..127 and one scale for each of its rows; its input is x = step (u - zero)
 * with u in 0..255. So x w' = step scale (sum over k of u q - zero (sum of q)). The sum is exact in 32 bits, and the
 * term that is subtracted is computed when the weight is packed (Jacob et al., CVPR 2018, section 2.3).
 */
#ifndef DF_KERNELS_GEMM_INT8_H
#define DF_KERNELS_GEMM_INT8_H

#include "kernels/gemm/parts.h"

/* A packed weight: panels of DF_PANEL columns as in DfPanels, but DF_INT8_STEP numbers of a column lie side by side,
 * and k is filled up with zeros to a multiple of it. */
typedef struct {
    const int8_t *data;
    size_t k, n;           /* k: a multiple of DF_INT8_STEP          */
    DfInt8Columns columns; /* of whole panels: the padding is readable */
} DfInt8Panels;

struct DfInt8 {
    float factor;          /* of the input: 1 / step                  */
    int zero;
    size_t k, n, matrices; /* k as in DfInt8Panels; of each matrix     */
    size_t columns;        /* n filled up to whole panels             */
    int8_t *data;
    float *scale;          /* matrices columns: step scale            */
    int32_t *start;        /* matrices columns: - zero (sum of q)     */
};

DfInt8Panels df_int8_panels(const struct DfInt8 *, size_t matrix);
void df_int8_free(struct DfInt8 *); /* NULL is fine */
size_t df_int8_bytes(const struct DfInt8 *);

/* The distance between rows of 8-bit numbers, in bytes: whole steps, and not a multiple of 4 KiB, since such rows share
 * few cache sets. */
static inline size_t df_int8_row(size_t k)
{
    return df_ceil_div(k, 64) * 64 + 64;
}

/* Quantises `rows` rows of n floats, lda apart, to rows of df_int8_row(n) bytes, and pads the last step with 0. */
void df_int8_quantise(const DfInt8Kernels *, const struct DfInt8 *, const float *x, size_t lda, size_t rows, size_t n,
                      uint8_t *u);
/* A product on the calling thread, like df_gemm_rows(): columns n0..n1-1 (n0 a multiple of tile_n) and m rows. */
void df_int8_rows(const DfInt8Kernels *, size_t m, const uint8_t *a, size_t lda, DfInt8Panels b, size_t n0, size_t n1,
                  float *y, size_t ldy, const DfEpilogue *e);
/* The same for float rows, which are quantised in `scratch`, of m df_int8_row(w->k) bytes. */
void df_int8_float_rows(const DfInt8Kernels *, size_t m, const float *a, size_t lda, const DfPacked *w, size_t matrix,
                        size_t n0, size_t n1, float *y, size_t ldy, const DfEpilogue *e, uint8_t *scratch);
/* df_gemm_packed() and df_mlp_packed() for weights of 8 bits. */
int df_int8_gemm(DfPool *, const DfKernels *, size_t M, const float *a, size_t lda, const DfPacked *w, float *y,
                 size_t ldy, DfEpilogue e);
int df_int8_mlp(DfPool *, const DfKernels *, size_t M, const float *x, const DfPacked *w1, const float *b1, DfAct act,
                const DfPacked *w2, float *y, DfEpilogue e);

#endif
