/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/train/test_forward.c -- `deformer forward --losses` and `--steps` on the batches of official training steps:
 * losses, gradients, rates, and the weights after several steps.
 */
#define _DEFAULT_SOURCE /* mkstemps */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "tests/support/golden.h"

/* What the program writes for a folder of references. */
static DfCheckpoint *run_program(const char *folder, const char *weights, const char *options)
{
    char command[4096], out[] = "/tmp/forward-XXXXXX.safetensors";
    const int file = mkstemps(out, 12);
    cr_assert_geq(file, 0);
    close(file);
    snprintf(command, sizeof command, DF_PROGRAM " forward %s/config.json %s/%s --input %s/input.safetensors --output %s --quiet %s",
             folder, folder, weights, folder, out, options);
    cr_assert_eq(system(command), 0, "%s", command);
    DfCheckpoint *got = golden_open("%s", out);
    remove(out); /* what was read of it stays */
    return got;
}

static double largest(const DfArray *array)
{
    double most = 0;
    double *values = df_malloc((size_t)df_array_count(array) * sizeof *values + 1);
    cr_assert_not_null(values);
    df_array_f64(array, values);
    for (int64_t i = 0; i < df_array_count(array); i++)
        most = fmax(most, fabs(values[i]));
    df_free(values);
    return most;
}

/* Gradients that are 0 but for rounding are left out: of a bias right before a norm. */
static void compare(const char *folder, const DfCheckpoint *want, const DfCheckpoint *got)
{
    int losses = 0, gradients = 0;
    for (int i = 0; i < df_checkpoint_count(want); i++) {
        const DfArray *array = df_checkpoint_at(want, i);
        const bool loss = strncmp(array->name, "loss:", 5) == 0;
        const bool gradient = strncmp(array->name, "grad:", 5) == 0 && largest(array) > 1e-6;
        if (!loss && !gradient)
            continue;
        float *ours = golden_f32(got, array->name);
        const size_t step = golden_step(array, (size_t)df_array_count(golden_get(got, array->name)));
        for (size_t k = 0; k < (size_t)df_array_count(array); k++) /* a large gradient is kept in part */
            ours[k] = ours[k * step];
        const double far = max_abs_over_max(ours, array);
        cr_expect(far <= (loss ? 1e-5 : 1e-4), "%s: %s is off by %g", folder, array->name, far);
        losses += loss;
        gradients += gradient;
        df_free(ours);
    }
    cr_expect(losses >= 2, "%s: %d losses, %d gradients", folder, losses, gradients);
}

static void check(const char *name)
{
    char folder[512];
    snprintf(folder, sizeof folder, DF_TEST_DATA "/%s", name);
    DfCheckpoint *want = golden_open("%s/expected.safetensors", folder);
    DfCheckpoint *got = run_program(folder, "weights.pth", "--losses");
    compare(name, want, got);
    golden_close(want);
    golden_close(got);
}

/* Batch norms in training: what they keep moves, and is counted. */
Test(forward, losses_of_upernet)
{
    check("networks/upernet_train");
    DfCheckpoint *got = run_program(DF_TEST_DATA "/networks/upernet_train", "weights.pth", "--losses");
    DfCheckpoint *want = golden_open(DF_TEST_DATA "/networks/upernet_train/expected.safetensors");
    int buffers = 0;
    for (int i = 0; i < df_checkpoint_count(want); i++) {
        const DfArray *array = df_checkpoint_at(want, i);
        if (strncmp(array->name, "buffer_after:", 13) != 0)
            continue;
        float *ours = golden_f32(got, array->name);
        cr_expect(max_abs_over_max(ours, array) <= 1e-5, "%s is off by %g", array->name, max_abs_over_max(ours, array));
        df_free(ours);
        buffers++;
    }
    cr_expect_gt(buffers, 0);
    golden_close(want);
    golden_close(got);
}

Test(forward, losses_of_deformable_detr)
{
    check("deformable_detr/plain");
    check("deformable_detr/box_refine");
    check("deformable_detr/two_stage");
    check("deformable_detr/single_scale");
}

/* ---- several steps --------------------------------------------------------------------------------------------------- */

static void expect_table(const DfCheckpoint *want, const DfCheckpoint *got, const char *name, double limit)
{
    double *a = df_malloc((size_t)df_array_count(golden_get(want, name)) * sizeof *a);
    double *b = df_malloc((size_t)df_array_count(golden_get(got, name)) * sizeof *b);
    cr_assert(a && b);
    cr_assert_eq(df_array_count(golden_get(want, name)), df_array_count(golden_get(got, name)));
    df_array_f64(golden_get(want, name), a);
    df_array_f64(golden_get(got, name), b);
    for (int64_t i = 0; i < df_array_count(golden_get(want, name)); i++)
        cr_expect(fabs(a[i] - b[i]) <= limit * fabs(a[i]), "%s, number %d: %.9g, want %.9g", name, (int)i, b[i], a[i]);
    df_free(a);
    df_free(b);
}

