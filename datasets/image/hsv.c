/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/hsv.c -- OpenCV's BGR2HSV and HSV2BGR (modules/imgproc/src/color_hsv.simd.hpp): Smith, SIGGRAPH 1978.
 *     V = max(B, G, R),   S = (V - min) / V,   H = 60 (G - B) / (V - min)          where R is the largest,
 *                                              H = 60 (B - R) / (V - min) + 120    where G is,
 *                                              H = 60 (R - G) / (V - min) + 240    where B is
 *
 * OpenCV fuses products with additions. The product of two floats is exact in double, so here the sum is rounded once
 * to double and once to float; this never differed for bytes, nor in a million floats. Floats are computed in blocks
 * of pixels, each value in its own array and without branches, so that the compiler vectorises the loops.
 */
#include "datasets/image/hsv.h"

#include <float.h>
#include <math.h>

#include "datasets/image/colours.h"

enum {
    BLOCK = DF_COLOURS,
    FLOATS_AT_ONCE = 8, /* pixels of floats that OpenCV computes at once */
    SHIFT = 12          /* of the tables of bytes                        */
};

static float fused(float a, float b, float c)
{
    return (float)((double)a * (double)b + (double)c);
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* ---- bytes to HSV ---------------------------------------------------------------------------------------------- */

/* 255 and 180 / 6 over i, in fixed point: OpenCV divides by table. */
static int quotient(int numerator, int parts, int i)
{
    return i ? (int)lrint((double)(numerator << SHIFT) / (parts * (double)i)) : 0;
}

static int larger(int a, int b)
{
    return a > b ? a : b;
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

void df_bgr_to_hsv_bytes(uint8_t *pixels, int height, int width)
{
    int of_255[256];
    int of_30[256];
    for (int i = 0; i < 256; i++) {
        of_255[i] = quotient(255, 1, i);
        of_30[i] = quotient(180, 6, i);
    }
    const size_t n = (size_t)height * (size_t)width;
    for (size_t i = 0; i < n; i++, pixels += 3) {
        const int b = pixels[0];
        const int g = pixels[1];
        const int r = pixels[2];
        const int value = larger(larger(b, g), r);
        const int range = value - smaller(smaller(b, g), r);
        const int hue = rounded_shift(sixths(b, g, r, value, range) * of_30[range]);
        pixels[0] = (uint8_t)(hue < 0 ? hue + 180 : hue);
        pixels[1] = (uint8_t)rounded_shift(range * of_255[value]);
        pixels[2] = (uint8_t)value;
    }
}

/* ---- HSV to BGR ------------------------------------------------------------------------------------------------ */

/* In the sectors 0..5 of the circle, f being how far into one the hue is:
 *     sector   0       1       2       3       4       5          p = V(1 - S)
 *     B        p       p       w       V       V       w          w = V(1 - S f)          in odd sectors
 *     G        w       V       V       w       p       p          w = V(1 - S(1 - f))     in even ones
 *     R        V       w       p       p       w       V */
enum { P, W, V };
static const uint8_t which[6][3] = { { P, W, V }, { P, V, W }, { W, V, P }, { V, W, P }, { V, P, W }, { W, P, V } };

/* hue: in sixths of the circle. What is no number counts as 0. */
static void sixths_to_bgr(DfColours *block)
{
    int sector[BLOCK];
    float share[BLOCK]; /* f, or 1 - f */
    float value[3][BLOCK];
    for (int i = 0; i < BLOCK; i++) {
        const float hue = block->a[i];
        const float lifted = hue + (hue < 0.0f ? 6.0f : 0.0f);
        const float turned = lifted - (lifted >= 6.0f ? 6.0f : 0.0f);
        const float known = turned >= 0.0f ? turned : 0.0f;
        const float safe = known < 6.0f ? known : 0.0f;
        sector[i] = (int)safe;
        share[i] = safe - (float)sector[i];
    }
    for (int i = 0; i < BLOCK; i++)
        share[i] = sector[i] & 1 ? share[i] : 1.0f - share[i];
    for (int i = 0; i < BLOCK; i++) {
        value[V][i] = block->c[i];
        value[P][i] = block->c[i] * (1.0f - block->b[i]);
        value[W][i] = block->c[i] * fused(-block->b[i], share[i], 1.0f);
    }
    for (int i = 0; i < BLOCK; i++) {
        const uint8_t *w = which[sector[i]];
        block->a[i] = value[w[0]][i];
        block->b[i] = value[w[1]][i];
        block->c[i] = value[w[2]][i];
    }
}

static void load_bytes(DfColours *block, const uint8_t *pixels, int n)
{
    for (int i = 0; i < n; i++) {
        block->a[i] = (float)pixels[3 * i];
        block->b[i] = (float)pixels[3 * i + 1];
        block->c[i] = (float)pixels[3 * i + 2];
    }
}

/* Vectors cut fractions off, single pixels are rounded. */
static uint8_t to_byte(float v, bool cut)
{
    return (uint8_t)(cut ? v : rintf(v));
}

static void store_bytes(uint8_t *pixels, const DfColours *block, int n)
{
    const bool cut = n == BLOCK;
    for (int i = 0; i < n; i++) {
        pixels[3 * i] = to_byte(block->a[i], cut);
        pixels[3 * i + 1] = to_byte(block->b[i], cut);
        pixels[3 * i + 2] = to_byte(block->c[i], cut);
    }
}

static void scale_block(DfColours *block, float a, float b, float c)
{
    for (int i = 0; i < BLOCK; i++) {
        block->a[i] *= a;
        block->b[i] *= b;
        block->c[i] *= c;
    }
}

void df_hsv_to_bgr_bytes(uint8_t *pixels, int height, int width)
{
    DfColours block = { 0 };
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x += BLOCK) {
            const int n = smaller(BLOCK, width - x);
            load_bytes(&block, pixels, n);
            scale_block(&block, 6.0f / 180.0f, 1.0f / 255.0f, 1.0f / 255.0f);
            sixths_to_bgr(&block);
            scale_block(&block, 255.0f, 255.0f, 255.0f);
            store_bytes(pixels, &block, n);
            pixels += 3 * n;
        }
}

void df_colours_load(DfColours *block, const float *pixels, int n)
{
    for (int i = 0; i < n; i++) {
        block->a[i] = pixels[3 * i];
        block->b[i] = pixels[3 * i + 1];
        block->c[i] = pixels[3 * i + 2];
    }
}

void df_colours_store(float *pixels, const DfColours *block, int n)
{
    for (int i = 0; i < n; i++) {
        pixels[3 * i] = block->a[i];
        pixels[3 * i + 1] = block->b[i];
        pixels[3 * i + 2] = block->c[i];
    }
}

void df_colours_to_bgr(DfColours *block)
{
    scale_block(block, 6.0f / 360.0f, 1.0f, 1.0f);
    sixths_to_bgr(block);
}

void df_hsv_to_bgr_floats(float *pixels, int height, int width)
{
    DfColours block = { 0 };
    size_t left = (size_t)height * (size_t)width;
    while (left) {
        const int n = left < BLOCK ? (int)left : BLOCK;
        df_colours_load(&block, pixels, n);
        df_colours_to_bgr(&block);
        df_colours_store(pixels, &block, n);
        pixels += 3 * n;
        left -= (size_t)n;
    }
}

/* ---- floats to HSV --------------------------------------------------------------------------------------------- */

/* Where R is the largest, a vector adds the circle to a negative hue before it rounds. */
static void block_to_hsv(DfColours *block)
{
    for (int i = 0; i < BLOCK; i++) {
        const float b = block->a[i];
        const float g = block->b[i];
        const float r = block->c[i];
        const float high = b > g ? b : g;
        const float low = b > g ? g : b;
        const float value = high > r ? high : r;
        const float range = value - (low < r ? low : r);
        const float from_g = value == g ? b - r : r - g;
        const float part = value == r ? g - b : from_g;
        const float turn_g = value == g ? 120.0f : 240.0f;
        const float turn_r = g < b ? 360.0f : 0.0f;
        block->a[i] = fused(part, 60.0f / (range + FLT_EPSILON), value == r ? turn_r : turn_g);
        block->b[i] = range / (fabsf(value) + FLT_EPSILON);
        block->c[i] = value;
    }
}

/* A single pixel adds it after. */
static float hue_alone(const DfColours *block, int i)
{
    const float b = block->a[i];
    const float g = block->b[i];
    const float r = block->c[i];
    const float value = fmaxf(fmaxf(b, g), r);
    const float range = value - fminf(fminf(b, g), r);
    const float hue = (g - b) * (60.0f / (range + FLT_EPSILON));
    return hue < 0 ? hue + 360.0f : hue;
}

void df_colours_to_hsv(DfColours *block, int n)
{
    float alone[FLOATS_AT_ONCE];
    const int end = smaller(n, BLOCK);
    const int first = end - end % FLOATS_AT_ONCE;
    for (int i = first; i < end; i++)
        alone[i - first] = hue_alone(block, i);
    bool red[FLOATS_AT_ONCE];
    for (int i = first; i < end; i++)
        red[i - first] = block->c[i] >= block->a[i] && block->c[i] >= block->b[i];
    block_to_hsv(block);
    for (int i = first; i < end; i++)
        if (red[i - first])
            block->a[i] = alone[i - first];
}

void df_bgr_to_hsv_floats(float *pixels, int height, int width)
{
    DfColours block = { 0 };
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x += BLOCK) {
            const int n = smaller(BLOCK, width - x);
            df_colours_load(&block, pixels, n);
            df_colours_to_hsv(&block, n);
            df_colours_store(pixels, &block, n);
            pixels += 3 * n;
        }
}
