/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/support/golden.c -- reference outputs and distances from them.
 */
#include "tests/support/golden.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

DfCheckpoint *golden_open(const char *format, ...)
{
    char path[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(path, sizeof path, format, args);
    va_end(args);
    DfCheckpoint *golden = NULL;
    if (df_file_exists(path))
        cr_assert_eq(df_checkpoint_open(&golden, path, NULL), DF_OK, "%s", df_error());
    return golden;
}

void golden_close(DfCheckpoint *golden)
{
    df_checkpoint_close(golden);
}

bool golden_has(const DfCheckpoint *golden, const char *name)
{
    return df_checkpoint_find(golden, name) != NULL;
}

const DfArray *golden_get(const DfCheckpoint *golden, const char *name)
{
    const DfArray *array = df_checkpoint_find(golden, name);
    cr_assert_not_null(array, "no array '%s' in the reference outputs", name);
    return array;
}

float *golden_f32(const DfCheckpoint *golden, const char *name)
{
    const DfArray *array = golden_get(golden, name);
    float *copy = df_malloc((size_t)df_array_count(array) * sizeof *copy);
    cr_assert_not_null(copy);
    df_array_f32(array, copy);
    return copy;
}

int64_t *golden_i64(const DfCheckpoint *golden, const char *name)
{
    const DfArray *array = golden_get(golden, name);
    int64_t *copy = df_malloc((size_t)df_array_count(array) * sizeof *copy);
    cr_assert_not_null(copy);
    df_array_i64(array, copy);
    return copy;
}

size_t golden_step(const DfArray *array, size_t n)
{
    enum { SPREAD = 64 };
    const size_t there = (size_t)df_array_count(array), step = (n + SPREAD - 1) / SPREAD;
    if (there == n)
        return 1;
    cr_assert_eq(there, (n + step - 1) / step, "%s has %zu elements of %zu", array->name, there, n);
    return step;
}

DfArray golden_channels_last(const DfArray *array)
{
    static const int order[4] = { 0, 2, 3, 1 };
    DfArray turned = *array;
    cr_assert_eq(array->ndim, 4, "%s", array->name);
    for (int i = 0; i < 4; i++) {
        turned.shape[i] = array->shape[order[i]];
        turned.stride[i] = array->stride[order[i]];
    }
    return turned;
}

DfTensor *golden_tensor(DfCtx *c, const DfArray *array)
{
    DfShape shape = { .n = array->ndim };
    for (int i = 0; i < array->ndim; i++)
        shape.d[i] = (int)array->shape[i];
    DfTensor *x = df_new(c, shape);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s: %s", array->name, df_error());
    df_array_f32(array, x->data);
    return x;
}

/* The largest and the squared sum of the differences and of the expected values. */
typedef struct {
    double difference, size, differences, sizes;
} Distance;

static Distance measure(const float *got, const DfArray *expected)
{
    const size_t n = (size_t)df_array_count(expected);
    double *values = df_malloc(n * sizeof *values);
    cr_assert_not_null(values);
    df_array_f64(expected, values);
    Distance d = { 0 };
    for (size_t i = 0; i < n; i++) {
        if (isinf(values[i]) && (double)got[i] == values[i])
            continue;
        const double difference = fabs((double)got[i] - values[i]);
        if (!isfinite(difference)) {
            d = (Distance){ INFINITY, 1, INFINITY, 1 };
            break;
        }
        d.difference = fmax(d.difference, difference);
        d.size = fmax(d.size, fabs(values[i]));
        d.differences += difference * difference;
        d.sizes += values[i] * values[i];
    }
    df_free(values);
    return d;
}

double max_abs_over_max(const float *got, const DfArray *expected)
{
    const Distance d = measure(got, expected);
    return d.size > 0 ? d.difference / d.size : d.difference;
}

double rel_l2(const float *got, const DfArray *expected)
{
    const Distance d = measure(got, expected);
    return sqrt(d.sizes > 0 ? d.differences / d.sizes : d.differences);
}
