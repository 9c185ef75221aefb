/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/dropout.c -- dropout of elements (Srivastava et al., JMLR 2014) and of whole samples on a residual path:
 * stochastic depth (Huang et al., ECCV 2016). What stays is scaled by 1 / (1 - p).
 */
#include "tensor/op.h"

/* x is n_factors runs of n, each run multiplied by a factor of its own. */
typedef struct {
    float *out;
    const float *x, *factor;
    size_t n;
    bool adds;
} Job;

static void range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Job *j = arg;
    const size_t at = from * j->n;
    if (j->n == 1 && j->adds)
        k->accumulate_product(j->out + at, j->x + at, j->factor + from, count);
    else if (j->n == 1)
        k->mul(j->out + at, j->x + at, j->factor + from, count);
    else
        for (size_t i = from; i < from + count; i++)
            (j->adds ? k->accumulate : k->scale)(j->out + i * j->n, j->x + i * j->n, j->factor[i], j->n);
}

typedef struct {
    size_t n, n_factors;
    float *factor;
} Saved;

static void run(DfCtx *c, const Saved *s, float *out, const float *x, bool adds)
{
    Job job = { out, x, s->factor, s->n, adds };
    df_ranges(c, s->n_factors, df_at_least_1(DF_BLOCK / s->n), range, &job);
}

static void backward(DfCtx *c, DfTensor *y)
{
    float *gx = df_grad(c, y->src[0]);
    if (gx)
        run(c, y->saved, gx, y->grad, true);
}

static const DfOp op = { "dropout", backward };

static DfTensor *drop(DfCtx *c, DfTensor *x, float p, size_t n_factors)
{
    DfTensor *y = df_output(c, &op, x->shape, 1, &x);
    if (df_skip(c, y))
        return y;
    Saved *s = df_save(c, y, sizeof *s);
    float *factor = df_workspace(c, n_factors);
    if (!s || !factor)
        return &c->nil;
    *s = (Saved){ df_size(x) / n_factors, n_factors, factor };
    for (size_t i = 0; i < n_factors; i++)
        s->factor[i] = df_uniform(&c->random) < (double)p ? 0 : 1 / (1 - p);
    run(c, s, y->data, x->data, false);
    return y;
}

DfTensor *df_dropout(DfCtx *c, DfTensor *x, float p)
{
    return c->training && p > 0 && !c->err ? drop(c, x, p, df_size(x)) : x;
}

DfTensor *df_drop_path(DfCtx *c, DfTensor *x, float p)
{
    return c->training && p > 0 && !c->err && x->shape.n > 0 ? drop(c, x, p, (size_t)df_dim(x, 0)) : x;
}

/* The mask exists whole: this runs in training only, before the last convolution of a head. */
DfTensor *df_dropout_channels(DfCtx *c, DfTensor *x, float p)
{
    if (!c->training || p <= 0 || c->err)
        return x;
    DfTensor *mask = df_new(c, x->shape);
    if (df_skip(c, mask))
        return x;
    const size_t C = (size_t)df_dim(x, -1);
    const size_t n = (size_t)df_dim(x, 0);
    const size_t size = df_size(x) / n;
    for (size_t b = 0; b < n; b++) {
        float *of = mask->data + b * size;
        for (size_t i = 0; i < C; i++)
            of[i] = df_uniform(&c->random) < (double)p ? 0 : 1 / (1 - p);
        for (size_t i = C; i < size; i++)
            of[i] = of[i - C];
    }
    return df_mul(c, x, mask);
}
