/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/layer_norm.c -- layer norm over the last dimension.  Ba, Kiros, Hinton, 2016.
 *     y = (x - mean) / sqrt(var + eps) * weight + bias         mean and (biased) var of each row of n elements
 * With u = (x - mean) / sqrt(var + eps), g = dL/dy and h = weight g:
 *     dL/dx = (h - mean(h) - u mean(h u)) / sqrt(var + eps)    dL/dweight = sum over rows of g u    dL/dbias = .. of g
 * This file divides the rows among threads; kernels/pointwise/rows.c computes them.
 */
#include "tensor/op.h"

enum { GRAD_BLOCKS = 128, GRAD_ROWS = 64 }; /* backward: at most so many blocks of at least so many rows */

typedef struct {
    float *y;
    const float *x, *g, *weight, *bias;
    float *stats;             /* mean and 1 / sqrt(var + eps) of each row       */
    size_t n, block;          /* length of a row; rows of a block               */
    float eps;
    float *gx;                /* or NULL                                        */
    float *g_weight, *g_bias; /* partial sums: n for each block; or NULL        */
} Job;

/* All rows add to the same weight and bias: each block sums into a row of its own. */
static void grad_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t rows)
{
    const Job *j = arg;
    const size_t block = from / j->block;
    const size_t n = j->n;
    const size_t at = from * n;
    float *gx = j->gx ? j->gx + at : NULL;
    float *g_weight = j->g_weight ? j->g_weight + block * n : NULL;
    float *g_bias = j->g_bias ? j->g_bias + block * n : NULL;
    k->layer_norm_grad(gx, g_weight, g_bias, j->g + at, j->x + at, j->weight, j->stats + 2 * from, rows, n);
}

static void add_partials(float *grad, const float *partial, size_t blocks, size_t n)
{
    for (size_t i = 0; grad && i < n; i++) {
        double sum = 0;
        for (size_t block = 0; block < blocks; block++)
            sum += (double)partial[block * n + i];
        grad[i] += (float)sum;
    }
}

static void backward(DfCtx *c, DfTensor *y)
{
    DfTensor *const x = y->src[0], *const weight = y->src[1], *const bias = y->src[2];
    const size_t n = (size_t)df_dim(x, -1);
    const size_t rows = df_size(x) / n;
    float *const gx = df_grad(c, x), *const gw = df_grad(c, weight), *const gb = df_grad(c, bias);
    const size_t fair = df_blocks(rows, GRAD_BLOCKS);
    const size_t block = fair > GRAD_ROWS ? fair : GRAD_ROWS;
    const size_t blocks = df_blocks(rows, block);
    float *partial = df_calloc(2 * blocks * n, sizeof *partial);
    if (!partial) {
        df_ctx_fail(c, DF_ENOMEM, "out of memory for the gradient of layer norm");
        return;
    }
    Job job = { .x = x->data, .g = y->grad, .weight = df_data_of(weight), .stats = y->saved, .n = n, .block = block,
                .gx = gx };
    if (gw)
        job.g_weight = partial;
    if (gb)
        job.g_bias = partial + blocks * n;
    df_ranges(c, rows, block, grad_range, &job);
    add_partials(gw, partial, blocks, n);
    add_partials(gb, partial + blocks * n, blocks, n);
    df_free(partial);
}

static const DfOp op = { "layer_norm", backward };

static void range(void *arg, const DfPointwiseKernels *k, size_t from, size_t rows)
{
    const Job *j = arg;
    const size_t at = from * j->n;
    float *stats = j->stats ? j->stats + 2 * from : NULL;
    k->layer_norm(j->y + at, j->x + at, j->weight, j->bias, rows, j->n, j->eps, stats);
}

DfTensor *df_layer_norm(DfCtx *c, DfTensor *x, DfTensor *weight, DfTensor *bias, float eps)
{
    if (c->err)
        return &c->nil;
    if (x->shape.n < 1 || !df_is_row(weight, df_dim(x, -1)) || !df_is_row(bias, df_dim(x, -1)))
        return df_refuse(c, "layer_norm: x (%s), weight (%s), bias (%s): want weight and bias as long as the last "
                            "dimension of x", DF_TEXT(x), DF_TEXT(weight), DF_TEXT(bias));
    DfTensor *y = df_output(c, &op, x->shape, DF_SOURCES_OF(x, weight, bias));
    if (df_skip(c, y))
        return y;
    const size_t n = (size_t)df_dim(x, -1);
    const size_t rows = df_size(x) / n;
    float *stats = df_taped(y) ? df_save(c, y, 2 * rows * sizeof *stats) : NULL;
    Job job = { .y = y->data, .x = x->data, .weight = df_data_of(weight), .bias = df_data_of(bias), .stats = stats,
                .n = n, .eps = eps };
    df_ranges(c, rows, df_at_least_1(DF_BLOCK / n), range, &job);
    return y;
}
