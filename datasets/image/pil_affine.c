/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/pil_affine.c -- Pillow's Image.transform(AFFINE) and Image.rotate(), bit for bit
 * (src/libImaging/Geometry.c): in double, truncated instead of rounded, and with the border repeated by half a pixel.
 */
#include <math.h>
#include <string.h>

#include "datasets/image/pil_ops.h"

/* Four or two pixels around (x, y), from the first on; those outside are the nearest. */
typedef struct {
    int first_x, first_y, taps;
    double dx, dy;
} Place;

static double cubic(const double v[4], double d)
{
    const double p1 = v[1];
    const double p2 = -v[0] + v[2];
    const double p3 = 2 * (v[0] - v[1]) + v[2] - v[3];
    const double p4 = -v[0] + v[1] - v[2] + v[3];
    return p1 + d * (p2 + d * (p3 + d * p4));
}

static double mix(const double *v, int taps, double d)
{
    return taps == 2 ? v[0] + (v[1] - v[0]) * d : cubic(v, d);
}

static double line(const DfImage *in, int y, const Place *p, int c)
{
    const uint8_t *row = in->pixels + (size_t)y * (size_t)in->width * 3;
    double v[4];
    for (int k = 0; k < p->taps; k++)
        v[k] = row[3 * df_clamp_int(p->first_x + k, 0, in->width - 1) + c];
    return mix(v, p->taps, p->dx);
}

static double value_at(const DfImage *in, const Place *p, int c)
{
    double v[4];
    v[0] = line(in, df_clamp_int(p->first_y, 0, in->height - 1), p, c);
    for (int k = 1; k < p->taps; k++) {
        const int y = p->first_y + k;
        v[k] = y >= 0 && y < in->height ? line(in, y, p, c) : v[k - 1];
    }
    return mix(v, p->taps, p->dy);
}

static void sample(uint8_t *to, const DfImage *in, double x, double y, DfPilFilter filter)
{
    const int before = filter == DF_PIL_BICUBIC;
    x -= 0.5;
    y -= 0.5;
    const double fx = floor(x);
    const double fy = floor(y);
    const Place p = { (int)fx - before, (int)fy - before, before ? 4 : 2, x - fx, y - fy };
    for (int c = 0; c < 3; c++) {
        const double v = value_at(in, &p, c);
        if (v <= 0.0)
            to[c] = 0;
        else
            to[c] = v >= 255.0 ? 255 : (uint8_t)v;
    }
}

int df_pil_affine(DfImage *out, const DfImage *in, const double a[6], DfPilFilter filter, const uint8_t fill[3])
{
    const int error = df_image_new(out, in->height, in->width, 3);
    if (error < 0)
        return error;
    uint8_t *to = out->pixels;
    for (int y = 0; y < in->height; y++)
        for (int x = 0; x < in->width; x++, to += 3) {
            const double from_x = a[0] * (x + 0.5) + a[1] * (y + 0.5) + a[2];
            const double from_y = a[3] * (x + 0.5) + a[4] * (y + 0.5) + a[5];
            if (from_x >= 0.0 && from_x < in->width && from_y >= 0.0 && from_y < in->height)
                sample(to, in, from_x, from_y, filter);
            else
                memcpy(to, fill, 3);
        }
    return DF_OK;
}

/* Python's round(x, 15) */
static double round15(double x)
{
    return nearbyint(x * 1e15) / 1e15;
}

static int copy(DfImage *out, const DfImage *in)
{
    const int error = df_image_new(out, in->height, in->width, in->channels);
    if (error == DF_OK)
        memcpy(out->pixels, in->pixels, df_image_bytes(in));
    return error;
}

int df_pil_rotate(DfImage *out, const DfImage *in, double degrees, DfPilFilter filter, const uint8_t fill[3])
{
    const double angle = -(degrees * (3.14159265358979323846 / 180.0));
    const double x = in->width / 2.0;
    const double y = in->height / 2.0;
    if (fmod(degrees, 360.0) == 0.0)
        return copy(out, in);
    double a[6] = { round15(cos(angle)), round15(sin(angle)), 0, round15(-sin(angle)), round15(cos(angle)), 0 };
    a[2] = a[0] * -x + a[1] * -y + x;
    a[5] = a[3] * -x + a[4] * -y + y;
    return df_pil_affine(out, in, a, filter, fill);
}
