/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/resample_weights.c -- the weights that Pillow (src/libImaging/Resample.c) and PyTorch resize with.
 */
#include <math.h>

#include "datasets/image/resample.h"

enum {
    PILLOW_BITS = 22,   /* of a weight: 32 less 8 of a pixel, less 2 to spare   */
    TORCH_LIMIT = 1 << 15 /* what a weight of PyTorch must stay below            */
};

void df_resampling_free(DfResampling *f)
{
    df_free(f->spans);
    df_free(f->weights);
    df_free(f->exact);
    df_free(f->pairs);
    *f = (DfResampling){ 0 };
}

/* ---- the filters ------------------------------------------------------------------------------------------------ */

static double box(double x)
{
    return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
}

static double triangle(double x)
{
    const double far = x < 0.0 ? -x : x;
    return far < 1.0 ? 1.0 - far : 0.0;
}

static double hamming(double x)
{
    const double pi = 3.14159265358979323846;
    x = x < 0.0 ? -x : x;
    if (x == 0.0)
        return 1.0;
    if (x >= 1.0)
        return 0.0;
    x *= pi;
    return sin(x) / x * (0.54f + 0.46f * cos(x)); /* floats, as it is written there */
}

/* Keys, 1981, with a = -0.5. */
static double cubic(double x)
{
    const double a = -0.5;
    x = x < 0.0 ? -x : x;
    if (x < 1.0)
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
    if (x < 2.0)
        return (((x - 5) * x + 8) * x - 4) * a;
    return 0.0;
}

static double sinc(double x)
{
    const double pi = 3.14159265358979323846;
    if (x == 0.0)
        return 1.0;
    x *= pi;
    return sin(x) / x;
}

static double lanczos(double x)
{
    return x >= -3.0 && x < 3.0 ? sinc(x) * sinc(x / 3.0) : 0.0;
}

static const struct {
    double support; /* the filter is 0 beyond */
    double (*at)(double x);
} shapes[] = {
    [DF_PIL_BILINEAR] = { 1.0, triangle },
    [DF_PIL_BICUBIC] = { 2.0, cubic    },
    [DF_PIL_BOX]      = { 0.5, box      },
    [DF_PIL_HAMMING]  = { 1.0, hamming  },
    [DF_PIL_LANCZOS]  = { 3.0, lanczos  },
};

/* ---- weights ---------------------------------------------------------------------------------------------------- */

/* The span and weights of output i. */
static void filter_tap(DfResampling *f, DfPilFilter shape, int i, int in, double scale)
{
    const double stretch = scale > 1.0 ? scale : 1.0;
    const double support = shapes[shape].support * stretch;
    const double centre = (i + 0.5) * scale;
    const double steepness = 1.0 / stretch;
    const int first = df_clamp_int((int)(centre - support + 0.5), 0, in);
    const int end = df_clamp_int((int)(centre + support + 0.5), first, in);
    double *exact = f->exact + (size_t)i * (size_t)f->most;
    double sum = 0.0;
    f->spans[i] = (DfSpan){ first, end - first };
    for (int k = first; k < end; k++) {
        exact[k - first] = shapes[shape].at((k - centre + 0.5) * steepness);
        sum += exact[k - first];
    }
    for (int k = 0; k < end - first && sum != 0.0; k++)
        exact[k] /= sum;
}

/* As many bits as the largest weight leaves below 2^15, at most Pillow's. */
static int torch_bits(const double *exact, size_t n)
{
    double most = 0.0;
    for (size_t i = 0; i < n; i++)
        most = exact[i] > most ? exact[i] : most;
    int bits = 0;
    while (bits < PILLOW_BITS && (int)(0.5 + most * (1 << (bits + 1))) < TORCH_LIMIT)
        bits++;
    return bits;
}

static void round_weights(DfResampling *f, size_t n)
{
    for (size_t i = 0; i < n; i++)
        f->weights[i] = (int32_t)((f->exact[i] < 0 ? -0.5 : 0.5) + f->exact[i] * (1 << f->bits));
}

static void split(DfWeightPair *pair, int at, int32_t weight)
{
    const int32_t high = (weight + (1 << (DF_LOW_BITS - 1))) >> DF_LOW_BITS;
    pair->high[at] = (int16_t)high;
    pair->low[at] = (int16_t)(weight - high * (1 << DF_LOW_BITS));
}

static void split_weights(DfResampling *f)
{
    DfWeightPair *pair = f->pairs;
    for (int i = 0; i < f->out; i++)
        for (int k = 0; k < f->most; k += 2, pair++) {
            split(pair, 0, df_weights_of(f, i)[k]);
            split(pair, 1, k + 1 < f->most ? df_weights_of(f, i)[k + 1] : 0);
        }
}

int df_resampling_new(DfResampling *f, DfPilFilter shape, DfAntialias library, int in, int out)
{
    const double scale = (double)in / out;
    const double support = shapes[shape].support * (scale > 1.0 ? scale : 1.0);
    *f = (DfResampling){ .out = out, .bits = PILLOW_BITS, .most = ((int)support + 1) * 2 + 1 };
    const size_t n = (size_t)out * (size_t)f->most;
    f->spans = df_calloc((size_t)out, sizeof *f->spans);
    f->weights = df_calloc(n, sizeof *f->weights);
    f->exact = df_calloc(n, sizeof *f->exact);
    f->pairs = df_calloc((size_t)out * (size_t)((f->most + 1) / 2), sizeof *f->pairs);
    if (!f->spans || !f->weights || !f->exact || !f->pairs)
        return df_fail_memory("the weights of a resize");
    for (int i = 0; i < out; i++)
        filter_tap(f, shape, i, in, scale);
    if (library == DF_ANTIALIAS_TORCH)
        f->bits = torch_bits(f->exact, n);
    round_weights(f, n);
    split_weights(f);
    return DF_OK;
}
