/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/columns.h -- private: sums over the rows of a matrix (rows n), in float64 over blocks of float32; rows that
 * are scaled and shifted by column.
 */
#ifndef DF_TENSOR_COLUMNS_H
#define DF_TENSOR_COLUMNS_H

#include "tensor/op.h"

typedef enum {
    DF_COLUMN_SUM,     /* a             */
    DF_COLUMN_PRODUCT, /* a b           */
    DF_COLUMN_CENTRED, /* a (b - mean)  */
    DF_COLUMN_SQUARE   /* (a - mean)^2  */
} DfColumn;
/* out (n) = the sum over all rows. b and mean are read where the kind of sum has them. */
void df_columns(DfCtx *, DfColumn what, double *out, const float *a, const float *b, const float *mean, size_t rows,
                size_t n);
/* The same added to a gradient; grad may be NULL. Bias gradients are df_add_columns(c, DF_COLUMN_SUM, gb, g, NULL,
 * rows, n). */
void df_add_columns(DfCtx *, DfColumn what, float *grad, const float *a, const float *b, size_t rows, size_t n);

/* (x - mean) inverse weight + bias is x scale + shift: makes these two (n). weight, bias: n, or NULL for 1 and 0; `scale`
 * may be `inverse`. */
void df_norm_line(float *scale, float *shift, const float *mean, const float *inverse, const DfTensor *weight,
                  const DfTensor *bias, size_t n);
/* y = x scale + shift, columnwise. */
void df_affine_rows(DfCtx *, float *y, const float *x, const float *scale, const float *shift, size_t rows, size_t n);
/* gx += g a + (x - mean) b + shift, columnwise; b == NULL: gx += g a. */
void df_affine_rows_grad(DfCtx *, float *gx, const float *g, const float *x, const float *a, const float *b,
                         const float *mean, const float *shift, size_t rows, size_t n);

#endif
