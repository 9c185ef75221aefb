/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/draw/boxes.c -- draws boxes and labels on a picture.
 *
 * A box is a coloured frame with a thin dark edge on both sides, so that it is visible on any background; its label is
 * a filled tag at the upper left corner, or at another corner where tags would overlap, with black or white letters.
 */
#include "datasets/draw/ink.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/image/resize.h"

enum { LEAST_SIDE = 320 }; /* names cannot be read on less */

/* ---- shapes ---------------------------------------------------------------------------------------------------- */

/* The band of `width` pixels just inside r. */
static void frame(DfImage *image, DfRect r, int width, const uint8_t bgr[3], float cover)
{
    df_fill(image, (DfRect){ r.x1, r.y1, r.x2, r.y1 + width }, bgr, cover);
    df_fill(image, (DfRect){ r.x1, r.y2 - width, r.x2, r.y2 }, bgr, cover);
    df_fill(image, (DfRect){ r.x1, r.y1 + width, r.x1 + width, r.y2 - width }, bgr, cover);
    df_fill(image, (DfRect){ r.x2 - width, r.y1 + width, r.x2, r.y2 - width }, bgr, cover);
}

static DfRect grown(DfRect r, int by)
{
    return (DfRect){ r.x1 - by, r.y1 - by, r.x2 + by, r.y2 + by };
}

/* The text of a box on its coloured ground. */
typedef struct {
    DfRect at;
    char text[96];
    uint8_t colour[3];
    DfPen pen;   /* smaller where the picture is too narrow for the text */
    bool placed; /* false: there was no room that it would not take from a better one */
} Tag;

static void draw_tag(DfImage *image, const Tag *tag)
{
    df_fill(image, tag->at, tag->colour, 1.0f);
    const float left = (float)(tag->at.x1 + tag->pen.margin);
    const int top = tag->at.y1 + tag->pen.margin;
    df_write_text(image, &tag->pen, left, top, tag->text, df_ink_on(tag->colour));
}

static bool overlap(DfRect a, DfRect b)
{
    return a.x1 < b.x2 && b.x1 < a.x2 && a.y1 < b.y2 && b.y1 < a.y2;
}

static bool is_free(DfRect r, const Tag *placed, int n)
{
    for (int i = 0; i < n; i++)
        if (placed[i].placed && overlap(r, placed[i].at))
            return false;
    return true;
}

static DfRect moved_inside(DfRect r, const DfImage *image)
{
    const int width = r.x2 - r.x1;
    const int height = r.y2 - r.y1;
    const int beyond_x = r.x2 > image->width ? r.x2 - image->width : 0;
    const int beyond_y = r.y2 > image->height ? r.y2 - image->height : 0;
    const int left = df_clamp_int(r.x1 - beyond_x, 0, image->width);
    const int top = df_clamp_int(r.y1 - beyond_y, 0, image->height);
    return (DfRect){ left, top, left + width, top + height };
}

static DfRect size_of(Tag *tag, const DfImage *image)
{
    const float wanted = df_text_width(&tag->pen, tag->text) + 2 * (float)tag->pen.margin;
    if (wanted > (float)image->width)
        df_pen_resize(&tag->pen, tag->pen.size * (float)image->width / wanted);
    const int width = (int)ceilf(df_text_width(&tag->pen, tag->text)) + 2 * tag->pen.margin;
    return (DfRect){ 0, 0, width, df_text_height(&tag->pen) + 2 * tag->pen.margin };
}

/* Whether the tag can stand with its upper edge at `top`, from the left edge of the box or up to its right one. */
static bool try_at(Tag *tag, const DfImage *image, DfRect box, DfRect size, int top, const Tag *before, int n)
{
    const int lefts[2] = { box.x1, box.x2 - size.x2 };
    for (int i = 0; i < 2; i++) {
        const DfRect r = { lefts[i], top, lefts[i] + size.x2, top + size.y2 };
        tag->at = moved_inside(r, image);
        if (is_free(tag->at, before, n))
            return true;
    }
    return false;
}

/* A tag stands above its box, inside at its top, below it or inside at its bottom; else as near as there is room in
 * these columns, up to six heights away. It covers none of the n tags placed before: where there is no room it is left
 * out. */
static void place_tag(Tag *tag, const DfImage *image, DfRect box, const Tag *before, int n)
{
    const DfRect size = size_of(tag, image);
    const int height = size.y2;
    const int tops[4] = { box.y1 - height >= 0 ? box.y1 - height : box.y1, box.y1, box.y2, box.y2 - height };
    for (int i = 0; i < 4 && !tag->placed; i++)
        tag->placed = try_at(tag, image, box, size, tops[i], before, n);
    for (int step = 1; step <= 12 && !tag->placed; step++) {
        const int away = step * height / 2;
        tag->placed = try_at(tag, image, box, size, tops[0] + away, before, n) ||
                      try_at(tag, image, box, size, tops[0] - away, before, n);
    }
}

/* ---- detections ------------------------------------------------------------------------------------------------ */

