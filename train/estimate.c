/* SPDX-License-Identifier: Apache-2.0
 *
 * train/estimate.c -- estimates what a run needs: memory by a dry pass, which computes nothing, and time by measuring
 * steps.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/run_parts.h"

enum { LOOKED_AT = 8, FEW = 2, MEASURED = 2 };

typedef struct {
    int n, height, width;
} Size;

/* The largest batch among the first n. */
static int find_largest(DfRun *r, Size *largest, int n)
{
    DfTrainingLoader *loader = NULL;
    DfTrainingLoading what = r->loading;
    what.threads = 0;
    *largest = (Size){ 0 };
    int error = df_training_loader_new(&loader, &what);
    for (int i = 0; error == DF_OK && i < n && i < r->steps; i++) {
        DfBatch batch;
        df_training_loader_next(loader, &batch);
        if (batch.error < 0)
            error = df_fail(batch.error, "%s", batch.message);
        else if ((int64_t)batch.height * batch.width > (int64_t)largest->height * largest->width)
            *largest = (Size){ batch.n, batch.height, batch.width };
        df_batch_free(&batch);
    }
    df_training_loader_free(loader);
    return error;
}

/* Counts the memory of a forward pass with a tape, whose tensors all stay until the step ends. The backward pass adds
 * about as much: the gradient of every tensor that is not a parameter exists until it has been propagated. */
static int dry_pass(DfRun *r, const Size *batch, size_t *activations)
{
    DfCtx *c;
    int error = df_ctx_new(&c, NULL);
    if (error < 0)
        return error;
    c->dry = true;
    c->recording = true;
    c->training = true;
    df_model_forward(r->model, c,
                     df_new(c, DF_SHAPE(batch->n, batch->height, batch->width, df_model_channels(r->model))));
    error = df_ctx_error(c);
    *activations = 2 * c->peak;
    df_ctx_free(c);
    return error;
}

static int measure(DfRun *r, double *seconds, size_t *activations)
{
    DfStepReport report;
    int error = DF_OK;
    *seconds = INFINITY;
    for (int i = 0; error == DF_OK && i <= MEASURED; i++) { /* the first step also packs weights and allocates */
        const double start = df_run_clock();
        error = df_run_step(r, &report);
        const double took = df_run_clock() - start;
        *seconds = i && took < *seconds ? took : *seconds;
        *activations = i == 0 || r->c->peak > *activations ? r->c->peak : *activations;
        df_reset(r->c);
    }
    return error;
}

/* Computes no numbers. */
static int estimate_memory(DfRun *r, DfRunEstimate *out, int batches)
{
    Size batch;
    *out = (DfRunEstimate){ .step_seconds = (double)NAN, .seconds = (double)NAN };
    int error = find_largest(r, &batch, batches);
    if (error == DF_OK)
        error = dry_pass(r, &batch, &out->activations);
    out->height = batch.height;
    out->width = batch.width;
    out->weights = df_memory().now;
    out->there = (size_t)df_memory_there();
    out->fits = (double)out->weights + (double)out->activations < (double)out->there;
    return error;
}

int df_run_check_memory(DfRun *r)
{
    DfRunEstimate e;
    const int error = estimate_memory(r, &e, FEW);
    if (error < 0 || e.fits)
        return error;
    return df_fail(DF_ENOMEM,
                   "a step with pictures of %d x %d needs about %.1f GB of memory and there are %.1f GB: smaller "
                   "pictures, a smaller data.samples_per_gpu or with_cp=True need less",
                   e.height, e.width, 1e-9 * (double)(e.weights + e.activations), 1e-9 * (double)e.there);
}

int df_run_estimate(DfRun *r, DfRunEstimate *out)
{
    int error = estimate_memory(r, out, LOOKED_AT);
    if (error < 0 || !out->fits)
        return error;
    error = measure(r, &out->step_seconds, &out->activations);
    out->seconds = out->step_seconds * (double)(r->steps - r->state.at.step);
    return error;
}
