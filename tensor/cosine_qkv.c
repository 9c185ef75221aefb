/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/cosine_qkv.c -- normalises queries and keys for Swin v2's cosine attention: Liu et al., "Swin Transformer
 * V2", CVPR 2022, section 3.2. For each head, with u = x / max(|x|, eps):
 *     q -> e^min(s, ln 100) u(q)        k -> u(k)        v -> v
 * With y = f u, where f is this factor or 1, and g = dL/dy:
 *     dL/dx = f (g - u (g u)) / |x|                      dL/ds = g y, summed over tokens, where s <= ln 100
 */
#include <math.h>

#include "tensor/op.h"

enum { GRAD_BLOCKS = 128, GRAD_ROWS = 64 }; /* backward: at most so many blocks of at least so many tokens */
static const float eps = 1e-12f;            /* of torch.nn.functional.normalize()                          */
static const float highest = 4.60517018598809136804f; /* ln 100                                            */

typedef struct {
    const float *x, *logit, *g;
    float *y, *gx;
    float *partial;          /* backward: sums of dL/ds, `heads` for each block; or NULL */
    size_t heads, D, block;  /* D channels of a head; tokens of a block                  */
} Job;

static float dot(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return (float)sum;
}

static float length(const float *x, size_t n)
{
    const float l = sqrtf(dot(x, x, n));
    return l > eps ? l : eps;
}

/* Of head h of the 2 * heads of a token's q and k. */
static float factor(const Job *job, size_t h)
{
    return h < job->heads ? expf(fminf(job->logit[h], highest)) : 1;
}

static void range(void *arg, const DfPointwiseKernels *k, size_t from, size_t tokens)
{
    const Job *job = arg;
    const size_t D = job->D, C = job->heads * D;
    for (size_t t = from; t < from + tokens; t++) {
        const float *x = job->x + t * 3 * C;
        float *y = job->y + t * 3 * C;
        for (size_t h = 0; h < 2 * job->heads; h++)
            k->scale(y + h * D, x + h * D, factor(job, h) / length(x + h * D, D), D);
        k->scale(y + 2 * C, x + 2 * C, 1, C);
    }
}

/* gx += f (g - u (g u)) / |x|; -> g y = f g u. A length below eps is a constant. */
static float head_grad(const Job *job, const float *x, const float *g, float *gx, float f)
{
    const size_t D = job->D;
    const float l = length(x, D);
    const float along = dot(g, x, D) / l; /* g u */
    const float turn = l > eps ? along / l : 0;
    for (size_t i = 0; gx && i < D; i++)
        gx[i] += f / l * (g[i] - turn * x[i]);
    return f * along;
}

static void grad_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t tokens)
{
    const Job *job = arg;
    const size_t D = job->D, C = job->heads * D;
    float *sums = job->partial ? job->partial + from / job->block * job->heads : NULL;
    for (size_t t = from; t < from + tokens; t++) {
        const size_t at = t * 3 * C;
        float *gx = job->gx ? job->gx + at : NULL;
        for (size_t h = 0; h < 2 * job->heads; h++) {
            const float gy = head_grad(job, job->x + at + h * D, job->g + at + h * D, gx ? gx + h * D : NULL,
                                       factor(job, h));
            if (sums && h < job->heads && job->logit[h] <= highest)
                sums[h] += gy;
        }
        if (gx)
            k->accumulate(gx + 2 * C, job->g + at + 2 * C, 1, C);
    }
}

static void add_partials(float *grad, const float *partial, size_t blocks, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t block = 0; block < blocks; block++)
            sum += (double)partial[block * n + i];
        grad[i] += (float)sum;
    }
}

static Job make_job(const DfTensor *qkv, const DfTensor *logit)
{
    const size_t heads = df_size(logit);
    return (Job){ .x = qkv->data, .logit = logit->data, .heads = heads, .D = (size_t)df_dim(qkv, -1) / 3 / heads };
}

static void backward(DfCtx *c, DfTensor *y)
{
    DfTensor *const qkv = y->src[0], *const logit = y->src[1];
    Job job = make_job(qkv, logit);
    const size_t tokens = df_size(qkv) / (3 * job.heads * job.D);
    const size_t fair = df_blocks(tokens, GRAD_BLOCKS);
    job.block = fair > GRAD_ROWS ? fair : GRAD_ROWS;
    const size_t blocks = df_blocks(tokens, job.block);
    float *const g_logit = df_grad(c, logit);
    float *const partial = df_calloc(blocks * job.heads + 1, sizeof *partial);
    if (!partial) {
        df_ctx_fail(c, DF_ENOMEM, "out of memory for the gradient of cosine attention");
        return;
    }
    job.g = y->grad;
    job.gx = df_grad(c, qkv);
    job.partial = g_logit ? partial : NULL;
    df_ranges(c, tokens, job.block, grad_range, &job);
    if (g_logit)
        add_partials(g_logit, partial, blocks, job.heads);
    df_free(partial);
}

static const DfOp op = { "cosine_qkv", backward };

DfTensor *df_cosine_qkv(DfCtx *c, DfTensor *qkv, DfTensor *logit_scale)
{
    if (c->err)
        return &c->nil;
    const size_t heads = df_size(logit_scale);
    if (qkv->shape.n < 1 || heads < 1 || (size_t)df_dim(qkv, -1) % (3 * heads))
        return df_refuse(c, "cosine_qkv: qkv (%s), logit_scale (%s): want 3C channels, C a multiple of the heads",
                         DF_TEXT(qkv), DF_TEXT(logit_scale));
    DfTensor *y = df_output(c, &op, qkv->shape, DF_SOURCES_OF(qkv, logit_scale));
    if (df_skip(c, y))
        return y;
    Job job = make_job(qkv, logit_scale);
    const size_t channels = 3 * heads * job.D;
    job.y = y->data;
    df_ranges(c, df_size(qkv) / channels, df_at_least_1(DF_BLOCK / channels), range, &job);
    return y;
}
