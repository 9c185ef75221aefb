/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/op.h -- private: what the files of ops share. An op checks its shapes and refuses with a sentence, cuts its
 * work into blocks that depend on the sizes alone, and adds up partial results in the order of the blocks.
 */
#ifndef DF_TENSOR_OP_H
#define DF_TENSOR_OP_H

#include "tensor/tensor.h"

/* ---- complaints ---- */

typedef struct {
    char text[96];
} DfShapeText;
DfShapeText df_shape_text(DfShape);                                     /* "2 7 24"; "scalar" */
#define DF_TEXT(tensor) (df_shape_text((tensor)->shape).text)

/* Poisons the context with DF_ESHAPE and returns &c->nil:  return df_refuse(c, "gelu: ..."); */
DfTensor *df_refuse(DfCtx *, const char *format, ...) DF_PRINTF(2, 3);
int df_axis(const DfTensor *x, int dim);                                /* 0..n-1 for dim in -n..n-1, else -1 */

/* ---- work ---- */

enum { DF_BLOCK = 16384 }; /* floats that one task takes of an elementwise op: 64 KiB */

/* df_parallel() on the context's pool; poisons the context when there is no memory for the scratch. */
void df_run(DfCtx *, size_t tasks, size_t scratch, DfTask *run, void *arg);

/* Runs over items 0..n-1 in blocks of `block`. */
typedef void DfRange(void *arg, const DfPointwiseKernels *k, size_t from, size_t count);
void df_ranges(DfCtx *, size_t n, size_t block, DfRange *run, void *arg);

static inline size_t df_blocks(size_t n, size_t block)
{
    return (n + block - 1) / block;
}
static inline size_t df_at_least_1(size_t n) /* rows of a block: df_at_least_1(DF_BLOCK / length of a row) */
{
    return n ? n : 1;
}

/* `rows` rows of n floats, ld apart: copied, or added (y += x). */
void df_copy_rows(DfCtx *, float *y, size_t ldy, const float *x, size_t ldx, size_t rows, size_t n);
void df_add_rows(DfCtx *, float *y, size_t ldy, const float *x, size_t ldx, size_t rows, size_t n);

/* ---- columns.c: sums over the rows of a matrix (rows n), in float64 over blocks of float32 ---------------------- */

typedef enum {
    DF_COLUMN_SUM,     /* a             */
    DF_COLUMN_PRODUCT, /* a b           */
    DF_COLUMN_CENTRED, /* a (b - mean)  */
    DF_COLUMN_SQUARE   /* (a - mean)^2  */
} DfColumn;
void df_columns(DfCtx *, DfColumn what, double *out, const float *a, const float *b, const float *mean, size_t rows,
                size_t n);
/* The same added to a gradient; grad may be NULL. Bias gradients are df_add_columns(c, DF_COLUMN_SUM, gb, g, NULL,
 * rows, n). */
void df_add_columns(DfCtx *, DfColumn what, float *grad, const float *a, const float *b, size_t rows, size_t n);

/* y = x scale + shift, columnwise. */
void df_affine_rows(DfCtx *, float *y, const float *x, const float *scale, const float *shift, size_t rows, size_t n);
/* gx += g a + (x - mean) b + shift, columnwise; b == NULL: gx += g a. */
void df_affine_rows_grad(DfCtx *, float *gx, const float *g, const float *x, const float *a, const float *b,
                         const float *mean, const float *shift, size_t rows, size_t n);

#endif
