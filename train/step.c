/* SPDX-License-Identifier: Apache-2.0
 *
 * train/step.c -- one training step, from a batch to updated weights.
 */
#include "train/step.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct DfTrainer {
    DfModel *model;
    NnModel *weights;
    DfRecipe recipe;
    DfRunLength run;
    DfGroups groups;
    DfOptimizer *optimizer;
    DfSchedule *schedule;
    DfEma *ema;
    bool *absent;            /* [slots]: no loss depends on it */
    uint64_t seed;
    int first_sample;
    int64_t iteration;
    bool due;                /* the step is made behind this batch */
    DfLosses losses;
};

/* ---- making one -------------------------------------------------------------------------------------------------- */

static int new_ema(DfTrainer *t)
{
    if (t->recipe.ema.kind == DF_EMA_NONE)
        return DF_OK;
    const int n = nn_model_count(t->weights);
    DfEmaPart *parts = df_malloc(((size_t)n + 1) * sizeof *parts);
    if (!parts)
        return df_fail_memory("averaged weights");
    for (int i = 0; i < n; i++) {
        const NnParam *param = nn_model_at(t->weights, i);
        parts[i] = (DfEmaPart){ param->tensor->data, df_size(param->tensor), param->buffer };
    }
    const int error = df_ema_new(&t->ema, &t->recipe.ema, parts, n);
    df_free(parts);
    return error;
}

static int new_parts(DfTrainer *t)
{
    int error = nn_model_train(t->weights);
    if (error == DF_OK)
        error = df_groups_new(&t->groups, t->weights, &t->recipe);
    if (error == DF_OK && t->groups.n == 0)
        error = df_fail(DF_EVALUE, "nothing of this network is trained: all of its parameters are frozen");
    if (error == DF_OK)
        error = df_optimizer_new(&t->optimizer, &t->recipe.rule, t->groups.slots, t->groups.n,
                                 nn_model_trained(t->weights).n);
    if (error == DF_OK)
        error = df_recipe_schedule(&t->schedule, &t->recipe, &t->run, t->groups.rates, t->groups.n_groups);
    if (error == DF_OK)
        error = new_ema(t);
    t->absent = df_calloc((size_t)t->groups.n + 1, sizeof *t->absent);
    return error == DF_OK && !t->absent ? df_fail_memory("a training run") : error;
}

int df_trainer_new(DfTrainer **out, DfModel *model, const DfRecipe *recipe, const DfRunLength *run)
{
    *out = NULL;
    if (recipe->dialect == DF_RECIPE_NONE)
        return df_fail(DF_EVALUE, "the config names no optimizer: want the key 'optimizer' or 'optim_wrapper'");
    if (recipe->half)
        df_log(DF_LOG_INFO, "the config asks for float16: this run computes in float32");
    DfTrainer *t = df_calloc(1, sizeof *t);
    if (!t)
        return df_fail_memory("a training run");
    t->model = model;
    t->weights = df_model_weights(model);
    t->recipe = *recipe;
    t->run = *run;
    const int error = new_parts(t);
    if (error < 0) {
        df_trainer_free(t);
        return error;
    }
    *out = t;
    return DF_OK;
}

void df_trainer_free(DfTrainer *t)
{
    if (!t)
        return;
    df_groups_done(&t->groups);
    df_optimizer_free(t->optimizer);
    df_schedule_free(t->schedule);
    df_ema_free(t->ema);
    df_free(t->absent);
    df_free(t);
}

/* ---- what is not finite ------------------------------------------------------------------------------------------ */

static int check_losses(const DfTrainer *t)
{
    for (int i = 0; i < t->losses.n; i++) {
        const DfLoss *l = &t->losses.v[i];
        if (l->loss && !isfinite(l->loss->data[0]))
            return df_fail(DF_EVALUE, "%s is %g", l->name, (double)l->loss->data[0]);
    }
    if (!isfinite(t->losses.total->data[0]))
        return df_fail(DF_EVALUE, "the sum of all losses is %g", (double)t->losses.total->data[0]);
    return DF_OK;
}

/* The norm is not finite: the first parameter for which this is so. */
static int blame(const DfTrainer *t)
{
    const NnParam *param = nn_model_bad_gradient(t->weights);
    if (param)
        return df_fail(DF_EVALUE, "the gradient of %s is not finite", param->name);
    return df_fail(DF_EVALUE, "the norm of the gradient is not finite");
}

static bool has_finite_gradients(const DfTrainer *t, const DfCtx *c)
{
    const NnTrained all = nn_model_trained(t->weights);
    return isfinite(df_gradient_norm(c->pool, all.gradients, all.n, 2));
}

/* The same batch again, slowly: the sentence also says which module was the first to give such a number. All tensors of
 * the step are forgotten. Not with several processes, which would all have to take part. */
static int find_source(DfTrainer *t, DfCtx *c, DfTensor *image, const DfLossBatch *batch, int error)
{
    char sentence[512];
    const size_t n = df_size(image);
    const DfShape shape = image->shape;
    float *pixels = df_malloc(n * sizeof *pixels + 1);
    if (error != DF_EVALUE || !pixels || c->reduce) {
        df_free(pixels);
        return error;
    }
    snprintf(sentence, sizeof sentence, "%s", df_error());
    memcpy(pixels, image->data, n * sizeof *pixels);
    df_reset(c);
    df_ctx_seed(c, t->seed, (uint64_t)t->iteration, t->first_sample);
    df_ctx_check(c, true);
    t->losses = (DfLosses){ 0 };
    const int again = df_model_losses(t->model, c, df_borrow(c, shape, pixels), batch, &t->losses);
    if (again == DF_OK && t->losses.total)
        df_backward(c, t->losses.total, NULL);
    const bool found = df_ctx_error(c) < 0 && strcmp(df_error(), sentence) != 0;
    char source[512];
    snprintf(source, sizeof source, "%s", df_error());
    df_ctx_check(c, false);
    df_reset(c);
    t->losses = (DfLosses){ 0 };
    df_free(pixels);
    return found ? df_fail(DF_EVALUE, "%s; first of all, %s", sentence, source) : df_fail(DF_EVALUE, "%s", sentence);
}

