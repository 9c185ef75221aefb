/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/pil_ops.c -- Pillow's ImageOps and ImageEnhance, bit for bit.
 */
#include "datasets/image/pil_ops.h"

#include <math.h>
#include <string.h>

enum { B, G, R };

/* ---- tables ----------------------------------------------------------------------------------------------------- */

typedef uint8_t Table[256];

static void apply(DfImage *image, Table table[3])
{
    const size_t n = df_image_bytes(image);
    for (size_t i = 0; i < n; i += 3) {
        image->pixels[i + B] = table[B][image->pixels[i + B]];
        image->pixels[i + G] = table[G][image->pixels[i + G]];
        image->pixels[i + R] = table[R][image->pixels[i + R]];
    }
}

static void apply_to_all(DfImage *image, const Table table)
{
    const size_t n = df_image_bytes(image);
    for (size_t i = 0; i < n; i++)
        image->pixels[i] = table[image->pixels[i]];
}

void df_pil_invert(DfImage *image)
{
    df_pil_solarize(image, 0);
}

void df_pil_posterize(DfImage *image, int bits)
{
    Table table;
    const int mask = 0xff & ~((1 << (8 - bits)) - 1);
    for (int v = 0; v < 256; v++)
        table[v] = (uint8_t)(v & mask);
    apply_to_all(image, table);
}

void df_pil_solarize(DfImage *image, int threshold)
{
    Table table;
    for (int v = 0; v < 256; v++)
        table[v] = (uint8_t)(v < threshold ? v : 255 - v);
    apply_to_all(image, table);
}

void df_pil_solarize_add(DfImage *image, int add, int threshold)
{
    Table table;
    for (int v = 0; v < 256; v++)
        table[v] = (uint8_t)(v < threshold ? df_clamp_int(v + add, 0, 255) : v);
    apply_to_all(image, table);
}

/* ---- histograms ------------------------------------------------------------------------------------------------- */

static void count(const DfImage *image, size_t histogram[3][256])
{
    const size_t n = df_image_bytes(image);
    memset(histogram, 0, 3 * 256 * sizeof **histogram);
    for (size_t i = 0; i < n; i++)
        histogram[i % 3][image->pixels[i]]++;
}

static void plain(Table table)
{
    for (int v = 0; v < 256; v++)
        table[v] = (uint8_t)v;
}

static void stretch(Table table, const size_t histogram[256])
{
    int lo = 0;
    int hi = 255;
    while (lo < 255 && !histogram[lo])
        lo++;
    while (hi > 0 && !histogram[hi])
        hi--;
    plain(table);
    if (hi <= lo)
        return;
    const double scale = 255.0 / (hi - lo);
    const double offset = -lo * scale;
    for (int v = 0; v < 256; v++)
        table[v] = (uint8_t)df_clamp_int((int)(v * scale + offset), 0, 255);
}

void df_pil_autocontrast(DfImage *image)
{
    size_t histogram[3][256];
    Table table[3];
    count(image, histogram);
    for (int c = 0; c < 3; c++)
        stretch(table[c], histogram[c]);
    apply(image, table);
}

/* step = (all - those of the last value) / 255; a value becomes (step / 2 + those before it) / step. */
static void flatten(Table table, const size_t histogram[256])
{
    size_t all = 0;
    size_t last = 0;
    int values = 0;
    for (int v = 0; v < 256; v++)
        if (histogram[v]) {
            all += histogram[v];
            last = histogram[v];
            values++;
        }
    const size_t step = (all - last) / 255;
    plain(table);
    if (values <= 1 || step == 0)
        return;
    size_t n = step / 2;
    for (int v = 0; v < 256; v++) {
        table[v] = (uint8_t)(n / step > 255 ? 255 : n / step);
        n += histogram[v];
    }
}

void df_pil_equalize(DfImage *image)
{
    size_t histogram[3][256];
    Table table[3];
    count(image, histogram);
    for (int c = 0; c < 3; c++)
        flatten(table[c], histogram[c]);
    apply(image, table);
}

/* ---- mixing ----------------------------------------------------------------------------------------------------- */

/* Image.blend(): a + factor (b - a) in float32, cut off and not rounded. */
static uint8_t blend(int a, int b, float factor)
{
    const float v = (float)a + factor * (float)(b - a);
    if (factor >= 0.0f && factor <= 1.0f)
        return (uint8_t)v;
    if (v <= 0.0f)
        return 0;
    return v >= 255.0f ? 255 : (uint8_t)v;
}

/* Image.convert('L'): 0.299 R + 0.587 G + 0.114 B in 16 bits. */
static int grey(const uint8_t *pixel)
{
    return (pixel[R] * 19595 + pixel[G] * 38470 + pixel[B] * 7471 + 0x8000) >> 16;
}

