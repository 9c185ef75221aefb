/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/bench/training.c -- measures the time of a training step on random pictures: forward with losses, backward,
 * update.
 */
#include "cli/bench/bench.h"
#include "cli/common/noise.h"
#include "train/train.h"

#include <math.h>
#include <string.h>

enum { PARTS = 3, WARM_UP = 2 };
static const char *const part_names[PARTS] = { "forward", "backward", "update" };

typedef struct {
    CliNoise noise;
    DfLosses losses;
    DfOptimizer *optimizer;
    int batch, H, W;
} Training;

typedef struct {
    double seconds[PARTS][CLI_PASSES], whole[CLI_PASSES], peak[CLI_PASSES];
    int n;
    double flops; /* of a pass forward */
} StepTimes;

/* AdamW over all that is trained, one group. */
static int optimizer_new(Training *t, NnModel *weights)
{
    const int n = nn_model_count(weights);
    const NnTrained block = nn_model_trained(weights);
    const DfOptimizerRule rule = { .kind = DF_ADAMW, .lr = 1e-5, .weight_decay = 0.05,
                                   .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8 };
    DfSlot *slots = df_calloc((size_t)n + 1, sizeof *slots);
    int slot = 0;
    for (int i = 0; slots && i < n; i++) {
        const NnParam *param = nn_model_at(weights, i);
        if (!param->buffer && !param->frozen)
            slots[slot++] = (DfSlot){ (size_t)(param->tensor->data - block.weights), df_count(param->shape), 0 };
    }
    const int error = slots ? df_optimizer_new(&t->optimizer, &rule, slots, slot, block.n)
                            : df_fail_memory("the optimizer");
    df_free(slots);
    return error;
}

static int training_new(Training *t, CliSession *s, int batch, int H, int W)
{
    NnModel *weights = df_model_weights(s->model);
    *t = (Training){ .batch = batch, .H = H, .W = W };
    int error = cli_noise_new(&t->noise, s, batch, H, W);
    if (error == DF_OK)
        error = nn_model_train(weights);
    if (error == DF_OK)
        error = optimizer_new(t, weights);
    s->c->recording = s->c->training = s->c->frugal = true;
    return error;
}

static void training_done(Training *t)
{
    cli_noise_done(&t->noise);
    df_optimizer_free(t->optimizer);
}

static void update(CliSession *s, const Training *t)
{
    static const double rate = 1e-5, decay = 0.05;
    const DfUpdate how = { .rates = &rate, .decays = &decay, .scale = 1, .limit = INFINITY };
    const NnTrained block = nn_model_trained(df_model_weights(s->model));
    df_optimizer_step(t->optimizer, s->pool, block.weights, block.gradients, &how);
    df_apply_statistics(s->c);
    nn_model_changed(df_model_weights(s->model));
}

/* Seconds of the parts; the pictures are there before. */
static int step(CliSession *s, Training *t, int number, double seconds[PARTS])
{
    df_reset(s->c);
    df_ctx_seed(s->c, 0, (uint64_t)number, 0);
    DfTensor *image = cli_noise_pictures(s, t->batch, t->H, t->W);
    const double start = cli_now();
    int error = df_model_losses(s->model, s->c, image, &t->noise.batch, &t->losses);
    const double forward = cli_now();
    nn_model_zero_gradients(df_model_weights(s->model));
    if (error == DF_OK && t->losses.total)
        df_backward(s->c, t->losses.total, NULL);
    const double backward = cli_now();
    if (error == DF_OK)
        error = df_ctx_error(s->c);
    if (error == DF_OK)
        update(s, t);
    seconds[0] = forward - start;
    seconds[1] = backward - forward;
    seconds[2] = cli_now() - backward;
    return error;
}

/* About twenty seconds of steps. */
static int steps_wanted(int steps, double once)
{
    return steps > 0 ? df_clamp_int(steps, 1, CLI_PASSES) : df_clamp_int((int)(20 / (once + 0.05)), 3, 50);
}

