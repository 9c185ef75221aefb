/* SPDX-License-Identifier: Apache-2.0
 *
 * train/learner.c -- the weights of a run: starts them, changes them by one step, and saves and restores them with the
 * run's state.
 */
#include <stdio.h>
#include <string.h>

#include "train/run_parts.h"

/* ---- the state --------------------------------------------------------------------------------------------------- */

/* Pointers to each parameter's numbers in a block with the layout of the trained weights. */
static float **pointers_into(DfRun *r, float *block)
{
    const int n = nn_model_count(r->weights);
    const float *weights = nn_model_trained(r->weights).weights;
    float **of = df_arena_alloc(r->arena, (size_t)n + 1, sizeof *of);
    for (int i = 0; of && i < n; i++) {
        const NnParam *param = nn_model_at(r->weights, i);
        of[i] = nn_is_trained(param) ? block + (param->tensor->data - weights) : NULL;
    }
    return of;
}

static float **averages(DfRun *r)
{
    const int n = nn_model_count(r->weights);
    float **of = df_arena_alloc(r->arena, (size_t)n + 1, sizeof *of);
    for (int i = 0; of && i < n; i++)
        of[i] = df_ema_part(df_trainer_ema(r->trainer), i);
    return of;
}

static void add_array(DfRun *r, bool *fine, const char *name, float *block)
{
    float **of = pointers_into(r, block);
    *fine = *fine && of;
    r->arrays[r->state.n++] = (DfStateArray){ .name = name, .of = of };
}

/* Lists the arrays of the state: moments, accumulated gradients, averages, counters, and the sums of the log. */
static int describe_state(DfRun *r)
{
    bool fine = true;
    const DfOptimizerState o = df_optimizer_state(df_trainer_optimizer(r->trainer));
    r->state.model = r->weights;
    r->state.arrays = r->arrays;
    for (int i = 0; i < o.n; i++)
        add_array(r, &fine, o.name[i], o.block[i]);
    if (r->recipe.accumulation > 1)
        add_array(r, &fine, "gradient", nn_model_trained(r->weights).gradients);
    if (df_trainer_ema(r->trainer)) {
        float **of = averages(r);
        fine = fine && of;
        r->state.average = of;
    }
    r->n_counts = df_trainer_groups(r->trainer)->n + 1;
    r->counts = df_arena_alloc(r->arena, (size_t)r->n_counts, sizeof *r->counts);
    r->arrays[r->state.n++] = (DfStateArray){ .name = "counts", .list = r->counts, .n = r->n_counts };
    r->arrays[r->state.n++] = (DfStateArray){ .name = "logged", .list = r->means.sum,
                                              .n = sizeof r->means.sum / sizeof *r->means.sum };
    return fine && r->counts ? DF_OK : df_fail_memory("the state of a run");
}

/* The optimizer's step count of each parameter, and the number of updates of the average. The state stores them as
 * doubles, which are exact for such integers. */
static void copy_counts(DfRun *r, bool into_state)
{
    const DfOptimizerState o = df_optimizer_state(df_trainer_optimizer(r->trainer));
    DfEma *ema = df_trainer_ema(r->trainer);
    int64_t *averaged = ema ? df_ema_state(ema).steps : NULL;
    for (int i = 0; i < r->n_counts; i++) {
        int64_t *count = i + 1 < r->n_counts ? &o.steps[i] : averaged;
        if (count && into_state)
            r->counts[i] = (double)*count;
        else if (count)
            *count = (int64_t)r->counts[i];
    }
}

int df_run_write(DfRun *r, const char *path)
{
    copy_counts(r, true);
    return df_state_write(&r->state, path);
}

