/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/datasets/test_resize.c -- resizes against OpenCV, Pillow and PyTorch, bit for bit (tests/scripts/make_images.py and
 * make_resize.py).
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <zlib.h>

#include "datasets/datasets.h"

/* The generator of make_images.py. */
static void noise(DfImage *image, uint32_t state)
{
    for (size_t i = 0; i < df_image_bytes(image); i++) {
        state = state * 1103515245u + 12345u;
        image->pixels[i] = (uint8_t)(state >> 24);
    }
}

static void check(const DfImage *in, int height, int width, unsigned long crc, const char *what,
    int (*resize)(DfImage *, const DfImage *, int, int))
{
    DfImage out;
    cr_assert_eq(resize(&out, in, height, width), DF_OK, "%s", df_error());
    cr_expect_eq(crc32(0, out.pixels, (uInt)df_image_bytes(&out)), crc, "%s, %d x %d x %d to %d x %d", what, in->height, in->width,
        in->channels, height, width);
    df_image_free(&out);
}

Test(resize, as_opencv_and_pillow_do)
{
    FILE *table = fopen(DF_TEST_DATA "/images/resize.txt", "r");
    cr_assert(table);
    int h, w, out_h, out_w, channels, rows = 0;
    unsigned long cv2, pil;
    for (; fscanf(table, "%d %d %d %d %d %lu %lu", &h, &w, &out_h, &out_w, &channels, &cv2, &pil) == 7; rows++) {
        DfImage in;
        cr_assert_eq(df_image_new(&in, h, w, channels), DF_OK);
        noise(&in, (uint32_t)rows);
        check(&in, out_h, out_w, cv2, "cv2", df_resize_cv2);
        check(&in, out_h, out_w, pil, "pil", df_resize_pil);
        df_image_free(&in);
    }
    fclose(table);
    cr_assert_eq(rows, 60);
}

static unsigned long next(FILE *table)
{
    unsigned long crc = 0;
    cr_assert_eq(fscanf(table, "%lu", &crc), 1);
    return crc;
}

static void check_antialiased(const DfImage *in, int height, int width, DfPilFilter filter, DfAntialias library,
                              unsigned long crc)
{
    DfImage out;
    cr_assert_eq(df_resize_antialiased(&out, in, height, width, filter, library), DF_OK, "%s", df_error());
    cr_expect_eq(crc32(0, out.pixels, (uInt)df_image_bytes(&out)), crc, "filter %d of library %d, %d x %d to %d x %d",
                 (int)filter, (int)library, in->height, in->width, height, width);
    df_image_free(&out);
}

/* The bytes as floats, less 100. */
static void check_floats(const DfImage *in, int height, int width, unsigned long crc)
{
    DfGrid floats, out;
    if (in->channels != 3)
        return;
    cr_assert_eq(df_grid_new(&floats, in->height, in->width, 3 * sizeof(float)), DF_OK);
    for (size_t i = 0; i < df_image_bytes(in); i++)
        ((float *)(void *)floats.at)[i] = (float)in->pixels[i] - 100.0f;
    cr_assert_eq(df_resize_torch_floats(&out, &floats, height, width), DF_OK, "%s", df_error());
    cr_expect_eq(crc32(0, out.at, (uInt)((size_t)height * (size_t)width * out.cell)), crc, "floats, %d x %d to %d x %d",
                 in->height, in->width, height, width);
    df_grid_free(&floats);
    df_grid_free(&out);
}

static void check_row(FILE *table, const DfImage *in, int height, int width)
{
    static const DfPilFilter torch[] = { DF_PIL_BILINEAR, DF_PIL_BICUBIC, DF_PIL_LANCZOS, DF_PIL_NEAREST };
    for (int filter = DF_PIL_BILINEAR; filter <= DF_PIL_NEAREST; filter++)
        check_antialiased(in, height, width, (DfPilFilter)filter, DF_ANTIALIAS_PILLOW13, next(table));
    for (int i = 0; i < 4; i++)
        check_antialiased(in, height, width, torch[i], DF_ANTIALIAS_TORCH, next(table));
    check_floats(in, height, width, next(table));
}

Test(resize, as_every_filter_of_pillow_and_torch)
{
    FILE *table = fopen(DF_TEST_DATA "/images/antialiased.txt", "r");
    cr_assert(table);
    int h, w, out_h, out_w, channels, rows = 0;
    for (; fscanf(table, "%d %d %d %d %d", &h, &w, &out_h, &out_w, &channels) == 5; rows++) {
        DfImage in;
        cr_assert_eq(df_image_new(&in, h, w, channels), DF_OK);
        noise(&in, (uint32_t)rows);
        check_row(table, &in, out_h, out_w);
        df_image_free(&in);
    }
    fclose(table);
    cr_assert_eq(rows, 46);
}

Test(resize, size_limits_hold)
{
    DfImage in, out;
    cr_assert_eq(df_image_new(&in, 2, 2, 3), DF_OK);
    noise(&in, 1);
    cr_expect_eq(df_resize_cv2(&out, &in, 0, 5), DF_EVALUE);
    cr_expect_eq(df_resize_cv2(&out, &in, 40000, 40000), DF_EVALUE);
    cr_expect_eq(df_resize_pil(&out, &in, 40000, 40000), DF_EVALUE);
    df_image_free(&in);
}
