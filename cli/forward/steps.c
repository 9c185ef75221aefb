/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/forward/steps.c -- training steps on given targets: losses, gradients and buffers of one step, or the weights
 * after several.
 */
#include <math.h>
#include <string.h>

#include "cli/forward/forward.h"

/* `loss:NAME` of everything that is logged, and of the sum that is learnt from. */
static void add_losses(CliOutputs *o, const DfLosses *losses)
{
    for (int i = 0; i <= losses->n && o->error == DF_OK; i++) {
        const bool sum = i == losses->n;
        const DfTensor *loss = sum ? losses->total : losses->v[i].loss;
        float *value = df_arena_alloc(o->arena, 1, sizeof *value);
        const char *name = df_arena_text(o->arena, "loss:%s", sum ? "total" : losses->v[i].name);
        if (!value || !name) {
            o->error = df_fail_memory("the outputs");
            return;
        }
        if (loss)
            *value = loss->data[0];
        else
            *value = sum ? 0 : losses->v[i].figure;
        cli_add_output(o, name, DF_F32, 1, (int[]){ 1 }, value);
    }
}

/* A parameter with two names is written under both. */
static void add_shared(CliOutputs *o, const NnModel *model, const char *prefix)
{
    const NnShared *shared;
    const int n = nn_model_shared(model, &shared);
    const bool gradients = strcmp(prefix, "grad") == 0;
    for (int i = 0; i < n; i++) {
        NnParam param = *nn_model_at(model, shared[i].param);
        param.name = shared[i].name;
        if (!gradients)
            cli_add_param(o, prefix, &param, param.tensor->data);
        else if (!param.buffer && param.tensor->grad && param.tensor->reached)
            cli_add_param(o, prefix, &param, param.tensor->grad);
    }
}

/* `grad:PARAMETER` of what is trained and had a part in the losses; `buffer_after:NAME` of every buffer. */
static void add_weights(CliOutputs *o, const NnModel *model)
{
    for (int i = 0; i < nn_model_count(model); i++) {
        const NnParam *param = nn_model_at(model, i);
        if (param->buffer)
            cli_add_param(o, "buffer_after", param, param->tensor->data);
        else if (param->tensor->grad && param->tensor->reached)
            cli_add_param(o, "grad", param, param->tensor->grad);
    }
    add_shared(o, model, "grad");
}

static int check_losses(const DfLosses *losses)
{
    for (int i = 0; i < losses->n; i++)
        if (losses->v[i].loss && !isfinite(losses->v[i].loss->data[0]))
            return df_fail(DF_EVALUE, "%s is %g", losses->v[i].name, (double)losses->v[i].loss->data[0]);
    return DF_OK;
}

/* Whether the statistics of a norm have moved away from those of the file. */
static bool has_moved(const NnModel *model, const DfCheckpoint *file, const char *name)
{
    const NnParam *param = nn_model_find(model, name);
    const DfArray *before = df_checkpoint_find(file, name);
    const size_t n = param ? df_size(param->tensor) : 0;
    float *numbers = n ? df_malloc(n * sizeof *numbers) : NULL;
    bool moved = false;
    if (numbers && before && (size_t)df_array_count(before) == n) {
        df_array_f32(before, numbers);
        moved = memcmp(numbers, param->tensor->data, n * sizeof *numbers) != 0;
    }
    df_free(numbers);
    return moved;
}

/* num_batches_tracked of the file, one more where the norm has seen this batch. */
static void add_counts(CliOutputs *o, const NnModel *model, const DfCheckpoint *file)
{
    const char *const tail = "num_batches_tracked";
    for (int i = 0; file && i < df_checkpoint_count(file); i++) {
        const DfArray *array = df_checkpoint_at(file, i);
        if (!df_ends_with(array->name, tail) || df_array_count(array) != 1)
            continue;
        const int length = (int)(strlen(array->name) - strlen(tail));
        const char *name = df_arena_text(o->arena, "buffer_after:%s", array->name);
        const char *mean = df_arena_text(o->arena, "%.*srunning_mean", length, array->name);
        int64_t *count = df_arena_alloc(o->arena, 1, sizeof *count);
        if (!name || !mean || !count) {
            o->error = df_fail_memory("the outputs");
            return;
        }
        df_array_i64(array, count);
        *count += has_moved(model, file, mean);
        cli_add_output(o, name, DF_I64, 1, (int[]){ 1 }, count);
    }
}

int cli_forward_losses(CliSession *s, const CliInput *input, const DfCheckpoint *file, CliOutputs *o)
{
    NnModel *weights = df_model_weights(s->model);
    CliBatch given;
    DfLosses losses = { 0 };
    int error = nn_model_train(weights);
    s->c->recording = s->c->training = true;
    if (error == DF_OK)
        error = cli_read_batch(s, input, o->arena, &given);
    if (error == DF_OK)
        error = df_model_losses(s->model, s->c, given.image, &given.batch, &losses);
    if (error == DF_OK)
        error = check_losses(&losses);
    if (error == DF_OK && losses.total) {
        df_backward(s->c, losses.total, NULL);
        nn_model_take_statistics(weights, s->c);
        error = df_ctx_error(s->c);
    }
    if (error < 0)
        return error;
    add_losses(o, &losses);
    add_weights(o, weights);
    add_counts(o, weights, file);
    return o->error;
}

/* ---- several steps ----------------------------------------------------------------------------------------------- */

/* Columns of `losses`, by the names of the config or of the first step. A loss of several levels is their sum. */
typedef struct {
    const char *name[DF_LOSSES];
    int n;
    double *losses, *rates, *norms; /* N n, N 3, at most N */
    int n_norms;
} Table;

