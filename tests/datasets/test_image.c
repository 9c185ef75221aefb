/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/datasets/test_image.c -- pixels against OpenCV and Pillow (tests/scripts/make_images.py), and files that are broken.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "datasets/datasets.h"

#define IMAGES DF_TEST_DATA "/images/"

static unsigned long crc_of(const DfImage *image)
{
    return crc32(0, image->pixels, (uInt)df_image_bytes(image));
}

static const char *path_of(const char *name)
{
    static char path[1024];
    snprintf(path, sizeof path, IMAGES "%s", name);
    return path;
}

Test(image, every_kind_as_opencv_reads_it)
{
    FILE *table = fopen(IMAGES "expected.txt", "r");
    cr_assert(table);
    char name[64];
    int height, width, rows = 0;
    unsigned long crc;
    for (; fscanf(table, "%63s %d %d %lu", name, &height, &width, &crc) == 4; rows++) {
        const bool labels = df_starts_with(name, "labels:");
        DfImage image;
        const int error = labels ? df_image_read_labels(&image, path_of(name + 7)) : df_image_read(&image, path_of(name));
        cr_assert_eq(error, DF_OK, "%s", df_error());
        cr_expect(image.height == height && image.width == width, "%s is %d x %d", name, image.height, image.width);
        cr_expect_eq(image.channels, labels ? 1 : 3);
        cr_expect_eq(crc_of(&image), crc, "%s has other pixels", name);
        df_image_free(&image);
    }
    fclose(table);
    cr_assert_geq(rows, 36);
}

/* BMP, TIFF and WebP (tests/scripts/make_formats.py); a build without libtiff or libwebp says so. */
static void read_as_expected(const char *name, int height, int width, unsigned long crc)
{
    char path[64];
    DfImage image;
    const bool labels = df_starts_with(name, "labels:");
    snprintf(path, sizeof path, "formats/%.50s", labels ? name + 7 : name);
    const int error = labels ? df_image_read_labels(&image, path_of(path)) : df_image_read(&image, path_of(path));
    if (error < 0 && strstr(df_error(), "was built without"))
        return;
    cr_assert_eq(error, DF_OK, "%s", df_error());
    cr_expect(image.height == height && image.width == width, "%s is %d x %d", name, image.height, image.width);
    cr_expect_eq(image.channels, labels ? 1 : 3);
    cr_expect_eq(crc_of(&image), crc, "%s has other pixels", name);
    cr_expect_eq(df_image_read_size(path_of(path), &height, &width), DF_OK, "%s", df_error());
    cr_expect(image.height == height && image.width == width, "%s is said to be %d x %d", name, height, width);
    df_image_free(&image);
}

Test(image, other_formats_as_opencv_reads_them)
{
    FILE *table = fopen(IMAGES "formats/expected.txt", "r");
    cr_assert(table);
    char name[64];
    int height, width, rows = 0;
    unsigned long crc;
    for (; fscanf(table, "%63s %d %d %lu", name, &height, &width, &crc) == 4; rows++)
        read_as_expected(name, height, width, crc);
    fclose(table);
    cr_assert_geq(rows, 50);
}

Test(image, other_formats_are_refused_with_a_reason)
{
    FILE *table = fopen(IMAGES "formats/refused.txt", "r");
    cr_assert(table);
    char name[64], path[80], reason[100];
    for (; fscanf(table, "%63s %99[^\n]", name, reason) == 2;) {
        DfImage image;
        snprintf(path, sizeof path, "formats/%s", name);
        cr_expect_eq(df_image_read(&image, path_of(path)), DF_EFORMAT);
        cr_expect(strstr(df_error(), reason) || strstr(df_error(), "was built without"), "%s", df_error());
        cr_expect_null(image.pixels);
    }
    fclose(table);
}

