/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/mean_tokens.c -- the mean of all tokens, or of all positions of a map: B .. C -> B C.
 */
#include "tensor/columns.h"

typedef struct {
    float *gx;
    const float *gy;
    size_t L, C;
} Job;

static void grad_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Job *j = arg;
    for (size_t i = from; i < from + count; i++)
        k->accumulate(j->gx + i * j->C, j->gy + i / j->L * j->C, 1 / (float)j->L, j->C);
}

static void backward(DfCtx *c, DfTensor *y)
{
    const size_t B = (size_t)df_dim(y, 0);
    const size_t C = (size_t)df_dim(y, 1);
    const size_t L = df_size(y->src[0]) / (B * C);
    Job job = { df_grad(c, y->src[0]), y->grad, L, C };
    if (job.gx)
        df_ranges(c, B * L, df_at_least_1(DF_BLOCK / C), grad_range, &job);
}

static const DfOp op = { "mean_tokens", backward };

DfTensor *df_mean_tokens(DfCtx *c, DfTensor *x)
{
    if (c->err)
        return &c->nil;
    if (x->shape.n < 2)
        return df_refuse(c, "mean_tokens: (%s): want B .. C", DF_TEXT(x));
    DfTensor *y = df_output(c, &op, DF_SHAPE(df_dim(x, 0), df_dim(x, -1)), 1, &x);
    if (df_skip(c, y))
        return y;
    const size_t B = (size_t)df_dim(x, 0);
    const size_t C = (size_t)df_dim(x, -1);
    const size_t L = df_size(x) / (B * C);
    double *sums = df_malloc(C * sizeof *sums);
    if (!sums)
        df_ctx_fail(c, DF_ENOMEM, "out of memory for %zu sums", C);
    for (size_t b = 0; b < B && !c->err; b++) {
        df_columns(c, DF_COLUMN_SUM, sums, x->data + b * L * C, NULL, NULL, L, C);
        for (size_t i = 0; i < C; i++)
            y->data[b * C + i] = (float)(sums[i] / (double)L);
    }
    df_free(sums);
    return y;
}