void df_pil_colour(DfImage *image, float factor)
{
    const size_t n = df_image_bytes(image);
    for (size_t i = 0; i < n; i += 3) {
        uint8_t *pixel = image->pixels + i;
        const int plainer = grey(pixel);
        for (int c = 0; c < 3; c++)
            pixel[c] = blend(plainer, pixel[c], factor);
    }
}

static void blend_with(DfImage *image, int plainer, float factor)
{
    Table table;
    for (int v = 0; v < 256; v++)
        table[v] = blend(plainer, v, factor);
    apply_to_all(image, table);
}

void df_pil_contrast(DfImage *image, float factor)
{
    const size_t n = df_image_bytes(image);
    double sum = 0;
    for (size_t i = 0; i < n; i += 3)
        sum += grey(image->pixels + i);
    blend_with(image, (int)(sum / (double)(n / 3) + 0.5), factor);
}

void df_pil_brightness(DfImage *image, float factor)
{
    blend_with(image, 0, factor);
}

/* ImageFilter.SMOOTH: the middle five times, its eight neighbours once, over 13; the border stays. */
static int smoothed(const DfImage *image, int y, int x, int c)
{
    const int h = image->height;
    const int w = image->width;
    const size_t stride = (size_t)w * 3;
    const uint8_t *at = image->pixels + (size_t)y * stride + (size_t)x * 3 + c;
    if (y == 0 || x == 0 || y == h - 1 || x == w - 1)
        return *at;
    int sum = 4 * *at;
    for (int dy = -1; dy <= 1; dy++)
        for (int dx = -1; dx <= 1; dx++)
            sum += at[dy * (ptrdiff_t)stride + dx * 3];
    return (2 * sum + 13) / 26;
}

int df_pil_sharpness(DfImage *image, float factor)
{
    DfImage out;
    const int error = df_image_new(&out, image->height, image->width, 3);
    if (error < 0)
        return error;
    size_t i = 0;
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++)
            for (int c = 0; c < 3; c++, i++)
                out.pixels[i] = blend(smoothed(image, y, x, c), image->pixels[i], factor);
    df_image_free(image);
    *image = out;
    return DF_OK;
}

/* ---- hue -------------------------------------------------------------------------------------------------------- */

/* Pillow's rgb2hsv (Convert.c): hue and saturation in 0..255, cut off and not rounded. */
static void to_hsv(const uint8_t *pixel, uint8_t hsv[3])
{
    const int r = pixel[R];
    const int g = pixel[G];
    const int b = pixel[B];
    const int most = r > g ? (r > b ? r : b) : (g > b ? g : b);
    const int least = r < g ? (r < b ? r : b) : (g < b ? g : b);
    hsv[2] = (uint8_t)most;
    hsv[0] = hsv[1] = 0;
    if (most == least)
        return;
    const float range = (float)(most - least);
    const float rc = (float)(most - r) / range;
    const float gc = (float)(most - g) / range;
    const float bc = (float)(most - b) / range;
    float h;
    if (r == most)
        h = bc - gc;
    else if (g == most)
        h = (float)(2.0 + (double)rc - (double)bc);
    else
        h = (float)(4.0 + (double)gc - (double)rc);
    h = (float)fmod((double)h / 6.0 + 1.0, 1.0);
    hsv[0] = (uint8_t)df_clamp_int((int)((double)h * 255.0), 0, 255);
    hsv[1] = (uint8_t)df_clamp_int((int)((double)(range / (float)most) * 255.0), 0, 255);
}

static uint8_t rounded(double v)
{
    return (uint8_t)df_clamp_int((int)round(v), 0, 255);
}

/* hsv2rgb */
static void from_hsv(const uint8_t hsv[3], uint8_t *pixel)
{
    const uint8_t v = hsv[2];
    if (hsv[1] == 0) {
        pixel[R] = pixel[G] = pixel[B] = v;
        return;
    }
    const float h = (float)((float)hsv[0] * 6.0 / 255.0);
    const int sector = (int)floorf(h);
    const float f = h - (float)sector;
    const float s = (float)((float)hsv[1] / 255.0);
    const uint8_t p = rounded((float)v * (1.0 - s));
    const uint8_t q = rounded((float)v * (1.0 - s * f));
    const uint8_t t = rounded((float)v * (1.0 - s * (1.0 - f)));
    const uint8_t rgb[6][3] = { { v, t, p }, { q, v, p }, { p, v, t }, { p, q, v }, { t, p, v }, { v, p, q } };
    for (int c = 0; c < 3; c++)
        pixel[2 - c] = rgb[sector % 6][c];
}

void df_pil_hue(DfImage *image, float factor)
{
    const int turn = (int)(factor * 255);
    const size_t n = df_image_bytes(image);
    for (size_t i = 0; i < n; i += 3) {
        uint8_t hsv[3];
        to_hsv(image->pixels + i, hsv);
        hsv[0] = (uint8_t)(hsv[0] + turn);
        from_hsv(hsv, image->pixels + i);
    }
}