static int pixel_of(float v, int size)
{
    return isnan(v) ? 0 : (int)lrintf(fminf(fmaxf(v, 0.0f), (float)size));
}

static DfRect rect_of(const DfImage *image, const float box[4])
{
    DfRect r = {
        .x1 = pixel_of(box[0], image->width),
        .y1 = pixel_of(box[1], image->height),
        .x2 = pixel_of(box[2], image->width),
        .y2 = pixel_of(box[3], image->height),
    };
    r.x2 = r.x2 <= r.x1 ? r.x1 + 1 : r.x2;
    r.y2 = r.y2 <= r.y1 ? r.y1 + 1 : r.y2;
    return r;
}

static void draw_box(DfImage *image, const DfPen *pen, const DfDrawnBox *box)
{
    static const uint8_t dark[3] = { 0, 0, 0 };
    const DfRect r = rect_of(image, box->box);
    const int thin = pen->line >= 4 ? pen->line / 3 : 1;
    uint8_t colour[3];
    df_label_colour(box->label, colour);
    frame(image, grown(r, thin), thin, dark, 0.45f);
    frame(image, grown(r, -pen->line), thin, dark, 0.45f);
    frame(image, r, pen->line, colour, 1.0f);
}

static void write_tag(Tag *tag, const DfDrawnBox *box, const char *const *classes, int n_classes)
{
    const int percent = (int)lrintf(fminf(fmaxf(box->score, 0.0f), 1.0f) * 100.0f);
    const bool named = box->label >= 0 && box->label < n_classes;
    if (named && box->score < 0)
        snprintf(tag->text, sizeof tag->text, "%s", classes[box->label]);
    else if (named)
        snprintf(tag->text, sizeof tag->text, "%s %d%%", classes[box->label], percent);
    else if (box->score < 0)
        snprintf(tag->text, sizeof tag->text, "%d", box->label);
    else
        snprintf(tag->text, sizeof tag->text, "%d: %d%%", box->label, percent);
    df_label_colour(box->label, tag->colour);
}

static int by_score(const void *a, const void *b)
{
    const float x = ((const DfDrawnBox *)a)->score;
    const float y = ((const DfDrawnBox *)b)->score;
    return (x < y) - (x > y);
}

/* The weakest first, as all that is drawn, so that the strongest lies on top. */
static int draw_masks(DfImage *image, const DfDrawnBox *boxes, int n, int times)
{
    bool any = false;
    for (int i = 0; i < n; i++)
        any |= boxes[i].runs != NULL;
    uint8_t *pixels = any ? df_malloc((size_t)image->height * (size_t)image->width) : NULL;
    for (int i = n - 1; pixels && i >= 0; i--)
        if (boxes[i].runs)
            df_draw_mask(image, &boxes[i], times, pixels);
    df_free(pixels);
    return any && !pixels ? df_fail_memory("masks to draw") : DF_OK;
}

static int enlarge(DfImage *image, int times)
{
    DfImage larger;
    const int error = times > 1 ? df_resize_cv2(&larger, image, image->height * times, image->width * times) : DF_OK;
    if (error == DF_OK && times > 1) {
        df_image_free(image);
        *image = larger;
    }
    return error;
}

/* Frames and tags of n boxes, the best first. The tags of the best choose their places first. */
static void draw_sorted(DfImage *image, const DfDrawnBox *sorted, int n, Tag *tags, const char *const *classes,
                        int n_classes)
{
    const DfPen pen = df_pen_for(image);
    for (int i = n - 1; i >= 0; i--)
        draw_box(image, &pen, &sorted[i]);
    for (int i = 0; i < n; i++) {
        tags[i] = (Tag){ .pen = pen };
        write_tag(&tags[i], &sorted[i], classes, n_classes);
        place_tag(&tags[i], image, rect_of(image, sorted[i].box), tags, i);
    }
    for (int i = n - 1; i >= 0; i--)
        if (tags[i].placed)
            draw_tag(image, &tags[i]);
}

int df_draw_boxes(DfImage *image, const DfDrawnBox *boxes, int n, const char *const *classes, int n_classes)
{
    if (image->channels != 3)
        return df_fail(DF_EVALUE, "drawing on a picture of %d channels: want 3", image->channels);
    const size_t count = n > 0 ? (size_t)n : 0;
    const int times = df_times_to(image, LEAST_SIDE);
    DfDrawnBox *sorted = df_malloc(count * sizeof *sorted);
    Tag *tags = df_malloc(count * sizeof *tags);
    int error = sorted && tags ? enlarge(image, times) : df_fail_memory("boxes to draw");
    if (error == DF_OK && count) {
        memcpy(sorted, boxes, count * sizeof *sorted);
        qsort(sorted, count, sizeof *sorted, by_score);
        for (size_t i = 0; i < count; i++)
            for (int k = 0; k < 4; k++)
                sorted[i].box[k] *= (float)times;
        error = draw_masks(image, sorted, n, times);
        if (error == DF_OK)
            draw_sorted(image, sorted, n, tags, classes, n_classes);
    }
    df_free(sorted);
    df_free(tags);
    return error;
}
