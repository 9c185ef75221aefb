/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/datasets/test_draw.c -- drawing stays within the picture at any size, and the dataset that draws itself can be read.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/core.h"
#include "datasets/datasets.h"
#include "datasets/draw/ink.h"

static DfImage grey(int height, int width)
{
    DfImage image;
    cr_assert_eq(df_image_new(&image, height, width, 3), DF_OK);
    memset(image.pixels, 128, df_image_bytes(&image));
    return image;
}

Test(draw, boxes_of_any_kind_on_pictures_of_any_size)
{
    static const int sizes[][2] = { { 1, 1 }, { 7, 300 }, { 300, 7 }, { 40, 60 }, { 480, 640 }, { 2000, 1500 } };
    static const char *const classes[] = { "person", "a name with \x01 odd \xc3\xa9 bytes", "g|jpqy~" };
    const DfDrawnBox boxes[] = {
        { { 10, 10, 50, 50 }, 0, 0.5f, NULL, 0 }, { { -100, -100, 1e30f, 1e30f }, 1, 1.5f, NULL, 0 }, { { 30, 30, 30, 30 }, 2, -1.0f, NULL, 0 },
        { { 50, 50, 10, 10 }, 3, 0.3f, NULL, 0 }, { { NAN, INFINITY, -INFINITY, NAN }, -7, NAN, NULL, 0 }, { { 639, 479, 700, 700 }, 79, 0.9f, NULL, 0 },
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        DfImage image = grey(sizes[i][0], sizes[i][1]);
        cr_expect_eq(df_draw_boxes(&image, boxes, 6, classes, 3), DF_OK);
        cr_expect_eq(df_draw_boxes(&image, NULL, 0, classes, 3), DF_OK);
        df_image_free(&image);
    }
}

Test(draw, a_box_is_where_it_should_be)
{
    const DfDrawnBox box = { { 100, 200, 300, 400 }, 4, 0.9f, NULL, 0 };
    static const char *const classes[] = { "a", "b", "c", "d", "e" };
    DfImage image = grey(480, 640);
    uint8_t colour[3];
    df_label_colour(4, colour);
    cr_assert_eq(df_draw_boxes(&image, &box, 1, classes, 5), DF_OK);
    const uint8_t *edge = image.pixels + (300 * 640 + 100) * 3, *middle = image.pixels + (300 * 640 + 200) * 3;
    cr_expect_eq(memcmp(edge, colour, 3), 0);
    cr_expect_eq(middle[0], 128);
    cr_expect_eq(memcmp(image.pixels + (300 * 640 + 299) * 3, colour, 3), 0);
    df_image_free(&image);
}

Test(draw, a_small_picture_is_enlarged_with_its_boxes_and_masks)
{
    const uint32_t runs[] = { 20 * 40 + 10, 20, 20, 20 }; /* rows 10 to 29 of columns 20 and 21 */
    const DfDrawnBox box = { { 40, 10, 50, 30 }, 4, 0.9f, NULL, 0 }, mask = { { 40, 10, 50, 30 }, 4, 0.9f, runs, 4 };
    DfImage plain = grey(40, 60), masked = grey(40, 60);
    uint8_t colour[3];
    df_label_colour(4, colour);
    cr_assert_eq(df_draw_boxes(&plain, &box, 1, NULL, 0), DF_OK);
    cr_assert_eq(df_draw_boxes(&masked, &mask, 1, NULL, 0), DF_OK);
    cr_assert(plain.height == 240 && plain.width == 360 && masked.height == 240 && masked.width == 360);
    cr_expect_eq(memcmp(plain.pixels + (120 * 360 + 240) * 3, colour, 3), 0, "the left side of the box");
    for (int y = 0; y < 240; y++) /* the tint, and a dark line around it */
        for (int x = 0; x < 200; x++) {
            const bool inside = x >= 120 && x < 132 && y >= 60 && y < 180, near = x >= 119 && x < 133 && y >= 59 && y < 181;
            const bool changed = memcmp(masked.pixels + (y * 360 + x) * 3, plain.pixels + (y * 360 + x) * 3, 3) != 0;
            cr_expect((!inside || changed) && (near || !changed), "%d %d", x, y);
        }
    df_image_free(&plain);
    df_image_free(&masked);
}

