/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/resize_antialiased.c -- pictures of bytes resized as Pillow (src/libImaging/Resample.c) and PyTorch
 * (interpolate(antialias=True) of uint8) do, bit for bit.
 *
 * Output pixel i is a weighted mean of the inputs k around its centre. The filter is as wide as it is on the larger
 * grid, so that shrinking averages over all that is left out (antialiasing):
 *     scale  = in / out,   stretch = max(scale, 1),   centre = (i + 0.5) * scale
 *     weight = filter((k + 0.5 - centre) / stretch), divided by the sum of all weights
 * computed in double and kept as integers, weight * 2^bits rounded. First along lines, then along columns, rounded to 8
 * bits in between; Pillow 13 begins with the columns if they lose more than twice as many pixels as the lines do. A
 * direction whose size stays is skipped. Pillow's weights have 22 bits, PyTorch's as many as its 16-bit integers can
 * hold of the largest weight of a pass.
 */
#include <math.h>
#include <string.h>

#include "datasets/image/resize.h"

enum {
    PILLOW_BITS = 22,   /* of a weight: 32 less 8 of a pixel, less 2 to spare   */
    TORCH_LIMIT = 1 << 15 /* what a weight of PyTorch must stay below            */
};

/* The inputs that an output is made of. */
typedef struct {
    int first, n;
} Span;

typedef struct {
    int bits;         /* of a weight                                    */
    int most;         /* inputs of an output at most                    */
    Span *spans;      /* [out]                                          */
    double *exact;    /* [out][most]: the weights, in double            */
    int32_t *weights; /* [out][most]: as integers                       */
} Filter;

