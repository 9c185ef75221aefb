/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/resize.c -- resizes position tables for another window or image size, as the official loaders do: by
 * torch.nn.functional.interpolate(mode='bicubic', align_corners=False).
 */
#include "nn/resize.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "nn/layout.h"

/* ---- bicubic interpolation --------------------------------------------------------------------------------------- */

/* Weight of a point at distance x. Keys, "Cubic convolution interpolation for digital image processing", 1981, with a =
 * -0.75. */
static float cubic(float x)
{
    const float a = -0.75f;
    x = fabsf(x);
    if (x <= 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    if (x < 2)
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
    return 0;
}

/* A map of several channels: channel k of point (y, x) is at k * channel + (y * w + x) * point. */
typedef struct {
    int h, w;
    size_t channel, point;
} Map;

/* The position of point `at` of `to` points among `from` points, with align_corners=False: the outer borders of the
 * pixels coincide. */
static float source(int at, int from, int to)
{
    return ((float)at + 0.5f) * ((float)from / (float)to) - 0.5f;
}

/* One channel at (sy, sx), from the 4 x 4 points around it; points beyond the border are clamped to it. */
static float bicubic(const float *in, Map map, float sy, float sx)
{
    const int y0 = (int)floorf(sy);
    const int x0 = (int)floorf(sx);
    double sum = 0;
    for (int i = y0 - 1; i <= y0 + 2; i++)
        for (int j = x0 - 1; j <= x0 + 2; j++) {
            const size_t y = (size_t)df_clamp_int(i, 0, map.h - 1);
            const size_t x = (size_t)df_clamp_int(j, 0, map.w - 1);
            const float weight = cubic(sy - (float)i) * cubic(sx - (float)j);
            sum += (double)(weight * in[(y * (size_t)map.w + x) * map.point]);
        }
    return (float)sum;
}

static void resize_map(const float *in, Map from, int channels, float *out, Map to)
{
    for (int y = 0; y < to.h; y++)
        for (int x = 0; x < to.w; x++) {
            const float sy = source(y, from.h, to.h);
            const float sx = source(x, from.w, to.w);
            float *point = out + ((size_t)y * (size_t)to.w + (size_t)x) * to.point;
            for (int k = 0; k < channels; k++)
                point[(size_t)k * to.channel] = bicubic(in + (size_t)k * from.channel, from, sy, sx);
        }
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

/* The side of a square of n points, or 0. */
static int side_of(int64_t n)
{
    const int root = (int)(sqrt((double)n) + 0.5);
    return (int64_t)root * root == n ? root : 0;
}

static bool is_side(int64_t n)
{
    return n >= 1 && n <= INT_MAX;
}

/* Whether a file has 1 HW C for 1 C H W, with the same H and W. */
static bool is_map(const int64_t *from, const int *to)
{
    return from[1] == (int64_t)to[2] * to[3];
}

/* Whether a file has 1 1+HW C for 1 HW C: the first is the position of a class token, which is dropped. */
static bool has_class_token(const int64_t *from, const int *to)
{
    return from[1] == (int64_t)to[1] + 1;
}

bool nn_can_resize(const NnParam *param, const DfArray *array)
{
    const int64_t *from = array->shape;
    const int *to = param->shape.d;
    switch (param->resize) {
    case NN_RESIZE_NO:
        return false;
    case NN_RESIZE_WINDOW_TABLE: /* (2w-1)^2 heads */
        return array->ndim == 2 && from[1] == to[1] && side_of(from[0]) && side_of(to[0]);
    case NN_RESIZE_MAP_TABLE:    /* heads H W */
        return array->ndim == 3 && from[0] == to[0] && is_side(from[1]) && is_side(from[2]);
    case NN_RESIZE_POSITION:     /* 1 HW C for 1 C H W */
        return array->ndim == 3 && from[0] == 1 && from[2] == to[1] && (is_map(from, to) || side_of(from[1]));
    case NN_RESIZE_TOKENS:       /* 1 HW C */
        return array->ndim == 3 && from[0] == 1 && from[2] == to[2] &&
               (has_class_token(from, to) || (side_of(from[1]) && side_of(to[1])));
    }
    return false;
}

/* A table as a square map: a point is a row of the table, and a head or channel a column. */
static Map square(int64_t rows, int columns)
{
    const int side = side_of(rows);
    return (Map){ .h = side, .w = side, .channel = 1, .point = (size_t)columns };
}

static Map map_table(int h, int w)
{
    return (Map){ .h = h, .w = w, .channel = (size_t)h * (size_t)w, .point = 1 };
}

void nn_resize(const NnParam *param, const DfArray *array, const float *in, float *out)
{
    const int64_t *from = array->shape;
    const int *to = param->shape.d;
    switch (param->resize) {
    case NN_RESIZE_NO:
        break;
    case NN_RESIZE_WINDOW_TABLE:
        resize_map(in, square(from[0], to[1]), to[1], out, square(to[0], to[1]));
        break;
    case NN_RESIZE_MAP_TABLE:
        resize_map(in, map_table((int)from[1], (int)from[2]), to[0], out, map_table(to[1], to[2]));
        break;
    case NN_RESIZE_POSITION:
        if (is_map(from, to)) /* no arithmetic: H W C -> C H W */
            nn_reorder(in, DF_SHAPE(1, to[2], to[3], to[1]), (int[4]){ 0, 3, 1, 2 }, out);
        else
            resize_map(in, square(from[1], to[1]), to[1], out, map_table(to[2], to[3]));
        break;
    case NN_RESIZE_TOKENS:
        if (has_class_token(from, to))
            memcpy(out, in + to[2], (size_t)to[1] * (size_t)to[2] * sizeof *out);
        else
            resize_map(in, square(from[1], to[2]), to[2], out, square(to[1], to[2]));
        break;
    }
}