/* "loss_cls" of "loss_cls.3"; the whole name if no number is behind it. */
static size_t stem(const char *name)
{
    const char *dot = strrchr(name, '.');
    const bool level = dot && dot[1] && strspn(dot + 1, "0123456789") == strlen(dot + 1);
    return level ? (size_t)(dot - name) : strlen(name);
}

static bool has_column(const Table *t, const char *name, size_t length)
{
    for (int i = 0; i < t->n; i++)
        if (strlen(t->name[i]) == length && strncmp(t->name[i], name, length) == 0)
            return true;
    return false;
}

static void name_columns(Table *t, const DfNode *names, const DfLosses *losses, DfArena *arena)
{
    for (const DfNode *at = names ? names->first : NULL; at && t->n < DF_LOSSES; at = at->next)
        t->name[t->n++] = df_node_text(at, "");
    if (t->n)
        return;
    t->name[t->n++] = "total";
    for (int i = 0; i < losses->n && t->n < DF_LOSSES; i++) {
        const size_t length = stem(losses->v[i].name);
        if (!has_column(t, losses->v[i].name, length))
            t->name[t->n++] = df_arena_copy(arena, losses->v[i].name, length);
    }
}

static double column(const DfStepReport *report, const char *name)
{
    if (strcmp(name, "total") == 0)
        return report->total;
    double sum = 0;
    for (int i = 0; i < report->losses->n; i++) {
        const DfLoss *l = &report->losses->v[i];
        if (strcmp(l->name, name) == 0 || (stem(l->name) == strlen(name) && df_starts_with(l->name, name)))
            sum += (double)(l->loss ? l->loss->data[0] : l->figure);
    }
    return sum;
}

static int add_row(Table *t, const DfStepReport *report, const DfNode *names, long step, long steps, CliOutputs *o)
{
    if (step == 0) {
        name_columns(t, names, report->losses, o->arena);
        t->losses = df_arena_alloc(o->arena, (size_t)steps * (size_t)t->n, sizeof *t->losses);
        t->rates = df_arena_alloc(o->arena, (size_t)steps * 3, sizeof *t->rates);
        t->norms = df_arena_alloc(o->arena, (size_t)steps, sizeof *t->norms);
    }
    if (!t->losses || !t->rates || !t->norms)
        return df_fail_memory("the outputs");
    for (int i = 0; i < t->n; i++)
        t->losses[step * t->n + i] = column(report, t->name[i]);
    const double rates[3] = { report->rate, report->lowest, report->highest };
    memcpy(t->rates + 3 * step, rates, sizeof rates);
    if (report->updated)
        t->norms[t->n_norms++] = report->norm;
    return DF_OK;
}

/* How long the config says that the run is; what it leaves open is as long as the steps. */
static DfRunLength run_length(const CliSession *s, const DfRecipe *recipe, int inputs, long steps)
{
    DfRunLength run = { .epochs = recipe->epochs, .epoch_length = inputs, .iterations = recipe->iterations };
    if (run.epochs > 0)
        run.iterations = run.epochs * run.epoch_length;
    if (run.iterations == 0)
        run.iterations = df_node_int(df_node_get(s->root, "iterations"), steps);
    if (run.iterations < 1)
        run.iterations = steps;
    return run;
}

static int take_steps(CliSession *s, DfTrainer *trainer, const CliInput *inputs, int n, long steps, Table *t,
                      CliOutputs *o)
{
    int error = DF_OK;
    const DfNode *names = df_node_get(s->root, "loss_names");
    for (long i = 0; error == DF_OK && i < steps; i++) {
        CliBatch given;
        DfStepReport report;
        DfArena *arena = df_arena_new();
        df_reset(s->c);
        error = arena ? cli_read_batch(s, &inputs[i % n], arena, &given) : df_fail_memory("a batch");
        if (error == DF_OK)
            error = df_trainer_step(trainer, s->c, given.image, &given.batch, &report);
        if (error == DF_OK)
            error = add_row(t, &report, names, i, steps, o);
        df_arena_free(arena);
    }
    return error;
}

static void add_final(CliOutputs *o, const NnModel *model, DfEma *ema)
{
    for (int i = 0; i < nn_model_count(model); i++) {
        const NnParam *param = nn_model_at(model, i);
        cli_add_param(o, "final", param, param->tensor->data);
        if (ema)
            cli_add_param(o, "ema", param, df_ema_part(ema, i));
    }
    add_shared(o, model, "final");
}

int cli_forward_steps(CliSession *s, const CliInput *inputs, int n, long steps, CliOutputs *o)
{
    DfRecipe recipe;
    DfTrainer *trainer = NULL;
    Table table = { .n = 0 };
    int error = df_recipe_read(&recipe, s->root);
    if (error == DF_OK)
        error = df_recipe_scale(&recipe, s->root, cli_batch_size(&inputs[0]));
    if (error == DF_OK) {
        const DfRunLength run = run_length(s, &recipe, n, steps);
        error = df_trainer_new(&trainer, s->model, &recipe, &run);
    }
    if (error == DF_OK)
        error = take_steps(s, trainer, inputs, n, steps, &table, o);
    if (error == DF_OK) {
        cli_add_output(o, "losses", DF_F64, 2, (int[]){ (int)steps, table.n }, table.losses);
        cli_add_output(o, "lr", DF_F64, 2, (int[]){ (int)steps, 3 }, table.rates);
        cli_add_output(o, "grad_norm", DF_F64, 1, (int[]){ table.n_norms }, table.norms);
        add_final(o, df_model_weights(s->model), df_trainer_ema(trainer));
        error = o->error;
    }
    df_trainer_free(trainer);
    return error;
}
