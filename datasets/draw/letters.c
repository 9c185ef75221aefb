/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/draw/letters.c -- draws text of any size on a picture: the strokes of font.h, with a round pen and
 * antialiased edges. The coverage of a pixel follows from the distance of its centre to the nearest stroke.
 *
 * Capitals, small letters and the baseline are aligned to whole pixels, so that small text is sharp.
 */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/core.h"
#include "datasets/draw/font.h"
#include "datasets/draw/ink.h"

enum { MOST_SEGMENTS = 256, CURVE = 10, CIRCLE = 48 };

typedef struct {
    float x1, y1, x2, y2;
} Segment;

/* The strokes of a letter, in pixels. */
typedef struct {
    Segment v[MOST_SEGMENTS];
    int n;
    float at[2];          /* where the pen is, on the grid of the font */
} Strokes;

/* From the grid of the font to pixels. */
typedef struct {
    float radius;         /* of the pen                  */
    float unit;           /* a step of the grid          */
    float left, top;      /* outer edges of the strokes  */
    float x_height;       /* y = DF_FONT_X_HEIGHT        */
    float base;           /* y = DF_FONT_BASE            */
} Grid;

/* ---- the grid --------------------------------------------------------------------------------------------------- */

static float radius_of(const DfPen *pen)
{
    return fmaxf(0.065f * pen->size, 0.62f);
}

static Grid grid_of(const DfPen *pen, float left, float top)
{
    Grid g = { .radius = radius_of(pen), .left = left, .top = top };
    g.unit = (rintf(pen->size) - 2 * g.radius) / DF_FONT_BASE;
    g.x_height = rintf(DF_FONT_X_HEIGHT * g.unit);
    g.base = DF_FONT_BASE * g.unit;
    return g;
}

static float pixel_x(const Grid *g, float x)
{
    return g->left + g->radius + x * g->unit;
}

/* Straight between the lines that were moved to whole pixels. */
static float pixel_y(const Grid *g, float y)
{
    const float zero = g->top + g->radius;
    if (y <= 0 || y >= DF_FONT_BASE)
        return zero + y * g->unit;
    if (y <= DF_FONT_X_HEIGHT)
        return zero + g->x_height * y / DF_FONT_X_HEIGHT;
    const float share = (y - DF_FONT_X_HEIGHT) / (DF_FONT_BASE - DF_FONT_X_HEIGHT);
    return zero + g->x_height + share * (g->base - g->x_height);
}

/* ---- strokes ---------------------------------------------------------------------------------------------------- */

static void line_to(Strokes *s, const Grid *g, float x, float y)
{
    if (s->n < MOST_SEGMENTS)
        s->v[s->n++] = (Segment){ pixel_x(g, s->at[0]), pixel_y(g, s->at[1]), pixel_x(g, x), pixel_y(g, y) };
    s->at[0] = x;
    s->at[1] = y;
}

static void curve_to(Strokes *s, const Grid *g, const float p[4])
{
    const float x = s->at[0];
    const float y = s->at[1];
    for (int i = 1; i <= CURVE; i++) {
        const float t = (float)i / CURVE;
        const float a = (1 - t) * (1 - t);
        const float b = 2 * t * (1 - t);
        line_to(s, g, a * x + b * p[0] + t * t * p[2], a * y + b * p[1] + t * t * p[3]);
    }
}

static void arc(Strokes *s, const Grid *g, const float p[6])
{
    const float degree = 0.01745329252f;
    const int steps = (int)ceilf(fabsf(p[5] - p[4]) * CIRCLE / 360);
    for (int i = 0; i <= steps; i++) {
        const float angle = (p[4] + (p[5] - p[4]) * (float)i / (float)steps) * degree;
        const float x = p[0] + p[2] * cosf(angle);
        const float y = p[1] + p[3] * sinf(angle);
        if (i)
            line_to(s, g, x, y);
        s->at[0] = x;
        s->at[1] = y;
    }
}

static const char *read_numbers(const char *text, float *out, int n)
{
    for (int i = 0; i < n; i++) {
        char *end;
        out[i] = (float)strtol(text, &end, 10);
        text = end;
    }
    return text;
}

/* Follows strokes as font.h writes them, moved by (x, y). */
static void follow(Strokes *s, const Grid *g, const char *strokes, float x, float y)
{
    while (*strokes) {
        const char command = *strokes++;
        float p[6];
        const int n = command == 'A' ? 6 : command == 'Q' ? 4 : 2;
        strokes = read_numbers(strokes, p, n);
        p[0] += x;
        p[1] += y;
        if (command == 'Q') {
            p[2] += x;
            p[3] += y;
            curve_to(s, g, p);
        } else if (command == 'A') {
            arc(s, g, p);
        } else if (command == 'L') {
            line_to(s, g, p[0], p[1]);
        } else {
            s->at[0] = p[0];
            s->at[1] = p[1];
        }
    }
}