static void check_as(const char *name, DfImageReading reading, int height, int width, unsigned long crc)
{
    DfImage image;
    const int error = df_image_read_as(&image, path_of(name), reading);
    if (error < 0 && strstr(df_error(), "was built without"))
        return;
    cr_assert_eq(error, DF_OK, "%s", df_error());
    cr_expect(image.height == height && image.width == width, "%s is %d x %d", name, image.height, image.width);
    cr_expect_eq(crc_of(&image), crc, "%s has other pixels, read as %d", name, (int)reading);
    df_image_free(&image);
}

/* tests/scripts/make_pillow.py */
Test(image, every_kind_as_pillow_reads_it)
{
    FILE *table = fopen(IMAGES "pillow.txt", "r");
    cr_assert(table);
    char name[64];
    int stored[2], upright[2], rows = 0;
    unsigned long crc[2];
    for (; fscanf(table, "%63s %d %d %lu %d %d %lu", name, &stored[0], &stored[1], &crc[0], &upright[0], &upright[1],
                  &crc[1]) == 7; rows++) {
        check_as(name, DF_READ_PILLOW_AS_STORED, stored[0], stored[1], crc[0]);
        check_as(name, DF_READ_PILLOW, upright[0], upright[1], crc[1]);
    }
    fclose(table);
    cr_assert_geq(rows, 50);
}

/* The files of expected.txt cut anywhere are errors with one sentence, or (JPEG, in its last bytes) the whole picture. */
static void cut(const char *name)
{
    DfFile file;
    cr_assert_eq(df_file_open(&file, path_of(name), DF_IMAGE_MAX_FILE), DF_OK);
    for (size_t size = 0; size + 3 < file.size; size += 1 + file.size / 97) {
        DfImage image;
        const int error = df_image_decode(&image, file.data, size, 0, "cut.img");
        cr_expect_eq(error, DF_EFORMAT, "%s cut to %zu of %zu bytes: %d", name, size, file.size, error);
        cr_expect(df_starts_with(df_error(), "cut.img: "), "%s", df_error());
        cr_expect_null(image.pixels);
        df_image_free(&image);
    }
    df_file_close(&file);
}

Test(image, cut_files_are_errors)
{
    cut("420.jpg");
    cut("progressive.jpg");
    cut("cmyk.jpg");
    cut("rgb.png");
    cut("interlaced.png");
    cut("formats/4.bmp");
    cut("formats/rle8.bmp");
    cut("formats/rgb8.tif");
    cut("formats/white8_tiles.tif");
    cut("formats/lossy.webp");
    cut("formats/alpha_lossless.webp");
    cut("formats/moving.webp");
}

Test(image, errors_are_sentences)
{
    DfImage image;
    cr_expect_eq(df_image_read(&image, "no-such-file.jpg"), DF_EIO);
    cr_expect(strstr(df_error(), "no-such-file.jpg"));
    cr_expect_eq(df_image_decode(&image, (const uint8_t *)"", 0, 0, "empty.jpg"), DF_EFORMAT);
    cr_expect_str_eq(df_error(), "empty.jpg: the file is empty: want a picture");
    cr_expect_eq(df_image_decode(&image, (const uint8_t *)"GIF89a", 6, 0, "a.gif"), DF_EFORMAT);
    cr_expect_str_eq(df_error(), "a.gif: not a picture of a known format: want JPEG, PNG, BMP, TIFF or WebP");
    cr_expect_eq(df_image_read_labels(&image, path_of("rgb.png")), DF_EFORMAT);
}

/* 45000 x 45000 pixels promised by 57 bytes: refused before anything is allocated for them. */
Test(image, a_bomb_is_refused)
{
    uint8_t bytes[57] = { 0x89, 'P', 'N', 'G', 13, 10, 26, 10, 0, 0, 0, 13, 'I', 'H', 'D', 'R', 0, 0, 0xaf, 0xc8, 0, 0, 0xaf, 0xc8, 8, 2 };
    const uint32_t crc = (uint32_t)crc32(0, bytes + 12, 17);
    for (int i = 0; i < 4; i++)
        bytes[29 + i] = (uint8_t)(crc >> (24 - 8 * i));
    memcpy(bytes + 33, "\0\0\0\0IDAT", 8);
    DfImage image;
    const size_t before = df_memory().peak;
    cr_expect_eq(df_image_decode(&image, bytes, sizeof bytes, 0, "bomb.png"), DF_EVALUE, "%s", df_error());
    cr_expect_str_eq(df_error(), "bomb.png: the picture has 45000 x 45000 pixels: want at most 1073741824 pixels and 65500 a side");
    cr_expect_lt(df_memory().peak - before, 1u << 20);
}