/* Restores `reached` after resuming: a parameter that has accumulated gradients has some that are not 0. */
static void mark_reached(DfRun *r)
{
    const NnTrained t = nn_model_trained(r->weights);
    for (int i = 0; i < nn_model_count(r->weights); i++) {
        const NnParam *param = nn_model_at(r->weights, i);
        if (!nn_is_trained(param))
            continue;
        const float *g = t.gradients + (param->tensor->data - t.weights);
        for (size_t k = 0; !param->tensor->reached && k < df_size(param->tensor); k++)
            param->tensor->reached = g[k] < 0 || g[k] > 0;
    }
}

int df_run_read(DfRun *r, const char *path)
{
    const int error = df_state_read(&r->state, path);
    if (error < 0)
        return error;
    copy_counts(r, false);
    if (r->recipe.accumulation > 1)
        mark_reached(r);
    nn_model_changed(r->weights);
    return DF_OK;
}

/* ---- weights ----------------------------------------------------------------------------------------------------- */

/* Loads the parameters of a checkpoint whose shapes agree; one with another shape belongs to a head with other
 * classes. */
static int take_weights(DfRun *r, const char *from, const DfPretrained *of)
{
    NnReport report = { 0 };
    const DfModelLoad load = { .allow_missing = true, .allow_wrong_shape = true, .onto = true, .prefix = of->prefix,
                               .module = of->module, .report = &report };
    int error = df_model_load(r->model, from, &load);
    const int loaded = report.of[NN_LOADED].n + report.of[NN_RESIZED].n;
    const int wrong = report.of[NN_WRONG_SHAPE].n;
    if (error == DF_OK && loaded == 0)
        error = df_fail(DF_EVALUE, "%s: none of its keys is a parameter of this network%s%s", from,
                        *of->module ? " below " : "", of->module);
    if (error == DF_OK && wrong)
        df_log(DF_LOG_WARNING, "%d parameters of another shape get random weights, the first is %s", wrong,
               report.of[NN_WRONG_SHAPE].name[0]);
    if (error == DF_OK && report.of[NN_MISSING].n)
        df_log(DF_LOG_WARNING, "%d parameters that the checkpoint lacks get random weights, the first is %s",
               report.of[NN_MISSING].n, report.of[NN_MISSING].name[0]);
    nn_report_free(&report);
    return error;
}

/* As in mmengine: random weights, then pretrained weights of parts, then those of the whole, each over the former. */
static int load_weights(DfRun *r)
{
    const DfPretrained whole = { .module = "" };
    const char *from = r->o.init ? r->o.init : r->plan.load_from;
    int error = df_model_init(r->model, r->state.at.seed);
    for (size_t i = 0; error == DF_OK && i < r->pretrained.n; i++)
        if (df_is_file(r->pretrained.at[i].file))
            error = take_weights(r, r->pretrained.at[i].file, &r->pretrained.at[i]);
    return error == DF_OK && from ? take_weights(r, from, &whole) : error;
}

int df_run_learner_open(DfRun *r)
{
    const DfRunLength length = { r->plan.epochs, r->per_epoch, r->steps };
    int error = load_weights(r);
    if (error == DF_OK)
        error = df_trainer_new(&r->trainer, r->model, &r->recipe, &length);
    return error < 0 ? error : describe_state(r);
}

int df_run_learner_seek(DfRun *r)
{
    df_trainer_seek(r->trainer, r->state.at.step);
    r->loading.first = r->state.at.step;
    return DF_OK;
}

void df_run_swap_average(DfRun *r)
{
    DfEma *ema = df_trainer_ema(r->trainer);
    for (int i = 0; ema && i < nn_model_count(r->weights); i++) {
        DfTensor *tensor = nn_model_at(r->weights, i)->tensor;
        float *average = df_ema_part(ema, i);
        for (size_t k = 0; k < df_size(tensor); k++) {
            const float kept = tensor->data[k];
            tensor->data[k] = average[k];
            average[k] = kept;
        }
    }
    if (ema)
        nn_model_changed(r->weights);
}

/* ---- one iteration ----------------------------------------------------------------------------------------------- */

