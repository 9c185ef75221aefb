/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/datasets/test_resize.c -- both resizes against OpenCV and Pillow, bit for bit (tests/scripts/make_images.py).
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
