/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/draw/points.c -- draws the points that attention reads, as figures of papers do: the picture is faded,
 * every point is a disc whose area and colour show its weight, and a cross marks the query. Below the picture are a
 * scale and a line of text.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/draw/ink.h"
#include "datasets/image/resize.h"

static const double PI = 3.14159265358979323846;
static const uint8_t white[3] = { 255, 255, 255 };
static const uint8_t black[3] = { 0, 0, 0 };

/* ---- the picture ----------------------------------------------------------------------------------------------- */

/* Less colourful, and darker, so that discs stand out on any picture. */
static void stand_back(DfImage *image)
{
    const size_t n = df_image_bytes(image);
    for (uint8_t *p = image->pixels; p < image->pixels + n; p += 3) {
        const float grey = 0.114f * (float)p[0] + 0.587f * (float)p[1] + 0.299f * (float)p[2];
        for (int c = 0; c < 3; c++)
            p[c] = (uint8_t)lrintf(0.55f * (0.6f * (float)p[c] + 0.4f * grey));
    }
}

/* ---- shapes ---------------------------------------------------------------------------------------------------- */

/* A disc with soft edges: a pixel is covered by how far its centre is within. Centres are at halves. */
static void draw_disc(DfImage *image, float x, float y, float radius, const uint8_t bgr[3], float cover)
{
    if (!(fabsf(x) < 1e6f && fabsf(y) < 1e6f))
        return;
    const int x1 = df_clamp_int((int)floorf(x - radius - 1), 0, image->width);
    const int x2 = df_clamp_int((int)ceilf(x + radius + 1), 0, image->width);
    const int y1 = df_clamp_int((int)floorf(y - radius - 1), 0, image->height);
    const int y2 = df_clamp_int((int)ceilf(y + radius + 1), 0, image->height);
    for (int j = y1; j < y2; j++)
        for (int i = x1; i < x2; i++) {
            const float within = radius + 0.5f - hypotf((float)i + 0.5f - x, (float)j + 0.5f - y);
            if (within > 0)
                df_blend(df_pixel_at(image, i, j), bgr, cover * fminf(within, 1.0f));
        }
}

/* The two bars of a cross, `grow` pixels larger on all sides. */
static void draw_arms(DfImage *image, int x, int y, int line, int grow, const uint8_t bgr[3])
{
    const int near = line / 2 + grow;
    const int far = line - line / 2 + grow;
    const int arm = 4 * line + 2 + grow;
    df_fill(image, (DfRect){ x - arm, y - near, x + arm + 1, y + far }, bgr, 1.0f);
    df_fill(image, (DfRect){ x - near, y - arm, x + far, y + arm + 1 }, bgr, 1.0f);
}

static void draw_cross(DfImage *image, float x, float y)
{
    static const uint8_t vermilion[3] = { 30, 60, 255 };
    if (!(fabsf(x) < 1e6f && fabsf(y) < 1e6f))
        return;
    const int line = df_pen_for(image).line;
    const int edge = line > 2 ? line / 2 : 1;
    draw_arms(image, (int)floorf(x), (int)floorf(y), line, edge, white);
    draw_arms(image, (int)floorf(x), (int)floorf(y), line, 0, vermilion);
}

/* ---- points ---------------------------------------------------------------------------------------------------- */

static int by_weight(const void *a, const void *b)
{
    const float x = ((const DfDrawnPoint *)a)->weight;
    const float y = ((const DfDrawnPoint *)b)->weight;
    return (x > y) - (x < y);
}

static bool inside(const DfImage *image, const DfDrawnPoint *p)
{
    return p->x >= 0 && p->y >= 0 && p->x < (float)image->width && p->y < (float)image->height;
}

/* The area, in pixels, that the points in the picture are spread over: a circle whose radius is twice their
 * standard deviation. */
