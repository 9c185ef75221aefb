/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/gather_rows.c -- gathers some rows of a matrix: the outputs that a loss uses. The outputs of an anchor, or of
 * a region and a class, are a row of the head's result.
 */
#include <string.h>

#include "tensor/op.h"

typedef struct {
    float *y;
    const float *x;
    const int *row;
    size_t C;
} Job;

static void range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Job *j = arg;
    (void)k;
    for (size_t i = from; i < from + count; i++)
        memcpy(j->y + i * j->C, j->x + (size_t)j->row[i] * j->C, j->C * sizeof *j->y);
}

/* One row after the other: a row may have been taken twice. */
static void backward(DfCtx *c, DfTensor *y)
{
    const size_t C = (size_t)df_dim(y, 1);
    const int *row = y->saved;
    float *gx = df_grad(c, y->src[0]);
    for (size_t i = 0; gx && i < (size_t)df_dim(y, 0); i++)
        c->k->pointwise.add(gx + (size_t)row[i] * C, gx + (size_t)row[i] * C, y->grad + i * C, C);
}

static const DfOp op = { "gather_rows", backward };

static bool rows_fit(DfCtx *c, size_t rows, const int *row, int n)
{
    for (int i = 0; i < n; i++)
        if (row[i] < 0 || (size_t)row[i] >= rows) {
            df_ctx_fail(c, DF_EVALUE, "gather_rows: row %d of %zu", row[i], rows);
            return false;
        }
    return true;
}

DfTensor *df_gather_rows(DfCtx *c, DfTensor *x, const int *row, int n)
{
    if (c->err)
        return &c->nil;
    if (x->shape.n < 1 || df_dim(x, -1) < 1)
        return df_refuse(c, "gather_rows: (%s): want .. C", DF_TEXT(x));
    const size_t C = (size_t)df_dim(x, -1);
    if (!c->dry && !rows_fit(c, df_size(x) / C, row, n))
        return &c->nil;
    DfTensor *y = df_output(c, &op, DF_SHAPE(n, (int)C), 1, &x);
    if (df_skip(c, y))
        return y;
    df_note(c, y, row, (size_t)n * sizeof *row);
    Job job = { y->data, x->data, row, C };
    df_ranges(c, (size_t)n, df_at_least_1(DF_BLOCK / C), range, &job);
    return y;
}
