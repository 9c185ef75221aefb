/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/loss/pick_channel.c -- picks one channel of each sample: the mask of an object's class.
 */
#include "tensor/op.h"

typedef struct {
    float *y;
    const float *x;
    const int *channel;
    size_t n, C; /* elements of a sample of the result; channels */
} Job;

static void range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Job *j = arg;
    (void)k;
    for (size_t i = from; i < from + count; i++)
        j->y[i] = j->x[i * j->C + (size_t)j->channel[i / j->n]];
}

static void grad_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Job *j = arg;
    (void)k;
    for (size_t i = from; i < from + count; i++)
        j->y[i * j->C + (size_t)j->channel[i / j->n]] += j->x[i];
}

static void backward(DfCtx *c, DfTensor *y)
{
    DfTensor *x = y->src[0];
    Job job = { df_grad(c, x), y->grad, y->saved, df_size(y) / (size_t)df_dim(y, 0), (size_t)df_dim(x, -1) };
    if (job.y)
        df_ranges(c, df_size(y), DF_BLOCK, grad_range, &job);
}

static const DfOp op = { "pick_channel", backward };

static bool channels_fit(DfCtx *c, const DfTensor *x, const int *channel)
{
    for (int i = 0; i < df_dim(x, 0); i++)
        if (channel[i] < 0 || channel[i] >= df_dim(x, -1)) {
            df_ctx_fail(c, DF_EVALUE, "pick_channel: channel %d: want 0..%d", channel[i], df_dim(x, -1) - 1);
            return false;
        }
    return true;
}

DfTensor *df_pick_channel(DfCtx *c, DfTensor *x, const int *channel)
{
    if (c->err)
        return &c->nil;
    if (x->shape.n < 2)
        return df_refuse(c, "pick_channel: (%s): want N .. C", DF_TEXT(x));
    if (!c->dry && !channels_fit(c, x, channel))
        return &c->nil;
    DfShape shape = x->shape;
    shape.n--;
    DfTensor *y = df_output(c, &op, shape, 1, &x);
    if (df_skip(c, y))
        return y;
    df_note(c, y, channel, (size_t)df_dim(x, 0) * sizeof *channel);
    Job job = { y->data, x->data, channel, df_size(y) / (size_t)df_dim(y, 0), (size_t)df_dim(x, -1) };
    df_ranges(c, df_size(y), DF_BLOCK, range, &job);
    return y;
}
