/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/activation.c -- the activations of DfAct (kernels/act.h): ReLU, GELU (Hendrycks and Gimpel, 2016), sigmoid,
 * SiLU, ...; one op for all.
 */
#include <string.h>

#include "tensor/op.h"
#include "tensor/parts.h"

typedef struct {
    DfAct act;
    float *out;
    const float *x, *g;
    bool fresh;
} Job;

static void grad_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t n)
{
    const Job *j = arg;
    if (j->fresh)
        memset(j->out + from, 0, n * sizeof *j->out);
    k->act_grad(j->act, j->out + from, j->g + from, j->x + from, n);
}

static void backward(DfCtx *c, DfTensor *y)
{
    const DfAct *act = y->saved;
    Job job = { .act = *act, .x = y->src[0]->data, .g = y->grad };
    job.out = df_grad_new(c, y->src[0], &job.fresh);
    if (job.out)
        df_ranges(c, df_size(y), DF_BLOCK, grad_range, &job);
}

static const DfOp op = { "act", backward };

static void range(void *arg, const DfPointwiseKernels *k, size_t from, size_t n)
{
    const Job *j = arg;
    k->act(j->act, j->out + from, j->x + from, n);
}

DfTensor *df_act(DfCtx *c, DfTensor *x, DfAct act)
{
    if (act == DF_ACT_NONE || c->err)
        return x;
    DfTensor *y = df_output(c, &op, x->shape, 1, &x);
    if (df_skip(c, y))
        return y;
    df_note(c, y, &act, sizeof act);
    Job job = { .act = act, .out = y->data, .x = x->data };
    df_ranges(c, df_size(y), DF_BLOCK, range, &job);
    return y;
}

/* The number of activations is that of df_act(): what modules are said to make does not depend on where it lies. */
DfTensor *df_act_own(DfCtx *c, DfTensor *x, DfAct act)
{
    if (c->recording || c->err || act == DF_ACT_NONE || !x->buffer || x->buffer->refs > 1)
        return df_act(c, x, act);
    df_profile_count(c, x, 1, &x);
    if (df_skip(c, x))
        return x;
    df_check_made(c);
    Job job = { .act = act, .out = x->data, .x = x->data };
    df_ranges(c, df_size(x), DF_BLOCK, range, &job);
    return x;
}

DfTensor *df_gelu(DfCtx *c, DfTensor *x)
{
    return df_act(c, x, DF_ACT_GELU);
}

DfTensor *df_relu(DfCtx *c, DfTensor *x)
{
    return df_act(c, x, DF_ACT_RELU);
}

DfTensor *df_sigmoid(DfCtx *c, DfTensor *x)
{
    return df_act(c, x, DF_ACT_SIGMOID);
}

DfTensor *df_tanh(DfCtx *c, DfTensor *x)
{
    return df_act(c, x, DF_ACT_TANH);
}
