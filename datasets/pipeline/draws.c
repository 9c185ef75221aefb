/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/draws.c -- random numbers of transforms: drawn from a stream, or played back from a list.
 */
#include "datasets/pipeline/draws.h"

#include <math.h>

/* The next number of the list, if it was drawn by this call: bounds of a double are compared to what a config's text
 * can carry. */
static bool given(DfDraws *draws, DfDrawKind kind, double low, double high, double *value)
{
    if (!draws->given)
        return false;
    *value = low;
    if (draws->used >= draws->n_given) {
        draws->astray = true;
        return true;
    }
    const DfDrawn *drawn = &draws->given[draws->used++];
    const double near = 1e-9 * (fabs(low) + fabs(high) + 1);
    if (drawn->kind != kind || fabs(drawn->low - low) > near || fabs(drawn->high - high) > near)
        draws->astray = true;
    else
        *value = drawn->value;
    return true;
}

double df_draw_share(DfDraws *draws)
{
    double value;
    return given(draws, DF_DRAW_SHARE, 0, 1, &value) ? value : df_uniform(&draws->random);
}

double df_draw_uniform(DfDraws *draws, double low, double high)
{
    double value;
    if (given(draws, DF_DRAW_UNIFORM, low, high, &value))
        return value;
    return low + (high - low) * df_uniform(&draws->random);
}

double df_draw_normal(DfDraws *draws, double mean, double deviation)
{
    double value;
    if (given(draws, DF_DRAW_NORMAL, mean, deviation, &value))
        return value;
    return mean + deviation * df_normal(&draws->random);
}

static int fresh_integer(DfRandom *random, int low, int high)
{
    const double share = df_uniform(random);
    return (int)(low + floor(share * ((double)high - low)));
}

int df_draw_integer(DfDraws *draws, int low, int high)
{
    double value;
    if (given(draws, DF_DRAW_INTEGER, low, high, &value))
        return (int)value;
    return fresh_integer(&draws->random, low, high);
}

/* numpy.random.choice(): the first index at which the running sum of the weights is over the share. */
static int weighted(DfRandom *random, int n, const double *weights)
{
    const double share = df_uniform(random);
    double sum = 0;
    int last = 0; /* of those that have a weight: for a sum that stays below 1 by rounding */
    for (int i = 0; i < n; i++) {
        sum += weights[i];
        if (weights[i] > 0)
            last = i;
        if (share < sum)
            return i;
    }
    return last;
}

int df_draw_choice(DfDraws *draws, int n, const double *weights)
{
    double value;
    if (given(draws, DF_DRAW_CHOICE, 0, n, &value))
        return (int)value;
    return weights ? weighted(&draws->random, n, weights) : fresh_integer(&draws->random, 0, n);
}

/* Fisher and Yates' shuffle, as Durstenfeld wrote it (1964). */
static void shuffle(DfRandom *random, int n, int *out)
{
    for (int i = 0; i < n; i++)
        out[i] = i;
    for (int i = n - 1; i > 0; i--) {
        const int k = fresh_integer(random, 0, i + 1);
        const int swapped = out[i];
        out[i] = out[k];
        out[k] = swapped;
    }
}

void df_draw_order(DfDraws *draws, int n, int *out)
{
    if (!draws->given) {
        shuffle(&draws->random, n, out);
        return;
    }
    for (int i = 0; i < n; i++) {
        double value;
        given(draws, DF_DRAW_ORDER, 0, n, &value);
        out[i] = df_clamp_int((int)value, 0, n - 1);
    }
}
