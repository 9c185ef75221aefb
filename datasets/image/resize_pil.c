/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/resize_pil.c -- Pillow's 8-bit BILINEAR and BICUBIC, bit for bit (src/libImaging/Resample.c).
 *
 * Output pixel i is a weighted mean of the inputs k around its centre. The filter is two pixels of the larger grid
 * wide, and four the cubic one, so that shrinking averages over all that is left out (antialiasing):
 *     scale  = in / out,   stretch = max(scale, 1),   centre = (i + 0.5) * scale
 *     weight = filter((k + 0.5 - centre) / stretch), divided by the sum of all weights
 * computed in double and kept as integers, weight * 2^22 rounded. First along lines, then along columns, rounded to 8
 * bits in between. A direction whose size stays is skipped.
 */
#include <string.h>

#include "datasets/image/resize.h"

enum { BITS = 22 }; /* of a weight: 32 less 8 of a pixel, less 2 to spare */

/* The inputs that an output is made of. */
typedef struct {
    int first, n;
} Span;

typedef struct {
    int most;         /* inputs of an output at most                   */
    Span *spans;      /* [out]                                         */
    int32_t *weights; /* [out][most]                                   */
    double *exact;    /* [most]: the weights of one output, in double  */
} Filter;

static void filter_free(Filter *f)
{
    df_free(f->spans);
    df_free(f->weights);
    df_free(f->exact);
}

static double triangle(double x)
{
    const double far = x < 0.0 ? -x : x;
    return far < 1.0 ? 1.0 - far : 0.0;
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

static const struct {
    double support; /* the filter is 0 beyond */
    double (*at)(double x);
} shapes[] = { [DF_PIL_BILINEAR] = { 1.0, triangle }, [DF_PIL_BICUBIC] = { 2.0, cubic } };

/* The span and weights of output i. */
static void filter_tap(Filter *f, DfPilFilter shape, int i, int in, double scale)
{
    const double stretch = scale > 1.0 ? scale : 1.0;
    const double support = shapes[shape].support * stretch;
    const double centre = (i + 0.5) * scale;
    const double steepness = 1.0 / stretch;
    int first = (int)(centre - support + 0.5);
    int end = (int)(centre + support + 0.5);
    first = first < 0 ? 0 : first;
    end = end > in ? in : end;
    const int n = end - first;
    double sum = 0.0;
    for (int k = 0; k < n; k++) {
        f->exact[k] = shapes[shape].at((k + first - centre + 0.5) * steepness);
        sum += f->exact[k];
    }
    f->spans[i] = (Span){ first, n };
    int32_t *weights = f->weights + (size_t)i * (size_t)f->most;
    for (int k = 0; k < n; k++) {
        const double w = sum != 0.0 ? f->exact[k] / sum : f->exact[k];
        weights[k] = (int32_t)((w < 0 ? -0.5 : 0.5) + w * (1 << BITS));
    }
}

static int filter_new(Filter *f, DfPilFilter shape, int in, int out)
{
    const double scale = (double)in / out;
    const double support = shapes[shape].support * (scale > 1.0 ? scale : 1.0);
    *f = (Filter){ .most = ((int)support + 1) * 2 + 1 };
    f->spans = df_calloc((size_t)out, sizeof *f->spans);
    f->weights = df_calloc((size_t)out * (size_t)f->most, sizeof *f->weights);
    f->exact = df_calloc((size_t)f->most, sizeof *f->exact);
    if (!f->spans || !f->weights || !f->exact) {
        filter_free(f);
        return df_fail_memory("the weights of a resize");
    }
    for (int i = 0; i < out; i++)
        filter_tap(f, shape, i, in, scale);
    return DF_OK;
}

static uint8_t rounded(int64_t sum)
{
    const int64_t value = (sum + (1 << (BITS - 1))) >> BITS;
    if (value < 0) /* only cubic weights can be negative */
        return 0;
    return (uint8_t)(value > 255 ? 255 : value);
}

static void along_lines(DfImage *out, const DfImage *in, const Filter *f)
{
    const size_t channels = (size_t)in->channels;
    uint8_t *to = out->pixels;
    for (int y = 0; y < out->height; y++) {
        const uint8_t *line = in->pixels + (size_t)y * (size_t)in->width * channels;
        for (int x = 0; x < out->width; x++) {
            const Span span = f->spans[x];
            const int32_t *weights = f->weights + (size_t)x * (size_t)f->most;
            for (size_t c = 0; c < channels; c++) {
                const uint8_t *from = line + (size_t)span.first * channels + c;
                int64_t sum = 0;
                for (int k = 0; k < span.n; k++)
                    sum += (int64_t)from[(size_t)k * channels] * weights[k];
                *to++ = rounded(sum);
            }
        }
    }
}

static void along_columns(DfImage *out, const DfImage *in, const Filter *f)
{
    const size_t stride = (size_t)in->width * (size_t)in->channels;
    uint8_t *to = out->pixels;
    for (int y = 0; y < out->height; y++) {
        const Span span = f->spans[y];
        const int32_t *weights = f->weights + (size_t)y * (size_t)f->most;
        const uint8_t *from = in->pixels + (size_t)span.first * stride;
        for (size_t x = 0; x < stride; x++) {
            int64_t sum = 0;
            for (int k = 0; k < span.n; k++)
                sum += (int64_t)from[(size_t)k * stride + x] * weights[k];
            *to++ = rounded(sum);
        }
    }
}

typedef void Pass(DfImage *out, const DfImage *in, const Filter *f);

static int resize_one_way(DfImage *out, const DfImage *in, int height, int width, DfPilFilter shape, Pass *pass)
{
    Filter f;
    int error = pass == along_lines ? filter_new(&f, shape, in->width, width)
                                    : filter_new(&f, shape, in->height, height);
    if (error < 0)
        return error;
    if ((error = df_image_new(out, height, width, in->channels)) == DF_OK)
        pass(out, in, &f);
    filter_free(&f);
    return error;
}

int df_resize_pil(DfImage *out, const DfImage *in, int height, int width)
{
    return df_resize_pil_as(out, in, height, width, DF_PIL_BILINEAR);
}

int df_resize_pil_as(DfImage *out, const DfImage *in, int height, int width, DfPilFilter shape)
{
    DfImage wide = { 0 };
    const DfImage *from = in;
    int error = DF_OK;
    *out = (DfImage){ 0 };
    if (width != in->width) {
        if ((error = resize_one_way(&wide, in, in->height, width, shape, along_lines)) < 0)
            return error;
        from = &wide;
    }
    if (height != in->height) {
        error = resize_one_way(out, from, height, width, shape, along_columns);
    } else if (from == &wide) {
        *out = wide;
        return DF_OK;
    } else if ((error = df_image_new(out, height, width, in->channels)) == DF_OK) {
        memcpy(out->pixels, in->pixels, df_image_bytes(in));
    }
    df_image_free(&wide);
    return error;
}
