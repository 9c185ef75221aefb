/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/resize_torch.c -- PyTorch's interpolate(mode='bilinear', align_corners=False) for pictures of floats,
 * without antialiasing, in float32:
 *     from = (i + 0.5) * in / out - 0.5, at least 0;   l1 = from - floor(from),   l0 = 1 - l1
 * PyTorch adds the four neighbours in two ways, which round differently: axis by axis, and for small results (and
 * always when it has one thread, which is not reproduced here) with one weight for each neighbour. Multiply-adds are
 * fused where its compiler fused them.
 */
#include <math.h>

#include "datasets/image/resize.h"

enum { FLOATS = 3 };

/* Where an output pixel reads: from pixel `at`, and from the one after it, `step` floats on. */
typedef struct {
    int at, step;
    float l0, l1;
} Tap;

/* height + width of a result, up to which PyTorch takes one weight for each neighbour. */
enum { SMALL = 128 };

static Tap tap(int i, int in, int out, bool small)
{
    const float scale = (float)in / (float)out;
    const float middle = (float)i + 0.5f;
    const float from = fmaxf(small ? fmaf(scale, middle, -0.5f) : scale * middle - 0.5f, 0.0f);
    const int at = df_clamp_int((int)from, 0, in - 1);
    const float l1 = fminf(from - (float)at, 1.0f);
    return (Tap){ at, at < in - 1 ? FLOATS : 0, 1.0f - l1, l1 };
}

/* One channel of a pixel: left and right of two lines, with the taps of both directions. */
static float by_neighbour(const float *top, const float *bottom, Tap x, Tap y)
{
    const float right = (y.l0 * x.l1) * top[x.step];
    const float upper = fmaf(top[0], y.l0 * x.l0, right);
    const float three = fmaf(bottom[0], y.l1 * x.l0, upper);
    return fmaf(bottom[x.step], y.l1 * x.l1, three);
}

static float by_direction(const float *top, const float *bottom, Tap x, Tap y)
{
    const float upper = fmaf(top[0], x.l0, top[x.step] * x.l1);
    const float lower = fmaf(bottom[0], x.l0, bottom[x.step] * x.l1);
    return fmaf(upper, y.l0, lower * y.l1);
}

/* One line from the two lines above and below it. */
static void blend(float *restrict out, const float *top, const float *bottom, const Tap *taps, int width, Tap y,
                  bool small)
{
    for (int x = 0; x < width; x++)
        for (int c = 0; c < FLOATS; c++) {
            const size_t left = (size_t)taps[x].at * FLOATS + (size_t)c;
            *out++ = small ? by_neighbour(top + left, bottom + left, taps[x], y)
                           : by_direction(top + left, bottom + left, taps[x], y);
        }
}

static const float *line_of(const DfGrid *grid, int y)
{
    return (const float *)(const void *)grid->at + (size_t)y * (size_t)grid->width * FLOATS;
}

static int bilinear(DfGrid *out, const DfGrid *in)
{
    const int width = out->width;
    const bool small = width + out->height <= SMALL;
    Tap *taps = df_malloc((size_t)width * sizeof *taps);
    if (!taps)
        return df_fail_memory("the columns of a resize");
    for (int x = 0; x < width; x++)
        taps[x] = tap(x, in->width, width, small);
    float *to = (float *)(void *)out->at;
    for (int y = 0; y < out->height; y++, to += (size_t)width * FLOATS) {
        const Tap t = tap(y, in->height, out->height, small);
        blend(to, line_of(in, t.at), line_of(in, t.at + (t.step > 0)), taps, width, t, small);
    }
    df_free(taps);
    return DF_OK;
}

int df_resize_torch_floats(DfGrid *out, const DfGrid *in, int height, int width)
{
    return df_grid_resize(out, in, height, width, bilinear);
}
