/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/inference/test_calibration.c -- the ranges that 8 bits say of an input,
 * against searches over all of its numbers.
 */
#include <criterion/criterion.h>
#include <math.h>

#include "inference/calibration.h"

enum { N = 20000 };
static float x[N];
static CalibratedInput in;

static void draw(float scale)
{
    DfRandom r = df_random(5, 1);
    for (int i = 0; i < N; i++)
        x[i] = scale * (float)df_normal(&r);
}

Test(calibration, all_numbers_are_counted_once_however_the_width_grows)
{
    in = (CalibratedInput){ 0 };
    draw(1);
    for (int i = 0; i < 8; i++) {
        for (int k = 0; k < N; k++)
            x[k] *= 3; /* every picture is larger than the one before */
        df_calibration_count(&in, x, N);
    }
    uint64_t all = 0;
    for (int bin = 0; bin < DF_CALIBRATION_BINS; bin++)
        all += in.count[bin];
    cr_assert_eq(all, 8 * N);
    float low = 0, high = 0;
    for (int k = 0; k < N; k++) {
        low = fminf(low, x[k]);
        high = fmaxf(high, x[k]);
    }
    float from, to;
    df_calibration_range(&in, DF_RANGE_MIN_MAX, &from, &to);
    cr_assert_eq(from, low);
    cr_assert_eq(to, high);
}

/* What quantising costs: all numbers OFTEN times, and one that is far outside. */
enum { OFTEN = 200, FAR = 12 };
static double cost(float low, float high)
{
    DfQuantization q;
    double sum = 0;
    nn_quantisation_set(&q, low, high);
    for (int i = 0; i < N; i++) {
        const double u = fmin(fmax(nearbyint((double)x[i] / (double)q.step), -q.zero), 255 - q.zero);
        const double off = u * (double)q.step - (double)x[i];
        sum += off * off;
    }
    return OFTEN * sum + pow(FAR - fmin((double)high, FAR), 2);
}

Test(calibration, the_range_of_least_error_cuts_rare_numbers_off)
{
    in = (CalibratedInput){ 0 };
    draw(1);
    for (int i = 0; i < OFTEN; i++)
        df_calibration_count(&in, x, N);
    df_calibration_count(&in, (float[]){ FAR }, 1);
    float low, high;
    df_calibration_range(&in, DF_RANGE_MSE, &low, &high);
    cr_assert(high < 8 && high > 3 && low > -5 && low < -3, "%g to %g", (double)low, (double)high);
    double least = INFINITY;
    for (float to = 2; to <= FAR; to += 0.1f)
        least = fmin(least, cost(low, to));
    cr_assert(cost(low, high) <= 1.03 * least, "%g, the least is %g", cost(low, high), least);
}

Test(calibration, the_percentile_leaves_a_share_of_one_in_ten_thousand)
{
    in = (CalibratedInput){ 0 };
    draw(0.01f);
    x[3] = 5;
    df_calibration_count(&in, x, N);
    float low, high;
    df_calibration_range(&in, DF_RANGE_PERCENTILE, &low, &high);
    int below = 0, above = 0;
    for (int i = 0; i < N; i++) {
        below += x[i] < low;
        above += x[i] > high;
    }
    cr_assert(below <= 3 && above <= 3 && high < 0.06f, "%d below, %d above %g", below, above, (double)high);
}

Test(calibration, what_cannot_be_measured)
{
    in = (CalibratedInput){ 0 };
    const float nothing[3] = { 0 };
    float low, high;
    df_calibration_count(&in, nothing, 3);
    df_calibration_range(&in, DF_RANGE_MSE, &low, &high);
    cr_assert(low == 0 && high == 1);
    const float positive[3] = { 1, 2, 3 };
    df_calibration_count(&in, positive, 3);
    df_calibration_range(&in, DF_RANGE_MSE, &low, &high);
    cr_assert(low == 0 && high > 2.5f && high <= 3);
    cr_assert_not(in.bad);
    df_calibration_count(&in, (float[]){ 1, NAN }, 2);
    cr_assert(in.bad);
}