/* ---- a step ------------------------------------------------------------------------------------------------------ */

/* In front of the sentence: which iteration. */
static int in_iteration(const DfTrainer *t, int error)
{
    return error < 0 ? df_fail_in(error, "iteration %lld: ", (long long)t->iteration) : DF_OK;
}

static void report_rates(const DfTrainer *t, DfStepReport *out)
{
    const double *rates = df_schedule_rates(t->schedule);
    out->rate = rates[t->groups.first];
    out->lowest = out->highest = rates[0];
    for (int i = 1; i < t->groups.n_groups; i++) {
        out->lowest = fmin(out->lowest, rates[i]);
        out->highest = fmax(out->highest, rates[i]);
    }
}

/* Gradients of several batches add up, each divided by their number. */
int df_trainer_backward(DfTrainer *t, DfCtx *c, DfTensor *image, const DfLossBatch *batch, DfStepReport *out)
{
    const int batches = df_accumulation(t->iteration, t->run.iterations, t->recipe.accumulation, &t->due);
    const float share = 1 / (float)batches;
    *out = (DfStepReport){ .losses = &t->losses };
    report_rates(t, out);
    t->losses = (DfLosses){ 0 };
    c->recording = c->training = true;
    df_ctx_seed(c, t->seed, (uint64_t)t->iteration, t->first_sample);
    int error = df_model_losses(t->model, c, image, batch, &t->losses);
    if (error == DF_OK && !t->losses.total)
        error = df_fail(DF_EVALUE, "the network has no losses");
    if (error == DF_OK)
        error = check_losses(t);
    if (error < 0)
        return in_iteration(t, find_source(t, c, image, batch, error));
    out->total = (double)t->losses.total->data[0];
    df_backward(c, t->losses.total, &share);
    error = df_ctx_error(c);
    if (error == DF_OK && !c->reduce && !has_finite_gradients(t, c)) /* of several processes the sum is looked at */
        error = find_source(t, c, image, batch, blame(t));
    if (error == DF_OK)
        nn_model_take_statistics(t->weights, c);
    return in_iteration(t, error);
}

static int update(DfTrainer *t, DfCtx *c, DfStepReport *out)
{
    const NnTrained all = nn_model_trained(t->weights);
    const DfClip *clip = &t->recipe.clip;
    const bool other = clip->kind == DF_CLIP_NORM && (clip->p > 2 || clip->p < 2);
    out->norm = df_gradient_norm(c->pool, all.gradients, all.n, 2);
    if (!isfinite(out->norm))
        return blame(t);
    const double norm = other ? df_gradient_norm(c->pool, all.gradients, all.n, clip->p) : out->norm;
    for (int i = 0; i < t->groups.n; i++)
        t->absent[i] = !t->groups.params[i]->tensor->reached;
    const DfUpdate how = {
        .rates = df_schedule_rates(t->schedule),
        .decays = t->groups.decays,
        .absent = t->absent,
        .scale = df_clip_scale(clip, norm),
        .limit = df_clip_limit(clip),
    };
    df_optimizer_step(t->optimizer, c->pool, all.weights, all.gradients, &how);
    nn_model_changed(t->weights);
    nn_model_zero_gradients(t->weights);
    out->updated = true;
    return DF_OK;
}

/* Rates go on with every batch, as do averages: mmcv's and mmengine's hooks know nothing of accumulation. */
int df_trainer_update(DfTrainer *t, DfCtx *c, DfStepReport *out)
{
    const int error = t->due ? update(t, c, out) : DF_OK;
    if (error < 0)
        return in_iteration(t, error);
    if (t->ema)
        df_ema_update(t->ema, c->pool, t->iteration, t->iteration / t->run.epoch_length);
    t->iteration++;
    df_schedule_next(t->schedule);
    return DF_OK;
}

int df_trainer_step(DfTrainer *t, DfCtx *c, DfTensor *image, const DfLossBatch *batch, DfStepReport *out)
{
    const int error = df_trainer_backward(t, c, image, batch, out);
    return error == DF_OK ? df_trainer_update(t, c, out) : error;
}

/* ---- its parts --------------------------------------------------------------------------------------------------- */

void df_trainer_seed(DfTrainer *t, uint64_t seed, int first_sample)
{
    t->seed = seed;
    t->first_sample = first_sample;
}

int64_t df_trainer_iteration(const DfTrainer *t)
{
    return t->iteration;
}

void df_trainer_seek(DfTrainer *t, int64_t iteration)
{
    t->iteration = iteration;
    df_schedule_seek(t->schedule, iteration);
}

const DfGroups *df_trainer_groups(const DfTrainer *t)
{
    return &t->groups;
}

DfOptimizer *df_trainer_optimizer(DfTrainer *t)
{
    return t->optimizer;
}

DfEma *df_trainer_ema(DfTrainer *t)
{
    return t->ema;
}
