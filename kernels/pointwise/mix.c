/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/pointwise/mix.c -- linear interpolation between two runs of floats, and the index where it is largest, in C:
 * the reference.
 */
#include "kernels/ladder.h"

static void mix_c(float *y, const float *a, const float *b, float weight, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = a[i] + weight * (b[i] - a[i]);
}

static size_t mix_best_c(const float *a, const float *b, float weight, size_t n)
{
    size_t best = 0;
    float most = a[0] + weight * (b[0] - a[0]);
    for (size_t i = 1; i < n; i++) {
        const float x = a[i] + weight * (b[i] - a[i]);
        best = x > most ? i : best;
        most = x > most ? x : most;
    }
    return best;
}

void df_mix_init_c(DfPointwiseKernels *k)
{
    k->mix = mix_c;
    k->mix_best = mix_best_c;
}
