/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/loss/loss.c -- the common part of losses: rows in, one number for each row out, derivatives kept for the
 * backward pass.
 */
#include "tensor/loss/loss.h"

typedef struct {
    DfLossRows *rows;
    const void *arg;
    const float *x;
    size_t n;
    float *loss, *slope;
} Job;

static void range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Job *j = arg;
    j->rows(j->arg, k, j->x, j->n, from, count, j->loss, j->slope);
}

DfTensor *df_loss(DfCtx *c, const DfOp *op, DfTensor *x, DfShape shape, DfLossRows *rows, const void *arg)
{
    DfTensor *y = df_output(c, op, shape, 1, &x);
    if (df_skip(c, y))
        return y;
    const size_t n = df_size(x) / df_size(y);
    float *slope = df_workspace(c, df_size(x));
    if (!slope)
        return &c->nil;
    if (df_taped(y))
        y->saved = slope; /* a recording context keeps workspaces for the whole step */
    Job job = { rows, arg, x->data, n, y->data, slope };
    df_ranges(c, df_size(y), df_at_least_1(DF_BLOCK / 8 / df_at_least_1(n)), range, &job);
    return y;
}

static void grad_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Job *j = arg; /* x: gradient of the losses; loss: of the rows */
    if (j->n == 1) {
        k->accumulate_product(j->loss + from, j->slope + from, j->x + from, count);
        return;
    }
    for (size_t i = from; i < from + count; i++)
        k->accumulate(j->loss + i * j->n, j->slope + i * j->n, j->x[i], j->n);
}

void df_loss_backward(DfCtx *c, DfTensor *y)
{
    const size_t n = df_size(y->src[0]) / df_size(y);
    Job job = { .x = y->grad, .n = n, .loss = df_grad(c, y->src[0]), .slope = y->saved };
    if (job.loss)
        df_ranges(c, df_size(y), df_at_least_1(DF_BLOCK / df_at_least_1(n)), grad_range, &job);
}