/* Ten times what float32 costs PyTorch itself; that is most for the biases whose gradient is 0. */
static int expect_final(const DfCheckpoint *want, const DfCheckpoint *got, const DfNode *tolerance)
{
    int compared = 0;
    for (int i = 0; i < df_checkpoint_count(want); i++) {
        const DfArray *array = df_checkpoint_at(want, i);
        if (strncmp(array->name, "final:", 6) != 0)
            continue;
        float *a = golden_f32(want, array->name), *b = golden_f32(got, array->name);
        const double limit = 10 * df_node_get(tolerance, array->name + 6)->first->number + 1e-7;
        for (int64_t k = 0; k < df_array_count(array); k++)
            cr_expect(fabs((double)a[k] - (double)b[k]) <= limit, "%s, number %d: %g, want %g", array->name, (int)k, (double)b[k], (double)a[k]);
        df_free(a);
        df_free(b);
        compared++;
    }
    return compared;
}

Test(forward, five_steps_of_upernet)
{
    const char *folder = DF_TEST_DATA "/train/upernet";
    DfCheckpoint *want = golden_open("%s/expected.safetensors", folder);
    DfCheckpoint *got = run_program(folder, "weights.safetensors", "--steps 5 --input " DF_TEST_DATA "/train/upernet/input1.safetensors");
    const char *text = df_checkpoint_metadata(want, "final_tolerance");
    DfConfig *tolerance;
    cr_assert_eq(df_config_parse(&tolerance, text, strlen(text), "tolerance", false), DF_OK, "%s", df_error());
    expect_table(want, got, "losses", 1e-5);
    expect_table(want, got, "lr", 1e-12);
    expect_table(want, got, "grad_norm", 1e-4);
    cr_expect_gt(expect_final(want, got, df_config_root(tolerance)), 120);
    df_config_free(tolerance);
    golden_close(want);
    golden_close(got);
}

/* ---- accumulation and averages --------------------------------------------------------------------------------------- */

#define UPERNET DF_TEST_DATA "/train/upernet"
#define CONSTANT \
    " --set param_scheduler=None --set optim_wrapper.clip_grad=None --set \"optim_wrapper.optimizer=dict(_delete_=True, type='SGD', lr=0.05, momentum=0.9)\""

/* max |a - (share b + (1 - share) c)| over all weights: a from `first` under its prefix, b and c `final:`. */
static double far_apart(const DfCheckpoint *first, const char *prefix, const DfCheckpoint *b, const DfCheckpoint *c, double share)
{
    double far = 0;
    int compared = 0;
    for (int i = 0; i < df_checkpoint_count(first); i++) {
        const DfArray *array = df_checkpoint_at(first, i);
        if (strncmp(array->name, prefix, strlen(prefix)) != 0 || strstr(array->name, "running_"))
            continue;
        char name[256];
        snprintf(name, sizeof name, "final:%.240s", array->name + strlen(prefix));
        float *x = golden_f32(first, array->name), *y = golden_f32(b, name), *z = golden_f32(c, name);
        for (int64_t k = 0; k < df_array_count(array); k++)
            far = fmax(far, fabs((double)x[k] - share * (double)y[k] - (1 - share) * (double)z[k]));
        df_free(x);
        df_free(y);
        df_free(z);
        compared++;
    }
    cr_expect_gt(compared, 100);
    return far;
}

/* The same batch twice is the same step once. */
Test(forward, two_batches_a_step)
{
    DfCheckpoint *once = run_program(UPERNET, "weights.safetensors", "--steps 1" CONSTANT);
    DfCheckpoint *twice = run_program(UPERNET, "weights.safetensors", "--steps 2 --set optim_wrapper.accumulative_counts=2" CONSTANT);
    DfCheckpoint *rest = run_program(UPERNET, "weights.safetensors", "--steps 3 --set optim_wrapper.accumulative_counts=4 --set iterations=3" CONSTANT);
    cr_expect_eq(df_array_count(golden_get(twice, "losses")), 2 * 3);
    cr_expect_eq(df_array_count(golden_get(twice, "grad_norm")), 1);
    cr_expect_eq(df_array_count(golden_get(rest, "grad_norm")), 1, "the last of a run are fewer");
    cr_expect(far_apart(twice, "final:", once, once, 1) <= 1e-6, "off by %g", far_apart(twice, "final:", once, once, 1));
    cr_expect(far_apart(rest, "final:", once, once, 1) <= 1e-5, "off by %g", far_apart(rest, "final:", once, once, 1));
    golden_close(once);
    golden_close(twice);
    golden_close(rest);
}

Test(forward, averaged_weights)
{
    const char *hook = " --set \"custom_hooks=[dict(type='EMAHook', momentum=0.25)]\"";
    char one[512], two[512];
    snprintf(one, sizeof one, "--steps 1%s%s", CONSTANT, hook);
    snprintf(two, sizeof two, "--steps 2%s%s", CONSTANT, hook);
    DfCheckpoint *first = run_program(UPERNET, "weights.safetensors", one);
    DfCheckpoint *second = run_program(UPERNET, "weights.safetensors", two);
    cr_expect_eq(far_apart(first, "ema:", first, first, 1), 0, "the first call copies");
    cr_expect(far_apart(second, "ema:", second, first, 0.25) <= 1e-6, "off by %g", far_apart(second, "ema:", second, first, 0.25));
    golden_close(first);
    golden_close(second);
}
