/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/dropout.c -- dropout of elements (Srivastava et al., JMLR 2014), of the channels of a sample, and of whole
 * samples on a residual path: stochastic depth (Huang et al., ECCV 2016). What stays is scaled by 1 / (1 - p).
 */
#include "tensor/op.h"

static float scale_of(float p)
{
    return p < 1 ? 1 / (1 - p) : 0;
}

/* ---- elements --------------------------------------------------------------------------------------------------- */

/* Whether an element is dropped depends on its number in the sample and on the key of the sample, so no mask is kept:
 * the way back asks again. */
typedef struct {
    uint32_t dropped_below; /* of 2^32      */
    float scale;
    size_t samples, size;   /* size of each */
    DfKey key[];            /* of each      */
} Saved;

typedef struct {
    float *out;
    const float *x;
    const Saved *s;
    const DfPointwiseKernels *k;
    size_t blocks; /* of a sample */
    bool adds;
} Job;

static void task(void *arg, size_t task, void *scratch)
{
    const Job *j = arg;
    const size_t sample = task / j->blocks;
    const size_t first = task % j->blocks * DF_BLOCK;
    const size_t left = j->s->size - first;
    const size_t n = left < DF_BLOCK ? left : DF_BLOCK;
    const DfKey key = j->s->key[sample];
    const float *x = j->x + sample * j->s->size + first;
    float *out = j->out + sample * j->s->size + first;
    float *factor = scratch;
    for (size_t i = 0; i < n; i++)
        factor[i] = df_key_bits(key, (uint32_t)(first + i)) < j->s->dropped_below ? 0 : j->s->scale;
    (j->adds ? j->k->accumulate_product : j->k->mul)(out, x, factor, n);
}

static void run(DfCtx *c, const Saved *s, float *out, const float *x, bool adds)
{
    Job job = { out, x, s, &c->k->pointwise, df_blocks(s->size, DF_BLOCK), adds };
    df_run(c, s->samples * job.blocks, DF_BLOCK * sizeof(float), task, &job);
}

static void backward(DfCtx *c, DfTensor *y)
{
    float *gx = df_grad(c, y->src[0]);
    if (gx)
        run(c, y->saved, gx, y->grad, true);
}

static const DfOp op = { "dropout", backward };

DfTensor *df_dropout(DfCtx *c, DfTensor *x, float p)
{
    if (!c->training || p <= 0 || c->err)
        return x;
    DfTensor *y = df_output(c, &op, x->shape, 1, &x);
    if (df_skip(c, y))
        return y;
    const size_t samples = x->shape.n ? (size_t)df_dim(x, 0) : 1;
    Saved *s = df_save(c, y, sizeof *s + samples * sizeof *s->key);
    if (!s)
        return &c->nil;
    s->dropped_below = df_key_threshold(p);
    s->scale = scale_of(p);
    s->samples = samples;
    s->size = df_size(x) / samples;
    for (size_t i = 0; i < samples; i++)
        s->key[i] = df_ctx_key(c, (int)i);
    run(c, s, y->data, x->data, false);
    return y;
}

/* ---- whole samples, whole channels ------------------------------------------------------------------------------ */

/* A factor for each sample, or for each channel of each sample. */
static float *factors_of(DfCtx *c, DfTensor *y, float p, size_t samples, size_t each)
{
    float *factor = df_save(c, y, samples * each * sizeof *factor);
    for (size_t i = 0; factor && i < samples; i++) {
        DfRandom random = df_ctx_random(c, (int)i);
        for (size_t j = 0; j < each; j++)
            factor[i * each + j] = df_uniform(&random) < (double)p ? 0 : scale_of(p);
    }
    return factor;
}

/* x is `samples` runs of `rows` rows of C, with a factor for each sample (C = 1), or C of them. */
typedef struct {
    float *out;
    const float *x, *factor;
    size_t rows, C;
    bool adds;
} Factors;

static void factor_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Factors *j = arg;
    for (size_t i = from; i < from + count; i++) {
        float *out = j->out + i * j->C;
        const float *x = j->x + i * j->C;
        const float *factor = j->factor + i / j->rows * j->C;
        (j->adds ? k->accumulate_product : k->mul)(out, x, factor, j->C);
    }
}

static void sample_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Factors *j = arg;
    for (size_t i = from; i < from + count; i++)
        (j->adds ? k->accumulate : k->scale)(j->out + i * j->C, j->x + i * j->C, j->factor[i / j->rows], j->C);
}

static void sample_run(DfCtx *c, const DfTensor *y, float *out, const float *x, bool adds)
{
    const size_t C = (size_t)df_dim(y, -1);
    const size_t rows = df_size(y) / C;
    Factors job = { out, x, y->saved, rows / (size_t)df_dim(y, 0), C, adds };
    if (y->shape.n == 1)
        job.rows = job.C = 1;
    df_ranges(c, df_size(y) / job.C, df_at_least_1(DF_BLOCK / job.C), sample_range, &job);
}

static void channels_run(DfCtx *c, const DfTensor *y, float *out, const float *x, bool adds)
{
    const size_t C = (size_t)df_dim(y, -1);
    const size_t rows = df_size(y) / C;
    Factors job = { out, x, y->saved, rows / (size_t)df_dim(y, 0), C, adds };
    df_ranges(c, rows, df_at_least_1(DF_BLOCK / C), factor_range, &job);
}

static void path_backward(DfCtx *c, DfTensor *y)
{
    float *gx = df_grad(c, y->src[0]);
    if (gx)
        sample_run(c, y, gx, y->grad, true);
}

static void channels_backward(DfCtx *c, DfTensor *y)
{
    float *gx = df_grad(c, y->src[0]);
    if (gx)
        channels_run(c, y, gx, y->grad, true);
}

static const DfOp path_op = { "drop_path", path_backward };
static const DfOp channels_op = { "dropout_channels", channels_backward };

DfTensor *df_drop_path(DfCtx *c, DfTensor *x, float p)
{
    if (!c->training || p <= 0 || c->err || x->shape.n == 0)
        return x;
    DfTensor *y = df_output(c, &path_op, x->shape, 1, &x);
    if (!df_skip(c, y) && factors_of(c, y, p, (size_t)df_dim(x, 0), 1))
        sample_run(c, y, y->data, x->data, false);
    return y;
}

DfTensor *df_dropout_channels(DfCtx *c, DfTensor *x, float p)
{
    if (!c->training || p <= 0 || c->err || x->shape.n < 2)
        return x;
    DfTensor *y = df_output(c, &channels_op, x->shape, 1, &x);
    if (!df_skip(c, y) && factors_of(c, y, p, (size_t)df_dim(x, 0), (size_t)df_dim(x, -1)))
        channels_run(c, y, y->data, x->data, false);
    return y;
}
