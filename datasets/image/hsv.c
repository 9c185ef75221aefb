/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/hsv.c -- OpenCV's BGR2HSV and HSV2BGR (modules/imgproc/src/color_hsv.simd.hpp): Smith, SIGGRAPH 1978.
 *
 *     V = max(B, G, R),   S = (V - min) / V,   H = 60 (G - B) / (V - min)          where R is the largest,
 *                                              H = 60 (B - R) / (V - min) + 120    where G is,
 *                                              H = 60 (R - G) / (V - min) + 240    where B is
 *
 * Products that are added at once are fused there. Of two floats the product is exact in double, so the sum is
 * rounded there once and once more to float, which never differed for bytes and in a million floats.
 */
#include "datasets/image/hsv.h"

#include <float.h>
#include <math.h>

enum {
    BYTES_AT_ONCE = 32, /* pixels of a vector */
    FLOATS_AT_ONCE = 8,
    SHIFT = 12          /* of the tables of bytes */
};

static float fused(float a, float b, float c)
{
    return (float)((double)a * (double)b + (double)c);
}

/* ---- bytes to HSV ---------------------------------------------------------------------------------------------- */

/* 255 and 180 / 6 over i, in fixed point: OpenCV divides by table. */
static int quotient(int numerator, int parts, int i)
{
    return i ? (int)lrint((double)(numerator << SHIFT) / (parts * (double)i)) : 0;
}

static int largest(int a, int b, int c)
{
    const int ab = a > b ? a : b;
    return ab > c ? ab : c;
}

static int smallest(int a, int b, int c)
{
    const int ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* In sixths of the circle times `range`. */
static int sixths(int b, int g, int r, int value, int range)
{
    if (value == r)
        return g - b;
    return value == g ? b - r + 2 * range : r - g + 4 * range;
}

static int rounded_shift(int x)
{
    return (x + (1 << (SHIFT - 1))) >> SHIFT;
}

void df_bgr_to_hsv_bytes(uint8_t *out, const uint8_t *in, int width)
{
    int of_255[256];
    int of_30[256];
    for (int i = 0; i < 256; i++) {
        of_255[i] = quotient(255, 1, i);
        of_30[i] = quotient(180, 6, i);
    }
    for (int x = 0; x < width; x++, in += 3, out += 3) {
        const int b = in[0];
        const int g = in[1];
        const int r = in[2];
        const int value = largest(b, g, r);
        const int range = value - smallest(b, g, r);
        const int hue = rounded_shift(sixths(b, g, r, value, range) * of_30[range]);
        out[0] = (uint8_t)(hue < 0 ? hue + 180 : hue);
        out[1] = (uint8_t)rounded_shift(range * of_255[value]);
        out[2] = (uint8_t)value;
    }
}

/* ---- HSV to floats --------------------------------------------------------------------------------------------- */

/* Where B G R are found among: V, V(1 - S), V(1 - S f), V(1 - S(1 - f)), f being the share of the sector. */
static const uint8_t sectors[6][3] = {
    { 1, 3, 0 }, { 1, 0, 2 }, { 3, 0, 1 }, { 0, 2, 1 }, { 0, 1, 3 }, { 2, 1, 0 },
};

/* hue in sixths of the circle, 0..6 and what a shift has made of it. */
static void one_back(float out[3], float hue, float saturation, float value)
{
    float turned = hue >= 6 || hue < 0 ? fmodf(hue, 6.0f) : hue;
    if (turned < 0)
        turned += 6;
    int sector = (int)floorf(turned);
    float share = turned - (float)sector;
    if (!(sector >= 0 && sector < 6)) {
        sector = 0;
        share = 0;
    }
    const float values[4] = {
        value,
        value * (1 - saturation),
        value * fused(-saturation, share, 1),
        value * fused(-saturation, 1 - share, 1),
    };
    for (int c = 0; c < 3; c++)
        out[c] = values[sectors[sector][c]];
}

/* Vectors cut fractions off, single pixels are rounded. */
void df_hsv_to_bgr_bytes(uint8_t *out, const uint8_t *in, int width)
{
    const int in_vectors = width - width % BYTES_AT_ONCE;
    for (int x = 0; x < width; x++, in += 3, out += 3) {
        float bgr[3];
        const float scale = 1.0f / 255.0f;
        one_back(bgr, (float)in[0] * (6.0f / 180.0f), (float)in[1] * scale, (float)in[2] * scale);
        for (int c = 0; c < 3; c++) {
            const float v = bgr[c] * 255.0f;
            out[c] = (uint8_t)(x < in_vectors ? truncf(v) : rintf(v));
        }
    }
}

void df_hsv_to_bgr_floats(float *out, const float *in, int width)
{
    for (int x = 0; x < width; x++, in += 3, out += 3) {
        float bgr[3];
        one_back(bgr, in[0] * (6.0f / 360.0f), in[1], in[2]);
        for (int c = 0; c < 3; c++)
            out[c] = bgr[c];
    }
}

/* ---- floats to HSV --------------------------------------------------------------------------------------------- */

/* Where R is the largest, a vector adds the circle to a negative hue before it rounds, a single pixel after. */
static float hue_of(float b, float g, float r, float value, float per_range, bool vector)
{
    if (value == r && vector)
        return fused(g - b, per_range, g < b ? 360.0f : 0.0f);
    if (value == r)
        return (g - b) * per_range;
    if (value == g)
        return fused(b - r, per_range, 120.0f);
    return fused(r - g, per_range, 240.0f);
}

void df_bgr_to_hsv_floats(float *out, const float *in, int width)
{
    const int in_vectors = width - width % FLOATS_AT_ONCE;
    for (int x = 0; x < width; x++, in += 3, out += 3) {
        const float b = in[0];
        const float g = in[1];
        const float r = in[2];
        const float value = fmaxf(fmaxf(b, g), r);
        const float range = value - fminf(fminf(b, g), r);
        const float hue = hue_of(b, g, r, value, 60.0f / (range + FLT_EPSILON), x < in_vectors);
        out[0] = hue < 0 && x >= in_vectors ? hue + 360.0f : hue;
        out[1] = range / (fabsf(value) + FLT_EPSILON);
        out[2] = value;
    }
}