static int measure(CliSession *s, Training *t, int steps, StepTimes *times)
{
    CliSquare square;
    double parts[PARTS] = { 0 };
    int error = cli_square_new(&square);
    for (int i = 0; error == DF_OK && i < WARM_UP; i++) /* weights are packed, slabs settle */
        error = step(s, t, i, parts);
    const int n = steps_wanted(steps, parts[0] + parts[1] + parts[2]);
    df_profile(s->c, true);
    for (int i = 0; error == DF_OK && i < n && !cli_interrupted(); i++, times->n++) {
        times->peak[i] = cli_square_run(s->pool, s->c->k, &square);
        error = step(s, t, WARM_UP + i, parts);
        times->whole[i] = 0;
        for (int k = 0; k < PARTS; k++) {
            times->seconds[k][i] = parts[k];
            times->whole[i] += parts[k];
        }
    }
    const DfProfileRow *rows;
    if (error == DF_OK && df_profile_rows(s->c, &rows) > 0 && times->n > 0)
        times->flops = 2 * (rows[0].macs[DF_MACS_LAYER] + rows[0].macs[DF_MACS_ATTENTION]) / times->n;
    cli_square_done(&square);
    return error;
}

/* ---- the report -------------------------------------------------------------------------------------------------- */

/* Backward is two products for each of forward: one for the gradient of the weights, one for that of the input. */
static double work_of(const StepTimes *times, int part)
{
    return part == 0 ? times->flops : part == 1 ? 2 * times->flops : 0;
}

static void print_table(const CliSession *s, const Training *t, StepTimes *times, double peak)
{
    const int threads = df_pool_threads(s->pool);
    printf("%s, %d x %d x %d x %d, %d thread%s, kernels %s, median of %d steps\n\n%-12s %10s %9s %12s %8s\n",
           df_model_type(s->model), t->batch, df_model_channels(s->model), t->H, t->W, threads,
           threads == 1 ? "" : "s", df_kernels_name(s->c->k), times->n, "", "ms", "GFLOP", "GFLOP/s", "of peak");
    for (int k = 0; k < PARTS; k++) {
        const double seconds = cli_median(times->seconds[k], times->n);
        const double work = work_of(times, k);
        printf("%-12s %10.1f", part_names[k], 1e3 * seconds);
        if (work > 0)
            printf(" %9.1f %12.1f %7.1f%%", 1e-9 * work, 1e-9 * work / seconds, 100 * work / seconds / peak);
        printf("\n");
    }
    const double whole = cli_median(times->whole, times->n);
    const double work = 3 * times->flops;
    printf("%-12s %10.1f %9.1f %12.1f %7.1f%%\n", "step", 1e3 * whole, 1e-9 * work, 1e-9 * work / whole,
           100 * work / whole / peak);
    printf("\n%.2f images/s; sgemm peak %.1f GFLOP/s; peak memory %.0f MB\n", t->batch / whole, 1e-9 * peak,
           1e-6 * (double)df_memory_most());
}

static int print_json(const CliSession *s, StepTimes *times, double peak, const char *path)
{
    DfJsonWriter json = { 0 };
    df_json_begin(&json, NULL, '{');
    for (int k = 0; k < PARTS; k++) {
        char key[32];
        snprintf(key, sizeof key, "%s_milliseconds", part_names[k]);
        df_json_put_number(&json, key, 1e3 * cli_median(times->seconds[k], times->n));
    }
    const double whole = cli_median(times->whole, times->n);
    df_json_put_number(&json, "milliseconds", 1e3 * whole);
    df_json_put_number(&json, "whole_milliseconds", 1e3 * whole);
    df_json_put_number(&json, "gflops", 1e-9 * 3 * times->flops / whole);
    df_json_put_number(&json, "sgemm_peak_gflops", 1e-9 * peak);
    df_json_put_number(&json, "share_of_peak", 3 * times->flops / whole / peak);
    df_json_put_number(&json, "peak_rss_bytes", (double)df_memory_most());
    df_json_put_number(&json, "threads", df_pool_threads(s->pool));
    df_json_end(&json);
    return cli_write_json(&json, path);
}

int cli_bench_training(CliSession *s, int batch, int H, int W, int steps, const char *json_path)
{
    Training t;
    StepTimes *times = df_calloc(1, sizeof *times);
    int error = training_new(&t, s, batch, H, W);
    if (error == DF_OK)
        error = times ? measure(s, &t, steps, times) : df_fail_memory("the times");
    if (error == DF_OK && times->n == 0)
        error = df_fail(DF_EINTERRUPT, "interrupted before the first step was done");
    if (error == DF_OK) {
        const double peak = cli_median(times->peak, times->n);
        if (!json_path || strcmp(json_path, "-") != 0)
            print_table(s, &t, times, peak);
        error = print_json(s, times, peak, json_path);
    }
    training_done(&t);
    df_free(times);
    return error;
}