Test(draw, neighbouring_labels_differ)
{
    for (int i = 0; i + 1 < 200; i++) {
        uint8_t a[3], b[3];
        df_label_colour(i, a);
        df_label_colour(i + 1, b);
        cr_expect_gt(abs(a[0] - b[0]) + abs(a[1] - b[1]) + abs(a[2] - b[2]), 100, "%d and %d", i, i + 1);
    }
}

static DfDrawnPoints figure_of(const DfDrawnPoint *points, size_t n, const DfDrawnBox *box)
{
    return (DfDrawnPoints){ points, n, { 30, 20 }, box, "a layer" };
}

Test(draw, points_of_any_kind_on_pictures_of_any_size)
{
    static const int sizes[][2] = { { 1, 1 }, { 1, 900 }, { 7, 300 }, { 300, 7 }, { 40, 60 }, { 480, 640 }, { 2000, 1500 } };
    static const char *const classes[] = { "person" };
    const DfDrawnBox box = { { -10, 10, 1e9f, 50 }, 0, 0.5f, NULL, 0 };
    const DfDrawnPoint points[] = { { 10, 10, 0.5f }, { -1e4f, 3, 1 }, { 1e30f, -1e30f, 0.2f }, { NAN, INFINITY, 0.1f }, { 5, 5, NAN }, { 639, 479, -1 }, { 0, 0, INFINITY } };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t n = 0; n <= 7; n++) {
            DfImage image = grey(sizes[i][0], sizes[i][1]), out;
            const DfDrawnPoints figure = figure_of(points, n, n % 2 ? &box : NULL);
            cr_expect_eq(df_draw_points(&out, &image, &figure, classes, 1), DF_OK, "%s", df_error());
            cr_expect(out.width >= 800 || out.width == image.width || out.height >= 800, "%d x %d became %d x %d", image.height, image.width, out.height, out.width);
            cr_expect_eq(image.pixels[0], 128, "the picture itself stays");
            df_image_free(&out);
            df_image_free(&image);
        }
}

static const uint8_t *pixel(const DfImage *image, int x, int y)
{
    return image->pixels + ((size_t)y * (size_t)image->width + (size_t)x) * 3;
}

Test(draw, points_are_where_they_should_be_and_as_large_as_they_count)
{
    const DfDrawnPoint points[] = { { 100.5f, 50.5f, 0.4f }, { 300.5f, 200.5f, 0.1f }, { 200.5f, 100.5f, 0 }, { -50, 10, 0.2f } };
    const DfDrawnPoints figure = figure_of(points, 4, NULL);
    DfImage image = grey(240, 320), out; /* becomes three times as large */
    cr_assert_eq(df_draw_points(&out, &image, &figure, NULL, 0), DF_OK);
    cr_assert_eq(out.width, 960);
    cr_assert_gt(out.height, 720);
    int radius[3] = { 0 };
    for (int i = 0; i < 3; i++) {
        uint8_t colour[3];
        const int x = (int)(3 * points[i].x), y = (int)(3 * points[i].y);
        df_weight_colour(points[i].weight / 0.4f, colour);
        cr_expect_arr_eq(pixel(&out, x, y), colour, 3);
        while (memcmp(pixel(&out, x + radius[i], y), colour, 3) == 0)
            radius[i]++;
    }
    cr_expect(radius[0] >= 2 * radius[1] - 2 && radius[0] <= 2 * radius[1] + 2, "four times the weight is twice the radius: %d and %d", radius[0], radius[1]);
    cr_expect(radius[1] > radius[2] && radius[2] >= 1, "no weight is a small disc: %d", radius[2]);
    cr_expect_arr_eq(pixel(&out, 600, 500), "\x46\x46\x46", 3, "the picture stands back");
    df_image_free(&out);
    df_image_free(&image);
}