/* ---- pixels ----------------------------------------------------------------------------------------------------- */

static float square_of_distance(const Segment *s, float x, float y)
{
    const float dx = s->x2 - s->x1;
    const float dy = s->y2 - s->y1;
    const float square = dx * dx + dy * dy;
    const float along = square > 0 ? ((x - s->x1) * dx + (y - s->y1) * dy) / square : 0;
    const float t = df_clamp_float(along, 0, 1);
    const float ax = s->x1 + t * dx - x;
    const float ay = s->y1 + t * dy - y;
    return ax * ax + ay * ay;
}

/* The segments that touch a row of pixels, and from where to where. */
static int touching(const Strokes *s, float y, float reach, const Segment **near, float range[2])
{
    int n = 0;
    range[0] = INFINITY;
    range[1] = -INFINITY;
    for (int i = 0; i < s->n; i++) {
        const Segment *one = &s->v[i];
        if (fminf(one->y1, one->y2) - reach > y || fmaxf(one->y1, one->y2) + reach < y)
            continue;
        near[n++] = one;
        range[0] = fminf(range[0], fminf(one->x1, one->x2) - reach);
        range[1] = fmaxf(range[1], fmaxf(one->x1, one->x2) + reach);
    }
    return n;
}

static void ink_row(DfImage *image, const Strokes *s, int row, float radius, uint8_t ink)
{
    const uint8_t colour[3] = { ink, ink, ink };
    const float y = (float)row + 0.5f;
    const Segment *near[MOST_SEGMENTS];
    float range[2];
    const int n = touching(s, y, radius + 1, near, range);
    const int x1 = n ? (int)floorf(df_clamp_float(range[0], 0, (float)image->width)) : 0;
    const int x2 = n ? (int)ceilf(df_clamp_float(range[1], 0, (float)image->width)) : 0;
    for (int x = x1; x < x2; x++) {
        float least = INFINITY;
        for (int i = 0; i < n; i++)
            least = fminf(least, square_of_distance(near[i], (float)x + 0.5f, y));
        const float cover = df_clamp_float(radius + 0.5f - sqrtf(least), 0, 1);
        if (cover > 0)
            df_blend(df_pixel_at(image, x, row), colour, cover);
    }
}

static void write_glyph(DfImage *image, const DfPen *pen, float left, int top, const DfGlyph *glyph, uint8_t ink)
{
    const Grid grid = grid_of(pen, left, (float)top);
    Strokes s = { .n = 0 };
    follow(&s, &grid, glyph->strokes, 0, 0);
    if (glyph->accent)
        follow(&s, &grid, glyph->accent, (float)glyph->width / 2, (float)glyph->accent_up);
    const int above = (int)pen->size / 2 + 1;
    const int y1 = df_clamp_int(top - above, 0, image->height);
    const int y2 = df_clamp_int(top + 2 * (int)pen->size, 0, image->height);
    for (int y = y1; y < y2; y++)
        ink_row(image, &s, y, grid.radius, ink);
}

/* ---- text ------------------------------------------------------------------------------------------------------- */

/* The next character of UTF-8; what is none stands for itself and gets the empty box. */
static uint32_t next_code(const char **text)
{
    const unsigned char *p = (const unsigned char *)*text;
    const size_t n = df_utf8_length(p, p + strlen(*text));
    uint32_t code = n == 1 ? p[0] : 0;
    if (n > 1)
        code = p[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++)
        code = code << 6 | (p[i] & 0x3f);
    *text += n ? n : 1;
    return code;
}

/* Whole pixels, so that all letters of a kind look alike. */
static float gap(const DfPen *pen)
{
    return fmaxf(rintf(0.16f * pen->size), 1);
}

static float advance(const DfPen *pen, const DfGlyph *glyph)
{
    const Grid g = grid_of(pen, 0, 0);
    return rintf((float)glyph->width * g.unit + 2 * g.radius) + gap(pen);
}

float df_text_width(const DfPen *pen, const char *text)
{
    float width = 0;
    while (*text) {
        const DfGlyph glyph = df_glyph(next_code(&text));
        width += advance(pen, &glyph);
    }
    return width > 0 ? width - gap(pen) : 0;
}

int df_text_height(const DfPen *pen)
{
    return (int)rintf(pen->size * 8 / 7);
}

void df_write_text(DfImage *image, const DfPen *pen, float left, int top, const char *text, uint8_t ink)
{
    left = rintf(left);
    while (*text && left < (float)image->width) {
        const DfGlyph glyph = df_glyph(next_code(&text));
        write_glyph(image, pen, left, top, &glyph, ink);
        left += advance(pen, &glyph);
    }
}
