/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/warp.c -- OpenCV's warpAffine in fixed point (modules/imgproc/src/imgwarp.cpp). Every output pixel is
 * mapped back by the inverse: positions have 10 fractional bits, of which bilinear interpolation keeps 5; its weights
 * have 15 bits in all.
 */
#include "datasets/image/warp.h"

#include <math.h>
#include <string.h>

enum {
    POSITION = 1 << 10,
    PARTS = 32,                     /* of a pixel, between which linear weights change */
    WEIGHT = PARTS * PARTS,         /* the weight 1                                    */
    LIMIT = 1 << 30                 /* of a position: beyond any picture               */
};

DfAffine df_affine_rotation(double x, double y, double degrees)
{
    const double angle = degrees * 3.1415926535897932384626433832795 / 180;
    const double a = cos(angle);
    const double b = sin(angle);
    return (DfAffine){ { a, b, (1 - a) * x - b * y, -b, a, b * x + (1 - a) * y } };
}

static int invert(DfAffine *out, const DfAffine *affine)
{
    const double *m = affine->m;
    const double determinant = m[0] * m[4] - m[1] * m[3];
    if (!(fabs(determinant) > 1e-12))
        return df_fail(DF_EVALUE, "a picture cannot be squeezed into a line: want a transform that can be undone");
    const double d = 1 / determinant;
    const double a = m[4] * d;
    const double b = m[1] * -d;
    const double c = m[3] * -d;
    const double e = m[0] * d;
    *out = (DfAffine){ { a, b, -a * m[2] - b * m[5], c, e, -c * m[2] - e * m[5] } };
    return DF_OK;
}

static int fixed(double v)
{
    return (int)lrint(fmin(fmax(v * POSITION, -(double)LIMIT), (double)LIMIT));
}

/* Where output pixel (x, y) comes from, in fixed point. */
static void trace(const DfAffine *back, int x, int y, int out[2])
{
    for (int i = 0; i < 2; i++) {
        const double *m = back->m + 3 * i;
        const int64_t at = (int64_t)fixed(m[0] * x) + fixed(m[1] * y + m[2]);
        out[i] = (int)df_clamp_i64(at, -LIMIT, LIMIT);
    }
}

static bool inside(const DfGrid *grid, int x, int y)
{
    return x >= 0 && y >= 0 && x < grid->width && y < grid->height;
}

static const unsigned char *cell_at(const DfGrid *grid, int x, int y, const void *border)
{
    if (!inside(grid, x, y))
        return border;
    return grid->at + ((size_t)y * (size_t)grid->width + (size_t)x) * grid->cell;
}

/* Shifts of negative numbers round down, as OpenCV relies on. */
static int floor_shift(int v, int by)
{
    return v >= 0 ? v >> by : -((-v + (1 << by) - 1) >> by);
}

static void linear_pixel(uint8_t *out, const DfGrid *in, const int at[2], const uint8_t border[3])
{
    const int px = floor_shift(at[0] + POSITION / PARTS / 2, 5);
    const int py = floor_shift(at[1] + POSITION / PARTS / 2, 5);
    const int x = floor_shift(px, 5);
    const int y = floor_shift(py, 5);
    const int fx = px - x * PARTS;
    const int fy = py - y * PARTS;
    const unsigned char *p00 = cell_at(in, x, y, border);
    const unsigned char *p01 = cell_at(in, x + 1, y, border);
    const unsigned char *p10 = cell_at(in, x, y + 1, border);
    const unsigned char *p11 = cell_at(in, x + 1, y + 1, border);
    for (int c = 0; c < 3; c++) {
        const int upper = p00[c] * (PARTS - fx) + p01[c] * fx;
        const int lower = p10[c] * (PARTS - fx) + p11[c] * fx;
        out[c] = (uint8_t)((upper * (PARTS - fy) + lower * fy + WEIGHT / 2) / WEIGHT);
    }
}

int df_warp_linear(DfGrid *out, const DfGrid *in, const DfAffine *affine, int height, int width,
                   const uint8_t border[3])
{
    DfAffine back;
    int error = invert(&back, affine);
    if (error == DF_OK)
        error = df_grid_new(out, height, width, in->cell);
    for (int y = 0; error == DF_OK && y < height; y++)
        for (int x = 0; x < width; x++) {
            int at[2];
            trace(&back, x, y, at);
            linear_pixel(out->at + ((size_t)y * (size_t)width + (size_t)x) * 3, in, at, border);
        }
    return error;
}

int df_warp_nearest(DfGrid *out, const DfGrid *in, const DfAffine *affine, int height, int width, const void *border)
{
    DfAffine back;
    int error = invert(&back, affine);
    if (error == DF_OK)
        error = df_grid_new(out, height, width, in->cell);
    for (int y = 0; error == DF_OK && y < height; y++)
        for (int x = 0; x < width; x++) {
            int at[2];
            trace(&back, x, y, at);
            const int from_x = floor_shift(at[0] + POSITION / 2, 10);
            const int from_y = floor_shift(at[1] + POSITION / 2, 10);
            memcpy(out->at + ((size_t)y * (size_t)width + (size_t)x) * in->cell, cell_at(in, from_x, from_y, border),
                   in->cell);
        }
    return error;
}
