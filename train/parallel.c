/* SPDX-License-Identifier: Apache-2.0
 *
 * train/parallel.c -- sums gradients over several processes while the backward pass is still running.
 *
 * The gradient block is divided into buckets at the boundaries of parameters. The backward pass completes it roughly
 * from its end to its beginning. A bucket is sent when all its parameters are complete and all buckets after it are
 * sent: so all ranks send in the same order, whatever their own pictures put on the tape.
 */
#include "train/parallel.h"

enum { BUCKET = 1 << 20, BUCKETS = DF_RANKS_PENDING }; /* floats of a bucket, at least */

typedef struct {
    size_t offset, n;    /* floats of the block   */
    int parameters;
    int missing;         /* parameters not yet complete in this backward pass */
} Bucket;

struct DfParallel {
    DfRanks *ranks;
    NnModel *weights;
    Bucket *buckets;     /* [n], by offset        */
    int n, sent;         /* the last `sent` of them are sent */
    double *reached;     /* [parameters]          */
    bool last;
    int error;
};

/* ---- buckets ----------------------------------------------------------------------------------------------------- */

static bool trained(const NnParam *param)
{
    return param->tensor->wants_grad && param->tensor->grad;
}

static size_t offset_of(const NnParam *param, const NnTrained *block)
{
    return (size_t)(param->tensor->grad - block->gradients);
}

/* Divides the block into at most BUCKETS buckets of about equal size; its parameters are in the order of the model. */
static void cut(DfParallel *p)
{
    const NnTrained block = nn_model_trained(p->weights);
    const size_t least = block.n / (BUCKETS - 1) + 1 > BUCKET ? block.n / (BUCKETS - 1) + 1 : BUCKET;
    for (int i = 0; i < nn_model_count(p->weights); i++) {
        const NnParam *param = nn_model_at(p->weights, i);
        if (!trained(param))
            continue;
        const size_t at = offset_of(param, &block);
        if (p->n == 0 || at - p->buckets[p->n - 1].offset >= least)
            p->buckets[p->n++] = (Bucket){ .offset = at };
        p->buckets[p->n - 1].parameters++;
    }
    for (int b = 0; b < p->n; b++)
        p->buckets[b].n = (b + 1 < p->n ? p->buckets[b + 1].offset : block.n) - p->buckets[b].offset;
}

static Bucket *bucket_of(DfParallel *p, size_t offset)
{
    int low = 0;
    int high = p->n - 1;
    while (low < high) {
        const int middle = (low + high + 1) / 2;
        if (p->buckets[middle].offset <= offset)
            low = middle;
        else
            high = middle - 1;
    }
    return &p->buckets[low];
}

/* ---- making and freeing ------------------------------------------------------------------------------------------ */

/* Every rank has read the same file or drawn with the same seed. Equal weights are essential, so rank 0 sends its own
 * anyway. */
static int share_weights(DfParallel *p)
{
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < nn_model_count(p->weights); i++) {
        const NnParam *param = nn_model_at(p->weights, i);
        error = df_ranks_broadcast(p->ranks, param->tensor->data, df_count(param->shape) * sizeof(float), 0);
    }
    nn_model_changed(p->weights);
    return error;
}

int df_parallel_new(DfParallel **out, DfRanks *ranks, NnModel *weights)
{
    *out = df_calloc(1, sizeof **out);
    DfParallel *p = *out;
    if (!p)
        return df_fail_memory("parallel training");
    p->ranks = ranks;
    p->weights = weights;
    if (df_ranks_count(ranks) == 1)
        return DF_OK;
    p->buckets = df_calloc(BUCKETS, sizeof *p->buckets);
    p->reached = df_calloc((size_t)nn_model_count(weights) + 1, sizeof *p->reached);
    if (!p->buckets || !p->reached)
        return df_fail_memory("parallel training");
    cut(p);
    return share_weights(p);
}

void df_parallel_free(DfParallel *p)
{
    if (!p)
        return;
    df_free(p->buckets);
    df_free(p->reached);
    df_free(p);
}

/* ---- a step ------------------------------------------------------------------------------------------------------ */

static int reduce(void *user, double *sums, size_t n)
{
    DfParallel *p = user;
    return df_ranks_sum(p->ranks, sums, n);
}

static void send(DfParallel *p, const Bucket *bucket)
{
    const int error = df_ranks_sum_begin(p->ranks, nn_model_trained(p->weights).gradients + bucket->offset, bucket->n);
    if (error < 0 && p->error == DF_OK)
        p->error = error;
    p->sent++;
}

static void arrived(void *user, DfTensor *parameter)
{
    DfParallel *p = user;
    const NnTrained block = nn_model_trained(p->weights);
    if (!parameter->grad || parameter->grad < block.gradients || parameter->grad >= block.gradients + block.n)
        return; /* not a parameter but an input that needs a gradient */
    bucket_of(p, (size_t)(parameter->grad - block.gradients))->missing--;
    while (p->sent < p->n && p->buckets[p->n - 1 - p->sent].missing == 0)
        send(p, &p->buckets[p->n - 1 - p->sent]);
    df_ranks_sum_advance(p->ranks);
}

void df_parallel_begin(DfParallel *p, DfCtx *c, bool last)
{
    if (df_ranks_count(p->ranks) == 1)
        return;
    for (int b = 0; b < p->n; b++)
        p->buckets[b].missing = p->buckets[b].parameters;
    p->sent = 0;
    p->error = DF_OK;
    p->last = last;
    c->reduce = reduce;
    c->reduce_user = p;
    c->arrived = last ? arrived : NULL;
    c->arrived_user = p;
}

/* Shares which parameters have gradients: one without a gradient on one rank may have one on another. */
static int share_reached(DfParallel *p)
{
    const int n = nn_model_count(p->weights);
    for (int i = 0; i < n; i++)
        p->reached[i] = nn_model_at(p->weights, i)->tensor->reached;
    const int error = df_ranks_sum(p->ranks, p->reached, (size_t)n);
    for (int i = 0; i < n; i++)
        nn_model_at(p->weights, i)->tensor->reached = p->reached[i] > 0;
    return error;
}

int df_parallel_finish(DfParallel *p, DfCtx *c, int error)
{
    if (df_ranks_count(p->ranks) == 1)
        return error;
    c->reduce = NULL;
    c->arrived = NULL;
    if (error < 0 || !p->last)
        return error;
    while (p->sent < p->n) /* buckets with parameters that this pass did not use */
        send(p, &p->buckets[p->n - 1 - p->sent]);
    error = df_ranks_sum_wait(p->ranks);
    if (error == DF_OK)
        error = p->error;
    return error == DF_OK ? share_reached(p) : error;
}

int df_parallel_losses(DfParallel *p, const DfLosses *losses, float *values)
{
    double sums[DF_LOSSES];
    const double count = df_ranks_count(p->ranks);
    for (int i = 0; i < losses->n; i++) {
        const DfLoss *loss = &losses->v[i];
        sums[i] = loss->loss ? (double)loss->loss->data[0] : (double)loss->figure / count;
    }
    const int error = df_ranks_sum(p->ranks, sums, (size_t)losses->n);
    for (int i = 0; i < losses->n; i++)
        values[i] = (float)sums[i];
    return error;
}