Test(draw, weights_have_colours_that_grow_lighter)
{
    double before = -1;
    for (int i = 0; i <= 100; i++) {
        uint8_t c[3];
        df_weight_colour((float)i / 100.0f, c);
        const double light = 0.114 * c[0] + 0.587 * c[1] + 0.299 * c[2];
        cr_expect_gt(light, before - 0.6, "at %d %%", i);
        before = light;
    }
    uint8_t low[3], least[3];
    df_weight_colour(-3, low);
    df_weight_colour(0, least);
    cr_expect_arr_eq(low, least, 3);
}

/* ---- letters ----------------------------------------------------------------------------------------------------- */

enum { LINE = 600 };

/* A row of text, black on white, as one line of pixels' darkness. */
static DfImage written(const char *text, float size)
{
    DfImage image;
    DfPen pen = { .line = 1 };
    df_pen_resize(&pen, size);
    cr_assert_eq(df_image_new(&image, 2 * (int)size + 8, LINE, 3), DF_OK);
    memset(image.pixels, 255, df_image_bytes(&image));
    df_write_text(&image, &pen, 4, (int)size / 2, text, 0);
    return image;
}

Test(letters, are_as_high_as_asked_and_smooth_at_every_size)
{
    for (int size = 7; size <= 120; size += 1 + size / 8) {
        DfImage image = written("HO", (float)size);
        int top = image.height;
        int bottom = 0;
        size_t dark = 0;
        size_t between = 0;
        for (int y = 0; y < image.height; y++)
            for (int x = 0; x < LINE; x++) {
                const uint8_t grey = pixel(&image, x, y)[0];
                if (grey < 128) {
                    top = y < top ? y : top;
                    bottom = y;
                }
                dark += grey < 16;
                between += grey >= 16 && grey < 240;
            }
        cr_expect_eq(bottom - top + 1, size, "size %d: rows %d to %d", size, top, bottom);
        cr_expect(between > 0 && dark > 0, "size %d: %zu dark, %zu between", size, dark, between);
        df_image_free(&image);
    }
}

Test(letters, of_ascii_and_latin_1_differ_from_each_other)
{
    DfImage seen[256];
    int n = 0;
    for (uint32_t code = '!'; code < 256; code++) {
        unsigned char text[8] = { 0 };
        if ((code > '~' && code < 0xa1) || code == 0xad) /* no letters; a hyphen that looks like one */
            continue;
        df_utf8_put(text, code);
        seen[n] = written((const char *)text, 20);
        for (int i = 0; i < n; i++)
            cr_expect_neq(memcmp(seen[i].pixels, seen[n].pixels, df_image_bytes(&seen[n])), 0, "U+%04X", code);
        n++;
    }
    while (n > 0)
        df_image_free(&seen[--n]);
}

Test(letters, take_the_room_they_say)
{
    const char *const texts[] = { "person 97%", "W", "\xc3\x84pfel", "", "\xff\xe4\xbd", "i.l" };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (float size = 7; size < 60; size *= 1.3f) {
            DfPen pen = { .line = 1 };
            df_pen_resize(&pen, size);
            DfImage image = written(texts[i], pen.size);
            const int end = 4 + (int)df_text_width(&pen, texts[i]);
            for (int y = 0; y < image.height; y++)
                for (int x = end + 2; x < LINE; x++)
                    cr_assert_eq(pixel(&image, x, y)[0], 255, "'%s' of %g reaches %d, %d", texts[i], (double)size, x, y);
            df_image_free(&image);
        }
}

/* The ids of COCO's own files. */
Test(coco_names, category_ids)
{
    cr_expect_eq(df_coco_category_id(0), 1);
    cr_expect_eq(df_coco_category_id(11), 13);
    cr_expect_eq(df_coco_category_id(24), 27);
    cr_expect_eq(df_coco_category_id(60), 67);
    cr_expect_eq(df_coco_category_id(62), 72);
    cr_expect_eq(df_coco_category_id(79), 90);
}