static DfImage gradient_of(int height, int width, int channels)
{
    DfImage image;
    cr_assert_eq(df_image_new(&image, height, width, channels), DF_OK);
    for (size_t i = 0; i < df_image_bytes(&image); i++)
        image.pixels[i] = (uint8_t)(i * 7 / 5);
    return image;
}

static DfImage gradient(int channels)
{
    return gradient_of(40, 50, channels);
}

Test(image, labels_are_read_into_the_same_memory_again)
{
    static const int sizes[][2] = { { 40, 50 }, { 40, 50 }, { 7, 300 }, { 3, 5 }, { 60, 70 } };
    DfImage image = { 0 };
    for (int i = 0; i < 5; i++) {
        DfImage out = gradient_of(sizes[i][0], sizes[i][1], 1);
        const uint8_t *const before = image.pixels;
        cr_assert_eq(df_image_write(&out, "test_labels_again.png", 0), DF_OK, "%s", df_error());
        cr_assert_eq(df_image_read_labels_again(&image, "test_labels_again.png"), DF_OK, "%s", df_error());
        cr_expect(i != 1 || image.pixels == before);
        cr_expect(image.height == out.height && image.width == out.width && image.channels == 1);
        cr_expect_eq(memcmp(out.pixels, image.pixels, df_image_bytes(&out)), 0);
        df_image_free(&out);
    }
    cr_expect_eq(df_image_read_labels_again(&image, path_of("rgb.png")), DF_EFORMAT);
    cr_expect_null(image.pixels);
    cr_expect_eq(df_memory().now, 0);
    unlink("test_labels_again.png");
}

Test(image, png_comes_back_bit_for_bit)
{
    DfImage out = gradient(3), back;
    cr_assert_eq(df_image_write(&out, "test_image_out.png", 0), DF_OK, "%s", df_error());
    cr_assert_eq(df_image_read(&back, "test_image_out.png"), DF_OK, "%s", df_error());
    cr_expect_eq(memcmp(out.pixels, back.pixels, df_image_bytes(&out)), 0);
    df_image_free(&back);
    df_image_free(&out);
    out = gradient(1);
    cr_assert_eq(df_image_write(&out, "test_image_out.png", 0), DF_OK, "%s", df_error());
    cr_assert_eq(df_image_read_labels(&back, "test_image_out.png"), DF_OK, "%s", df_error());
    cr_expect_eq(memcmp(out.pixels, back.pixels, df_image_bytes(&out)), 0);
    df_image_free(&back);
    df_image_free(&out);
    unlink("test_image_out.png");
}

Test(image, jpeg_comes_back_close)
{
    DfImage out, back;
    cr_assert_eq(df_image_read(&out, path_of("444.jpg")), DF_OK);
    cr_assert_eq(df_image_write(&out, "test_image_out.jpg", 95), DF_OK, "%s", df_error());
    cr_assert_eq(df_image_read(&back, "test_image_out.jpg"), DF_OK, "%s", df_error());
    double distance = 0;
    for (size_t i = 0; i < df_image_bytes(&out); i++)
        distance += abs(out.pixels[i] - back.pixels[i]);
    cr_expect_lt(distance / (double)df_image_bytes(&out), 12.0);
    cr_expect_eq(df_image_write(&out, "out.gif", 95), DF_EVALUE);
    df_image_free(&back);
    df_image_free(&out);
    unlink("test_image_out.jpg");
}

