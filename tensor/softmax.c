/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/softmax.c -- softmax along any dimension.
 *     y = e^(x - max) / sum of e^(x - max)      dL/dx = y (g - <g, y>) with g = dL/dy
 * Along the last dimension the kernel reads rows directly; along another one, columns are transposed to rows, a few at
 * a time.
 */
#include "tensor/op.h"

enum { COLUMNS = 16 }; /* turned at once: a cache line of each row */

/* x is seen as outer n inner; the softmax runs over n. Rows are those of inner == 1. */
typedef struct {
    const DfPointwiseKernels *k;
    float *out;
    const float *x, *g; /* backward: the result and its gradient */
    size_t n, inner, column_blocks;
} Job;

static void rows_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t rows)
{
    const Job *j = arg;
    k->softmax(j->out + from * j->n, j->x + from * j->n, rows, j->n);
}

static void grad_rows_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t rows)
{
    const Job *j = arg;
    const size_t at = from * j->n;
    k->softmax_grad(j->out + at, j->g + at, j->x + at, rows, j->n);
}

/* A task takes some columns of one of the `outer` planes; *at is its first element. */
static void column_block(const Job *j, size_t task, size_t *at, size_t *columns)
{
    const size_t column = task % j->column_blocks * COLUMNS;
    const size_t left = j->inner - column;
    *at = task / j->column_blocks * j->n * j->inner + column;
    *columns = left < COLUMNS ? left : COLUMNS;
}

static void columns_task(void *arg, size_t task, void *scratch)
{
    const Job *j = arg;
    float *const rows = scratch;
    size_t at, columns;
    column_block(j, task, &at, &columns);
    j->k->transpose(rows, j->n, j->x + at, j->inner, j->n, columns);
    j->k->softmax(rows, rows, columns, j->n);
    j->k->transpose(j->out + at, j->inner, rows, j->n, columns, j->n);
}

static void grad_columns_task(void *arg, size_t task, void *scratch)
{
    const Job *j = arg;
    size_t at, columns;
    column_block(j, task, &at, &columns);
    float *const x = scratch;
    float *const g = x + COLUMNS * j->n;
    float *const gx = g + COLUMNS * j->n;
    j->k->transpose(x, j->n, j->x + at, j->inner, j->n, columns);
    j->k->transpose(g, j->n, j->g + at, j->inner, j->n, columns);
    j->k->transpose(gx, j->n, j->out + at, j->inner, j->n, columns);
    j->k->softmax_grad(gx, g, x, columns, j->n);
    j->k->transpose(j->out + at, j->inner, gx, j->n, columns, j->n);
}

static size_t inner_of(const DfTensor *x, int axis)
{
    size_t inner = 1;
    for (int i = axis + 1; i < x->shape.n; i++)
        inner *= (size_t)x->shape.d[i];
    return inner;
}

static void run(DfCtx *c, Job *j, size_t size, DfRange *rows, DfTask *columns, size_t scratch)
{
    j->k = &c->k->pointwise;
    j->column_blocks = df_blocks(j->inner, COLUMNS);
    const size_t outer = size / (j->n * j->inner);
    if (j->inner == 1)
        df_ranges(c, outer, df_at_least_1(DF_BLOCK / 4 / j->n), rows, j);
    else
        df_run(c, outer * j->column_blocks, scratch * COLUMNS * j->n * sizeof(float), columns, j);
}

static void backward(DfCtx *c, DfTensor *y)
{
    const int *axis = y->saved;
    Job job = { .out = df_grad(c, y->src[0]), .x = y->data, .g = y->grad, .n = (size_t)df_dim(y, *axis),
                .inner = inner_of(y, *axis) };
    if (job.out)
        run(c, &job, df_size(y), grad_rows_range, grad_columns_task, 3);
}

static const DfOp op = { "softmax", backward };

DfTensor *df_softmax(DfCtx *c, DfTensor *x, int dim)
{
    if (c->err)
        return &c->nil;
    const int axis = df_axis(x, dim);
    if (axis < 0)
        return df_refuse(c, "softmax: dimension %d of a tensor of shape (%s)", dim, DF_TEXT(x));
    DfTensor *y = df_output(c, &op, x->shape, 1, &x);
    if (df_skip(c, y))
        return y;
    df_note(c, y, &axis, sizeof axis);
    Job job = { .out = y->data, .x = x->data, .n = (size_t)df_dim(x, axis), .inner = inner_of(x, axis) };
    run(c, &job, df_size(x), rows_range, columns_task, 1);
    return y;
}