static void filter_free(Filter *f)
{
    df_free(f->spans);
    df_free(f->weights);
    df_free(f->exact);
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
static void filter_tap(Filter *f, DfPilFilter shape, int i, int in, double scale)
{
    const double stretch = scale > 1.0 ? scale : 1.0;
    const double support = shapes[shape].support * stretch;
    const double centre = (i + 0.5) * scale;
    const double steepness = 1.0 / stretch;
    const int first = df_clamp_int((int)(centre - support + 0.5), 0, in);
    const int end = df_clamp_int((int)(centre + support + 0.5), first, in);
    double *exact = f->exact + (size_t)i * (size_t)f->most;
    double sum = 0.0;
    f->spans[i] = (Span){ first, end - first };
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

static void round_weights(Filter *f, size_t n)
{
    for (size_t i = 0; i < n; i++)
        f->weights[i] = (int32_t)((f->exact[i] < 0 ? -0.5 : 0.5) + f->exact[i] * (1 << f->bits));
}

static int filter_new(Filter *f, DfPilFilter shape, DfAntialias library, int in, int out)
{
    const double scale = (double)in / out;
    const double support = shapes[shape].support * (scale > 1.0 ? scale : 1.0);
    *f = (Filter){ .bits = PILLOW_BITS, .most = ((int)support + 1) * 2 + 1 };
    const size_t n = (size_t)out * (size_t)f->most;
    f->spans = df_calloc((size_t)out, sizeof *f->spans);
    f->weights = df_calloc(n, sizeof *f->weights);
    f->exact = df_calloc(n, sizeof *f->exact);
    if (!f->spans || !f->weights || !f->exact) {
        filter_free(f);
        return df_fail_memory("the weights of a resize");
    }
    for (int i = 0; i < out; i++)
        filter_tap(f, shape, i, in, scale);
    if (library == DF_ANTIALIAS_TORCH)
        f->bits = torch_bits(f->exact, n);
    round_weights(f, n);
    return DF_OK;
}

/* ---- passes ----------------------------------------------------------------------------------------------------- */

/* Sums fit in 32 bits: the weights of an output add up to 2^22, and those below zero to less than a half of that. */
static uint8_t rounded(int32_t sum, int bits)
{
    const int32_t value = sum >> bits;
    return (uint8_t)df_clamp_int(value, 0, 255); /* some filters have weights below zero */
}

static void line_of_three(uint8_t *restrict to, const uint8_t *restrict line, int width, const Filter *f)
{
    const int32_t half = (1 << f->bits) >> 1;
    for (int x = 0; x < width; x++, to += 3) {
        const Span span = f->spans[x];
        const int32_t *weights = f->weights + (size_t)x * (size_t)f->most;
        const uint8_t *from = line + (size_t)span.first * 3;
        int32_t sum[3] = { half, half, half };
        for (int k = 0; k < span.n; k++, from += 3) {
            sum[0] += from[0] * weights[k];
            sum[1] += from[1] * weights[k];
            sum[2] += from[2] * weights[k];
        }
        for (int c = 0; c < 3; c++)
            to[c] = rounded(sum[c], f->bits);
    }
}

static void line_of_any(uint8_t *to, const uint8_t *line, int width, int channels, const Filter *f)
{
    for (int x = 0; x < width; x++)
        for (int c = 0; c < channels; c++) {
            const Span span = f->spans[x];
            const int32_t *weights = f->weights + (size_t)x * (size_t)f->most;
            int32_t sum = (1 << f->bits) >> 1;
            for (int k = 0; k < span.n; k++)
                sum += line[(span.first + k) * channels + c] * weights[k];
            *to++ = rounded(sum, f->bits);
        }
}

static int along_lines(DfImage *out, const DfImage *in, const Filter *f)
{
    const size_t from = (size_t)in->width * (size_t)in->channels;
    const size_t to = (size_t)out->width * (size_t)in->channels;
    for (size_t y = 0; y < (size_t)out->height; y++)
        if (in->channels == 3)
            line_of_three(out->pixels + y * to, in->pixels + y * from, out->width, f);
        else
            line_of_any(out->pixels + y * to, in->pixels + y * from, out->width, in->channels, f);
    return DF_OK;
}

static void add_line(int32_t *restrict sums, const uint8_t *restrict line, int32_t weight, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sums[i] += line[i] * weight;
}

static void round_line(uint8_t *restrict to, const int32_t *restrict sums, int bits, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = rounded(sums[i], bits);
}

/* Line by line, so that every step is a run over memory. */
static int along_columns(DfImage *out, const DfImage *in, const Filter *f)
{
    const size_t stride = (size_t)in->width * (size_t)in->channels;
    int32_t *sums = df_malloc(stride * sizeof *sums);
    for (int y = 0; sums && y < out->height; y++) {
        const Span span = f->spans[y];
        const int32_t *weights = f->weights + (size_t)y * (size_t)f->most;
        for (size_t i = 0; i < stride; i++)
            sums[i] = (1 << f->bits) >> 1;
        for (int k = 0; k < span.n; k++)
            add_line(sums, in->pixels + (size_t)(span.first + k) * stride, weights[k], stride);
        round_line(out->pixels + (size_t)y * stride, sums, f->bits, stride);
    }
    const bool done = sums != NULL;
    df_free(sums);
    return done ? DF_OK : df_fail_memory("a line of a resize");
}

/* ---- both ways -------------------------------------------------------------------------------------------------- */

typedef struct {
    DfPilFilter shape;
    DfAntialias manner;
} How;

static int resize_lines(DfImage *out, const DfImage *in, int width, How how)
{
    Filter f;
    int error = filter_new(&f, how.shape, how.manner, in->width, width);
    if (error < 0)
        return error;
    if ((error = df_image_new(out, in->height, width, in->channels)) == DF_OK)
        error = along_lines(out, in, &f);
    filter_free(&f);
    return error;
}

static int resize_columns(DfImage *out, const DfImage *in, int height, How how)
{
    Filter f;
    int error = filter_new(&f, how.shape, how.manner, in->height, height);
    if (error < 0)
        return error;
    if ((error = df_image_new(out, height, in->width, in->channels)) == DF_OK)
        error = along_columns(out, in, &f);
    if (error < 0)
        df_image_free(out);
    filter_free(&f);
    return error;
}

static int copy(DfImage *out, const DfImage *in)
{
    const int error = df_image_new(out, in->height, in->width, in->channels);
    if (error == DF_OK)
        memcpy(out->pixels, in->pixels, df_image_bytes(in));
    return error;
}

static int nearest(DfImage *out, const DfImage *in, int height, int width, DfAntialias library)
{
    const DfGrid cells = df_grid_of_image(in);
    const DfNearest which = library == DF_ANTIALIAS_TORCH ? DF_NEAREST_TORCH : DF_NEAREST_PIL;
    DfGrid picked;
    const int error = df_grid_nearest(&picked, &cells, height, width, which);
    *out = (DfImage){ 0 };
    if (error == DF_OK)
        *out = (DfImage){ height, width, in->channels, picked.at };
    return error;
}

static bool columns_first(const DfImage *in, int height, int width, DfAntialias library)
{
    const int lost = in->height - height;
    return library == DF_ANTIALIAS_PILLOW13 && lost > 0 && lost > 2 * (in->width - width);
}

static int both_ways(DfImage *out, const DfImage *in, int height, int width, How how)
{
    const bool columns = columns_first(in, height, width, how.manner);
    DfImage half = { 0 };
    int error = columns ? resize_columns(&half, in, height, how) : resize_lines(&half, in, width, how);
    if (error == DF_OK)
        error = columns ? resize_lines(out, &half, width, how) : resize_columns(out, &half, height, how);
    df_image_free(&half);
    return error;
}

int df_resize_antialiased(DfImage *out, const DfImage *in, int height, int width, DfPilFilter shape,
                          DfAntialias library)
{
    const How how = { shape, library };
    *out = (DfImage){ 0 };
    const int error = df_image_check_size((uint64_t)(height > 0 ? height : 0), (uint64_t)(width > 0 ? width : 0), 0);
    if (error < 0)
        return error;
    if (height == in->height && width == in->width)
        return copy(out, in);
    if (shape == DF_PIL_NEAREST)
        return nearest(out, in, height, width, library);
    if (height == in->height)
        return resize_lines(out, in, width, how);
    if (width == in->width)
        return resize_columns(out, in, height, how);
    return both_ways(out, in, height, width, how);
}

int df_resize_pil(DfImage *out, const DfImage *in, int height, int width)
{
    return df_resize_antialiased(out, in, height, width, DF_PIL_BILINEAR, DF_ANTIALIAS_PILLOW);
}