Test(image, memory_that_runs_out_is_an_error)
{
    static const char *const names[] = { "exif6.jpg", "cmyk.jpg", "interlaced.png" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (size_t n = 1;; n++) {
            DfImage image;
            const size_t held = df_memory().now;
            df_memory_fail_at(n, false);
            const int error = df_image_read(&image, path_of(names[i]));
            df_memory_fail_at(0, false);
            df_image_free(&image);
            cr_expect_eq(df_memory().now, held, "%s leaks when allocation %zu fails", names[i], n);
            if (error == DF_OK)
                break;
            cr_assert_lt(n, 100u);
        }
}

/* ---- files that ask for much ------------------------------------------------------------------------------------- */

static void bomb(const char *name, int height, const char *sentence)
{
    enum { MOST = 24 << 20 }; /* bytes that any of them may take: less than what their chunks expand to */
    static char path[4096];
    DfImage image;
    snprintf(path, sizeof path, DF_TEST_DATA "/bombs/%s", name);
    const size_t before = df_memory().now;
    const int error = df_image_read(&image, path);
    cr_expect_eq(error == DF_OK, height > 0, "%s: %s", name, df_error());
    cr_expect_eq(image.height, height, "%s", name);
    if (height == 0)
        cr_expect(strstr(df_error(), sentence), "%s", df_error());
    if (height == 2) /* the pixel in the corner is red */
        cr_expect_eq(image.pixels[0] + image.pixels[1] + image.pixels[2], 255, "%s", name);
    df_image_free(&image);
    cr_expect_eq(df_memory().now, before);
    cr_expect_lt(df_memory().peak, (size_t)MOST, "%s takes %zu bytes", name, df_memory().peak);
}

Test(image, bombs)
{
    static const char *const fine[] = {
        "ztxt.png", "itxt.png", "iccp.png", "splt.png", "sbit_hist.png", "trns_long.png"
    };
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
        bomb(fine[i], 2, NULL);
    bomb("scans_fine.jpg", 64, NULL);
    bomb("scans.jpg", 0, "more than 500 scans");
    bomb("splt_cut.png", 0, "the file ends early");
    bomb("huge.png", 0, "the file ends early");
    bomb("huge_interlaced.png", 0, "the file ends early");
    bomb("too_large.png", 0, "65500 x 65500 pixels: want at most 1073741824 pixels");
}

Test(image, scans_of_a_large_picture)
{
    DfImage image;
    cr_expect_eq(df_image_read(&image, DF_TEST_DATA "/bombs/scans_large.jpg"), DF_EFORMAT);
    cr_expect(strstr(df_error(), "more than 64 scans"), "%s", df_error());
}

/* A progressive JPEG without its last marker is whole; with its first scan alone it is not. */
Test(image, a_missing_end_of_image_is_forgiven)
{
    DfImage whole, image;
    char *bytes;
    size_t n, scans = 0, second = 0;
    cr_assert_eq(df_file_text(&bytes, &n, DF_TEST_DATA "/bombs/scans_fine.jpg", 1 << 20), DF_OK);
    cr_assert_eq(df_image_decode(&whole, (const uint8_t *)bytes, n, 1 << 20, "whole"), DF_OK, "%s", df_error());
    cr_assert(memcmp(bytes + n - 2, "\xff\xd9", 2) == 0);
    cr_assert_eq(df_image_decode(&image, (const uint8_t *)bytes, n - 2, 1 << 20, "cut"), DF_OK, "%s", df_error());
    cr_expect(image.height == whole.height && memcmp(image.pixels, whole.pixels, df_image_bytes(&whole)) == 0);
    df_image_free(&image);
    for (size_t i = 0; i + 1 < n && scans < 2; i++) {
        scans += memcmp(bytes + i, "\xff\xda", 2) == 0;
        second = i;
    }
    cr_expect_eq(df_image_decode(&image, (const uint8_t *)bytes, second, 1 << 20, "cut"), DF_EFORMAT);
    cr_expect(strstr(df_error(), "Premature end"), "%s", df_error());
    df_image_free(&whole);
    df_free(bytes);
}