static double spread(const DfImage *image, const DfDrawnPoint *points, size_t n)
{
    double sum_x = 0;
    double sum_y = 0;
    double squares = 0;
    double count = 0;
    for (size_t i = 0; i < n; i++)
        if (inside(image, &points[i])) {
            const double x = (double)points[i].x;
            const double y = (double)points[i].y;
            sum_x += x;
            sum_y += y;
            squares += x * x + y * y;
            count++;
        }
    if (count == 0)
        return 0;
    const double variance = squares / count - (sum_x * sum_x + sum_y * sum_y) / (count * count);
    return fmin(4 * PI * fmax(variance, 0), (double)image->width * image->height);
}

/* The radius of the heaviest point. A disc's area is in proportion to its weight, and all discs together should
 * cover 22% of the area they are spread over at most, so that they do not hide one another; between 1/220 and 1/48
 * of the picture's side. */
static float largest_radius(const DfImage *image, const DfDrawnPoint *sorted, size_t n, float most)
{
    const double side = sqrt((double)image->width * image->height);
    double discs = 0; /* the area of all discs, in discs of the largest size */
    for (size_t i = 0; i < n && most > 0; i++)
        discs += isfinite(sorted[i].weight) ? (double)(sorted[i].weight / most) : 0;
    const double fitting = sqrt(0.22 * spread(image, sorted, n) / (PI * fmax(discs, 1)));
    return (float)fmax(fmax(1.5, side / 220), fmin(side / 48, fitting));
}

/* The radius of points that hardly count: large enough to be seen, but so small that all of them cover 4% of the
 * picture at most. */
static float least_radius(const DfImage *image, size_t n, float largest)
{
    const double area = (double)image->width * image->height;
    const double few = 0.16 * (double)largest;
    const double many = sqrt(0.04 * area / (PI * (double)(n + 1)));
    return fminf((float)fmin(fmax(few, 0.9), fmax(many, 0.5)), largest);
}

/* The weakest first, so that the strongest lies on top. */
static void draw_discs(DfImage *image, const DfDrawnPoint *sorted, size_t n)
{
    const float most = n && isfinite(sorted[n - 1].weight) ? sorted[n - 1].weight : 0;
    const float largest = largest_radius(image, sorted, n, most);
    const float least = least_radius(image, n, largest);
    for (size_t i = 0; i < n; i++) {
        const float share = most > 0 ? fmaxf(sorted[i].weight / most, 0.0f) : 0;
        const float radius = fmaxf(largest * sqrtf(share), least);
        const float edge = fminf(0.35f * radius, fmaxf(0.12f * largest, 0.5f));
        uint8_t bgr[3];
        df_weight_colour(share, bgr);
        draw_disc(image, sorted[i].x, sorted[i].y, radius + edge, black, 0.7f);
        draw_disc(image, sorted[i].x, sorted[i].y, radius, bgr, 1.0f);
    }
}

/* ---- under the picture ----------------------------------------------------------------------------------------- */

typedef struct {
    DfPen pen;
    char text[2][160];  /* the heaviest weight at the scale's end; what is shown */
    int row;            /* height of a line                                      */
} Caption;

static Caption caption_of(const DfImage *image, const DfDrawnPoints *of, float most, size_t outside)
{
    Caption c = { .pen = df_pen_for(image) };
    df_snprintf(c.text[0], sizeof c.text[0], "%.3g", (double)most);
    if (outside)
        df_snprintf(c.text[1], sizeof c.text[1], "%s: %zu points, %zu outside", of->title, of->n, outside);
    else
        df_snprintf(c.text[1], sizeof c.text[1], "%s: %zu points", of->title, of->n);
    const float wanted = df_text_width(&c.pen, c.text[1]) + 4 * (float)c.pen.margin;
    if (wanted > (float)image->width)
        df_pen_resize(&c.pen, c.pen.size * (float)image->width / wanted);
    c.row = df_text_height(&c.pen) + 3 * c.pen.margin;
    return c;
}

