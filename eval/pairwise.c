/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/pairwise.c -- numpy's pairwise summation: up to 128 numbers in eight interleaved sums, more in two halves.
 */
#include "eval/pairwise.h"

#include <assert.h>
#include <math.h>
#include <string.h>

double df_pairwise_sum(const double *x, size_t n)
{
    if (n < 8) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += x[i];
        return sum;
    }
    if (n > 128) {
        const size_t half = n / 2 - n / 2 % 8;
        return df_pairwise_sum(x, half) + df_pairwise_sum(x + half, n - half);
    }
    double r[8];
    size_t i = 8;
    memcpy(r, x, sizeof r);
    for (; i + 8 <= n; i += 8)
        for (size_t j = 0; j < 8; j++)
            r[j] += x[i + j];
    double sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
    for (; i < n; i++)
        sum += x[i];
    return sum;
}

/* numpy puts 0 where NaN stands and divides by the number of the others. */
double df_nan_mean(const double *x, size_t n)
{
    double kept[256];
    size_t count = 0;
    assert(n <= 256);
    for (size_t i = 0; i < n; i++) {
        kept[i] = isnan(x[i]) ? 0 : x[i];
        count += isnan(x[i]) ? 0 : 1;
    }
    return count ? df_pairwise_sum(kept, n) / (double)count : (double)NAN;
}