/* Rejects a pipeline without normalisation, as for a test set: pixels of 0 to 255 are almost always a mistake. */
static int open_loader(DfRun *r)
{
    const int error = df_training_loader_new(&r->loader, &r->loading);
    if (error < 0 || df_training_loader_normalises(r->loader))
        return error;
    return df_fail(DF_EVALUE, "nothing normalises the training pictures: want Normalize(mean, std) in the pipeline of "
                   "data.train, or mean and std in the model's data_preprocessor; for pixels of 0 to 255 say "
                   "Normalize(mean=[0, 0, 0], std=[1, 1, 1])");
}

static int next_batch(DfRun *r, DfBatch *batch)
{
    int error = DF_OK;
    if (!r->loader)
        error = open_loader(r);
    if (error < 0)
        return error;
    df_training_loader_next(r->loader, batch);
    return batch->error < 0 ? df_fail(batch->error, "%s", batch->message) : DF_OK;
}

/* Runs forward and backward with some pictures of a batch and checks every result; returns the error that names the
 * first NaN or infinity. Weights do not change. */
static int look_at(DfRun *r, const DfBatch *batch, int first, int n)
{
    DfStepReport report;
    const size_t floats = 3 * (size_t)batch->height * (size_t)batch->width;
    const DfLossBatch what = { .n = n, .metas = batch->metas + first, .objects = batch->objects + first };
    df_reset(r->c);
    df_trainer_seed(r->trainer, r->state.at.seed, batch->first + first);
    df_ctx_check(r->c, true);
    DfTensor *image =
        df_borrow(r->c, DF_SHAPE(n, batch->height, batch->width, 3), batch->pixels + (size_t)first * floats);
    const int error = df_trainer_backward(r->trainer, r->c, image, &what, &report);
    df_ctx_check(r->c, false);
    return error;
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Repeats a failed step picture by picture, to name the module and the picture: "step 12, a.jpg: ..". If no single
 * picture fails, the error is that of the whole batch. */
static int blame(DfRun *r, const DfBatch *batch, int error)
{
    const long long step = (long long)r->state.at.step + 1;
    char before[512];
    snprintf(before, sizeof before, "%s", df_error());
    for (int i = 0; !r->parallel && i < batch->n; i++)
        if (look_at(r, batch, i, 1) < 0)
            return df_fail_in(error, "step %lld, %s: ", step, name_of(batch->path[i]));
    if (!r->parallel && look_at(r, batch, 0, batch->n) < 0)
        return df_fail_in(error, "step %lld, %s and others: ", step, name_of(batch->path[0]));
    return df_fail(error, "step %lld, %s%s: %s", step, name_of(batch->path[0]), batch->n > 1 ? " and others" : "",
                   before);
}

static int learn(DfRun *r, DfBatch *batch, DfStepReport *report)
{
    float *pixels;
    const DfLossBatch what = { .n = batch->n, .metas = batch->metas, .objects = batch->objects };
    int error = df_run_together_pad(r, batch, &pixels);
    if (error < 0)
        return error;
    df_reset(r->c);
    df_trainer_seed(r->trainer, r->state.at.seed, batch->first);
    DfTensor *image = df_borrow(r->c, DF_SHAPE(batch->n, batch->height, batch->width, 3), pixels);
    error = df_run_together_step(r, image, &what, report);
    if (error == DF_EVALUE)
        blame(r, batch, error);
    r->c->recording = false;
    r->c->training = false;
    return error;
}

int df_run_step(DfRun *r, DfStepReport *report)
{
    DfBatch batch = { 0 };
    const double start = df_run_clock();
    int error = next_batch(r, &batch);
    const double data_seconds = df_run_clock() - start;
    if (error == DF_OK)
        error = learn(r, &batch, report);
    df_batch_free(&batch);
    r->means.seconds += df_run_clock() - start;
    r->means.data_seconds += data_seconds;
    r->means.timed++;
    return error;
}
