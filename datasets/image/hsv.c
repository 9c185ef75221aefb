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
 *
 * Floats are computed in blocks of pixels, each value in a list of its own and without branches, so that the compiler
 * makes vectors of them.
 */
#include "datasets/image/hsv.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum {
    BLOCK = 32,         /* pixels; OpenCV computes as many bytes at once */
    FLOATS_AT_ONCE = 8, /* pixels of floats that OpenCV computes at once */
    SHIFT = 12          /* of the tables of bytes                        */
};

typedef struct {
    float a[BLOCK], b[BLOCK], c[BLOCK];
} Block;

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

/* A block of hues in sixths of the circle, saturations and values becomes B G R:
 *     sector   0       1       2       3       4       5          p = V(1 - S)
 *     B        p       p       t       V       V       q          q = V(1 - S f)
 *     G        t       V       V       q       p       p          t = V(1 - S(1 - f))
 *     R        V       q       p       p       t       V          f: how far into the sector */
static void block_to_bgr(Block *block)
{
    for (int i = 0; i < BLOCK; i++) {
        const float hue = block->a[i];
        const float s = block->b[i];
        const float v = block->c[i];
        const float lifted = hue < 0.0f ? hue + 6.0f : hue;
        const float turned = lifted >= 6.0f ? lifted - 6.0f : lifted;
        const int sector = (turned >= 1.0f) + (turned >= 2.0f) + (turned >= 3.0f) + (turned >= 4.0f) + (turned >= 5.0f);
        const float f = turned - (float)sector;
        const float p = v * (1.0f - s);
        const float q = v * fused(-s, f, 1.0f);
        const float t = v * fused(-s, 1.0f - f, 1.0f);
        const float odd = sector & 1 ? q : t;                       /* the one of q and t in this sector */
        const float b = sector == 3 || sector == 4 ? v : p;
        const float g = sector == 1 || sector == 2 ? v : p;
        const float r = sector == 0 || sector == 5 ? v : p;
        block->a[i] = sector == 2 || sector == 5 ? odd : b;
        block->b[i] = sector == 0 || sector == 3 ? odd : g;
        block->c[i] = sector == 1 || sector == 4 ? odd : r;
    }
}

static void load_bytes(Block *block, const uint8_t *pixels, int n)
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

static void store_bytes(uint8_t *pixels, const Block *block, int n)
{
    const bool cut = n == BLOCK;
    for (int i = 0; i < n; i++) {
        pixels[3 * i] = to_byte(block->a[i], cut);
        pixels[3 * i + 1] = to_byte(block->b[i], cut);
        pixels[3 * i + 2] = to_byte(block->c[i], cut);
    }
}

static void scale_block(Block *block, float a, float b, float c)
{
    for (int i = 0; i < BLOCK; i++) {
        block->a[i] *= a;
        block->b[i] *= b;
        block->c[i] *= c;
    }
}

void df_hsv_to_bgr_bytes(uint8_t *pixels, int height, int width)
{
    Block block = { 0 };
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x += BLOCK) {
            const int n = smaller(BLOCK, width - x);
            load_bytes(&block, pixels, n);
            scale_block(&block, 6.0f / 180.0f, 1.0f / 255.0f, 1.0f / 255.0f);
            block_to_bgr(&block);
            scale_block(&block, 255.0f, 255.0f, 255.0f);
            store_bytes(pixels, &block, n);
            pixels += 3 * n;
        }
}

static void load_floats(Block *block, const float *pixels, int n)
{
    for (int i = 0; i < n; i++) {
        block->a[i] = pixels[3 * i];
        block->b[i] = pixels[3 * i + 1];
        block->c[i] = pixels[3 * i + 2];
    }
}

static void store_floats(float *pixels, const Block *block, int n)
{
    for (int i = 0; i < n; i++) {
        pixels[3 * i] = block->a[i];
        pixels[3 * i + 1] = block->b[i];
        pixels[3 * i + 2] = block->c[i];
    }
}

void df_hsv_to_bgr_floats(float *pixels, int height, int width)
{
    Block block = { 0 };
    size_t left = (size_t)height * (size_t)width;
    while (left) {
        const int n = left < BLOCK ? (int)left : BLOCK;
        load_floats(&block, pixels, n);
        scale_block(&block, 6.0f / 360.0f, 1.0f, 1.0f);
        block_to_bgr(&block);
        store_floats(pixels, &block, n);
        pixels += 3 * n;
        left -= (size_t)n;
    }
}

/* ---- floats to HSV --------------------------------------------------------------------------------------------- */

/* Where R is the largest, a vector adds the circle to a negative hue before it rounds. */
static void block_to_hsv(Block *block)
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
static void hue_alone(float *hue, const float *bgr)
{
    const float value = fmaxf(fmaxf(bgr[0], bgr[1]), bgr[2]);
    const float range = value - fminf(fminf(bgr[0], bgr[1]), bgr[2]);
    const float alone = (bgr[1] - bgr[0]) * (60.0f / (range + FLT_EPSILON));
    if (value == bgr[2])
        *hue = alone < 0 ? alone + 360.0f : alone;
}

void df_bgr_to_hsv_floats(float *pixels, int height, int width)
{
    Block block = { 0 };
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x += BLOCK) {
            const int n = smaller(BLOCK, width - x);
            load_floats(&block, pixels, n);
            block_to_hsv(&block);
            for (int i = n - n % FLOATS_AT_ONCE; i < n; i++)
                hue_alone(&block.a[i], pixels + 3 * i);
            store_floats(pixels, &block, n);
            pixels += 3 * n;
        }
}