static int draw_caption(DfImage *image, const DfDrawnPoints *of, float most, size_t outside)
{
    const Caption c = caption_of(image, of, most, outside);
    const int m = c.pen.margin;
    const int top = image->height;
    const int zero = (int)ceilf(df_text_width(&c.pen, "0"));
    const int error = df_extend_down(image, 2 * c.row + m);
    if (error < 0)
        return error;
    const int left = 4 * m + zero;
    const int right = df_clamp_int(image->width / 3, left + 8, left + 40 * m + 8);
    const int bottom = top + c.row;
    df_write_text(image, &c.pen, (float)(2 * m), top + 2 * m, "0", 0);
    for (int x = left; x < right; x++) {
        uint8_t bgr[3];
        df_weight_colour((float)(x - left) / (float)(right - left), bgr);
        df_fill(image, (DfRect){ x, top + 2 * m, x + 1, bottom - m }, bgr, 1.0f);
    }
    df_write_text(image, &c.pen, (float)(right + 2 * m), top + 2 * m, c.text[0], 0);
    df_write_text(image, &c.pen, (float)(2 * m), bottom + m, c.text[1], 0);
    return DF_OK;
}

/* ---- all of it ------------------------------------------------------------------------------------------------- */

enum { GOOD_SIDE = 800 };

/* A small picture is enlarged by a whole number, until there is room for discs. */
static int enlarge(DfImage *out, const DfImage *picture, int *times)
{
    *times = df_times_to(picture, GOOD_SIDE);
    return df_resize_cv2(out, picture, picture->height * *times, picture->width * *times);
}

/* The points in pixels of the figure, the lightest first. NULL after df_fail(). */
static DfDrawnPoint *sorted_points(const DfDrawnPoints *of, int times)
{
    DfDrawnPoint *sorted = df_malloc((of->n + 1) * sizeof *sorted);
    if (!sorted) {
        df_fail_memory("points to draw");
        return NULL;
    }
    for (size_t i = 0; i < of->n; i++) {
        sorted[i] = of->points[i];
        sorted[i].x *= (float)times;
        sorted[i].y *= (float)times;
    }
    qsort(sorted, of->n, sizeof *sorted, by_weight);
    return sorted;
}

static int draw_box(DfImage *image, const DfDrawnPoints *of, int times, const char *const *classes, int n_classes)
{
    DfDrawnBox box = *of->box;
    for (int i = 0; i < 4; i++)
        box.box[i] *= (float)times;
    box.runs = NULL;
    return df_draw_boxes(image, &box, 1, classes, n_classes);
}

static int draw_all(DfImage *image, const DfDrawnPoints *of, int times, const char *const *classes, int n_classes)
{
    DfDrawnPoint *sorted = sorted_points(of, times);
    size_t outside = 0;
    int error = sorted ? DF_OK : DF_ENOMEM;
    for (size_t i = 0; sorted && i < of->n; i++)
        outside += !inside(image, &sorted[i]);
    stand_back(image);
    if (sorted)
        draw_discs(image, sorted, of->n);
    if (error == DF_OK && of->box)
        error = draw_box(image, of, times, classes, n_classes);
    if (error == DF_OK) {
        draw_cross(image, of->from[0] * (float)times, of->from[1] * (float)times);
        error = draw_caption(image, of, of->n ? sorted[of->n - 1].weight : 0, outside);
    }
    df_free(sorted);
    return error;
}

int df_draw_points(DfImage *out, const DfImage *picture, const DfDrawnPoints *of, const char *const *classes,
                   int n_classes)
{
    int times;
    *out = (DfImage){ 0 };
    if (picture->channels != 3)
        return df_fail(DF_EVALUE, "drawing on a picture of %d channels: want 3", picture->channels);
    int error = enlarge(out, picture, &times);
    if (error == DF_OK)
        error = draw_all(out, of, times, classes, n_classes);
    if (error < 0)
        df_image_free(out);
    return error;
}
