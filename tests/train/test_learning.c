/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/train/test_learning.c -- RetinaNet on a small DAT learns 8 pictures of blood cells in 200 steps: `deformer
 * init`, then `deformer forward --steps`. Each loss of each step is PyTorch's in float64, to 1 part in 100 or three
 * times as close as PyTorch itself is in float32.
 */
#define _DEFAULT_SOURCE /* mkstemps */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/golden.h"

#define FOLDER DF_TEST_DATA "/training/bccd_retina"
enum { STEPS = 200, COLUMNS = 3 }; /* the sum, of classes, of boxes */

static void temporary(char *path)
{
    const int file = mkstemps(path, 12);
    cr_assert_geq(file, 0);
    close(file);
}

static void run(const char *command)
{
    cr_assert_eq(system(command), 0, "%s", command);
}

static double *table(const DfCheckpoint *file, const char *name)
{
    const DfArray *array = golden_get(file, name);
    double *values = df_malloc((size_t)df_array_count(array) * sizeof *values);
    cr_assert_eq(df_array_count(array), STEPS * COLUMNS, "%s", name);
    df_array_f64(array, values);
    return values;
}

Test(learning, as_pytorch_does)
{
    char weights[] = "/tmp/learning-XXXXXX.safetensors", out[] = "/tmp/learning-XXXXXX.safetensors", command[8192];
    temporary(weights);
    temporary(out);
    snprintf(command, sizeof command, DF_PROGRAM " init " FOLDER "/config.py %s --seed 1 --quiet", weights);
    run(command);
    snprintf(command, sizeof command,
             DF_PROGRAM " forward " FOLDER "/config.py %s --output %s --quiet --steps %d --input " FOLDER "/input0.safetensors --input " FOLDER
                        "/input1.safetensors --input " FOLDER "/input2.safetensors --input " FOLDER "/input3.safetensors",
             weights, out, STEPS);
    run(command);
    DfCheckpoint *got = golden_open("%s", out), *expected = golden_open(FOLDER "/expected.safetensors");
    double *ours = table(got, "losses"), *want = table(expected, "losses"), *single = table(expected, "losses_float32");
    for (int i = 0; i < STEPS * COLUMNS; i++) {
        const double limit = fmax(0.01 * want[i], 3 * fabs(single[i] - want[i]));
        cr_expect(fabs(ours[i] - want[i]) <= limit, "step %d, number %d: %g for %g", i / COLUMNS, i % COLUMNS, ours[i], want[i]);
    }
    cr_expect_lt(ours[(STEPS - 1) * COLUMNS], 0.6 * ours[0]);
    df_free(ours);
    df_free(want);
    df_free(single);
    golden_close(got);
    golden_close(expected);
    remove(weights);
    remove(out);
}
