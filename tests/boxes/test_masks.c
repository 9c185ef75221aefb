/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boxes/test_masks.c -- masks against pycocotools 2.0.11: polygons to compressed runs, areas, boxes, encoding and
 * decoding, IoU (tests/data/eval/masks.json, made by tests/scripts/make_coco_cases.py).
 */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "eval/eval.h"
#include "boxes/masks/outline.h"

static cJSON *cases(void)
{
    char *text;
    size_t size;
    cr_assert_eq(df_file_text(&text, &size, DF_TEST_DATA "/eval/masks.json", 1 << 24), DF_OK, "%s", df_error());
    cJSON *const root = cJSON_ParseWithLength(text, size);
    df_free(text);
    cr_assert_not_null(root);
    return root;
}

static uint32_t number(const cJSON *list, int i)
{
    return (uint32_t)cJSON_GetArrayItem(list, i)->valuedouble;
}

static const char *text_of(const cJSON *c, const char *key)
{
    return cJSON_GetObjectItem(c, key)->valuestring;
}

/* Area, box and both texts. */
static void check_mask(const DfMask *got, const cJSON *want)
{
    char *text;
    double box[4];
    DfMask again;
    const char *counts = text_of(want, "counts");
    cr_assert_eq(df_mask_to_text(got, &text), DF_OK);
    cr_expect_str_eq(text, counts);
    df_free(text);
    cr_expect_eq(df_mask_area(got), (uint32_t)cJSON_GetObjectItem(want, "area")->valuedouble);
    df_mask_box(got, box);
    for (int i = 0; i < 4; i++)
        cr_expect_eq(box[i], cJSON_GetArrayItem(cJSON_GetObjectItem(want, "bbox"), i)->valuedouble);
    cr_assert_eq(df_mask_from_text(&again, counts, strlen(counts), got->height, got->width), DF_OK, "%s", df_error());
    cr_expect_eq(again.n, got->n);
    cr_expect_arr_eq(again.runs, got->runs, (got->n < again.n ? got->n : again.n) * sizeof *got->runs);
    df_mask_done(&again);
}

Test(masks, polygons)
{
    cJSON *const root = cases();
    const cJSON *c;
    cJSON_ArrayForEach(c, cJSON_GetObjectItem(root, "polygons"))
    {
        const cJSON *const size = cJSON_GetObjectItem(c, "size"), *const parts = cJSON_GetObjectItem(c, "segmentation");
        const int n = cJSON_GetArraySize(parts);
        DfMask *const masks = df_calloc((size_t)n, sizeof *masks), whole;
        for (int i = 0; i < n; i++) {
            const cJSON *const part = cJSON_GetArrayItem(parts, i);
            const int numbers = cJSON_GetArraySize(part);
            double *const xy = df_malloc((size_t)numbers * sizeof *xy);
            for (int j = 0; j < numbers; j++)
                xy[j] = cJSON_GetArrayItem(part, j)->valuedouble;
            cr_assert_eq(df_mask_from_polygon(&masks[i], xy, (size_t)numbers / 2, number(size, 0), number(size, 1)), DF_OK, "%s", df_error());
            df_free(xy);
        }
        cr_assert_eq(df_mask_merge(&whole, masks, (size_t)n, false), DF_OK);
        check_mask(&whole, c);
        df_mask_done(&whole);
        for (int i = 0; i < n; i++)
            df_mask_done(&masks[i]);
        df_free(masks);
    }
    cJSON_Delete(root);
    cr_expect_eq(df_memory().now, 0);
}

static DfMask mask_of(const cJSON *c)
{
    DfMask mask;
    const cJSON *const size = cJSON_GetObjectItem(c, "size");
    const char *counts = text_of(c, "counts");
    cr_assert_eq(df_mask_from_text(&mask, counts, strlen(counts), number(size, 0), number(size, 1)), DF_OK, "%s", df_error());
    return mask;
}

Test(masks, runs_and_pixels)
{
    cJSON *const root = cases();
    const cJSON *c;
    cJSON_ArrayForEach(c, cJSON_GetObjectItem(root, "rle"))
    {
        const cJSON *const list = cJSON_GetObjectItem(c, "uncompressed");
        const DfMask read = mask_of(c);
        DfMask made, encoded;
        const size_t n = (size_t)cJSON_GetArraySize(list), pixels = (size_t)read.height * read.width;
        uint32_t *const runs = df_malloc(n * sizeof *runs);
        uint8_t *const map = df_malloc(pixels);
        char *text;
        for (size_t i = 0; i < n; i++)
            runs[i] = number(list, (int)i);
        cr_assert_eq(df_mask_from_runs(&made, runs, n, read.height, read.width), DF_OK);
        check_mask(&made, c);
        cr_assert_eq(df_mask_decode(&read, map), DF_OK);
        cr_assert_eq(df_mask_encode(&encoded, map, read.height, read.width), DF_OK);
        cr_assert_eq(df_mask_to_text(&encoded, &text), DF_OK);
        cr_expect_str_eq(text, text_of(c, "encode_of_pixels"));
        df_free(text);
        DfMask m[3] = { made, encoded, read };
        df_free(runs);
        df_free(map);
        for (int i = 0; i < 3; i++)
            df_mask_done(&m[i]);
    }
    cJSON_Delete(root);
    cr_expect_eq(df_memory().now, 0);
}

static void expect_same_runs(const DfMask *got, const DfMask *want)
{
    cr_assert_eq(got->n, want->n);
    cr_expect_arr_eq(got->runs, want->runs, want->n * sizeof *want->runs);
}

/* Pixels column by column, upside down and row by row are the same mask; it comes back column by column. */
Test(masks, pixels_in_any_order)
{
    enum { H = 37, W = 11 };
    uint8_t rows[H * W], columns[W * H], upside_down[W * H], decoded[W * H];
    DfRandom random = df_random(7, 0);
    for (int round = 0; round < 40; round++) {
        const unsigned rare = 1 + (unsigned)round; /* runs of any length, and values beside 0 and 1 */
        uint8_t now = 0;
        for (size_t x = 0; x < W; x++)
            for (size_t y = 0; y < H; y++) {
                if (df_random_bits(&random) % rare == 0)
                    now = now ? 0 : (uint8_t)(1 + df_random_bits(&random) % 255);
                rows[y * W + x] = columns[x * H + y] = upside_down[x * H + H - 1 - y] = now;
            }
        DfMask by_row, by_column, from_below;
        cr_assert_eq(df_mask_encode(&by_row, rows, H, W), DF_OK);
        cr_assert_eq(df_mask_encode_strided(&by_column, columns, H, W, 1, H), DF_OK);
        cr_assert_eq(df_mask_encode_strided(&from_below, upside_down + H - 1, H, W, -1, H), DF_OK);
        expect_same_runs(&by_column, &by_row);
        expect_same_runs(&from_below, &by_row);
        cr_assert_eq(df_mask_decode_columns(&by_row, decoded), DF_OK);
        for (size_t i = 0; i < H * W; i++)
            cr_assert_eq(decoded[i], columns[i] != 0);
        df_mask_done(&by_row);
        df_mask_done(&by_column);
        df_mask_done(&from_below);
    }
}

Test(masks, decoding_stops_at_the_end)
{
    uint8_t pixels[6];
    DfMask mask;
    cr_assert_eq(df_mask_from_runs(&mask, (const uint32_t[]){ 2, 3 }, 2, 2, 3), DF_OK);
    cr_assert_eq(df_mask_decode_columns(&mask, pixels), DF_OK);
    cr_expect_arr_eq(pixels, ((uint8_t[]){ 0, 0, 1, 1, 1, 0 }), 6);
    mask.runs[1] = 5;
    cr_expect_eq(df_mask_decode_columns(&mask, pixels), DF_EFORMAT);
    cr_expect_str_eq(df_error(), "the RLE of a mask is longer than its 2 x 3 pixels");
    df_mask_done(&mask);
}

Test(masks, overlap_of_every_pair)
{
    cJSON *const root = cases();
    const cJSON *c;
    cJSON_ArrayForEach(c, cJSON_GetObjectItem(root, "mask_iou"))
    {
        const cJSON *const dts = cJSON_GetObjectItem(c, "dt"), *const gts = cJSON_GetObjectItem(c, "gt");
        DfMask dt[16], gt[16];
        uint8_t crowd[16];
        double iou[256];
        const int n = cJSON_GetArraySize(dts), m = cJSON_GetArraySize(gts);
        cr_assert(n <= 16 && m <= 16);
        for (int i = 0; i < n; i++)
            dt[i] = mask_of(cJSON_GetArrayItem(dts, i));
        for (int i = 0; i < m; i++) {
            gt[i] = mask_of(cJSON_GetArrayItem(gts, i));
            crowd[i] = (uint8_t)number(cJSON_GetObjectItem(c, "iscrowd"), i);
        }
        cr_assert_eq(df_mask_ious(iou, dt, (size_t)n, gt, (size_t)m, crowd), DF_OK);
        for (int k = 0; k < m; k++)
            for (int i = 0; i < n; i++)
                cr_expect_eq(iou[k * n + i], df_mask_iou(&dt[i], &gt[k], crowd[k]));
        for (int i = 0; i < n; i++)
            df_mask_done(&dt[i]);
        for (int i = 0; i < m; i++)
            df_mask_done(&gt[i]);
    }
    cJSON_Delete(root);
}

Test(masks, overlap)
{
    cJSON *const root = cases();
    const cJSON *c;
    cJSON_ArrayForEach(c, cJSON_GetObjectItem(root, "mask_iou"))
    {
        const cJSON *const dts = cJSON_GetObjectItem(c, "dt"), *const gts = cJSON_GetObjectItem(c, "gt");
        for (int d = 0; d < cJSON_GetArraySize(dts); d++)
            for (int g = 0; g < cJSON_GetArraySize(gts); g++) {
                const cJSON *const want = cJSON_GetArrayItem(cJSON_GetArrayItem(cJSON_GetObjectItem(c, "iou_hex"), d), g);
                DfMask a = mask_of(cJSON_GetArrayItem(dts, d)), b = mask_of(cJSON_GetArrayItem(gts, g));
                cr_expect_eq(df_mask_iou(&a, &b, number(cJSON_GetObjectItem(c, "iscrowd"), g) != 0), strtod(want->valuestring, NULL));
                df_mask_done(&a);
                df_mask_done(&b);
            }
    }
    cJSON_ArrayForEach(c, cJSON_GetObjectItem(root, "bbox_iou"))
    {
        const cJSON *const dts = cJSON_GetObjectItem(c, "dt"), *const gts = cJSON_GetObjectItem(c, "gt");
        for (int d = 0; d < cJSON_GetArraySize(dts); d++)
            for (int g = 0; g < cJSON_GetArraySize(gts); g++) {
                const cJSON *const want = cJSON_GetArrayItem(cJSON_GetArrayItem(cJSON_GetObjectItem(c, "iou_hex"), d), g);
                double a[4], b[4];
                for (int i = 0; i < 4; i++) {
                    a[i] = cJSON_GetArrayItem(cJSON_GetArrayItem(dts, d), i)->valuedouble;
                    b[i] = cJSON_GetArrayItem(cJSON_GetArrayItem(gts, g), i)->valuedouble;
                }
                const double iou = df_box_iou(a, b, number(cJSON_GetObjectItem(c, "iscrowd"), g) != 0), wanted = strtod(want->valuestring, NULL);
                cr_expect(iou == wanted || (iou != iou && wanted != wanted), "%g, want %g", iou, wanted);
            }
    }
    cJSON_Delete(root);
}

Test(masks, merge_and_limits)
{
    /* 4 x 3: columns 0 and 1, then column 1 and half of column 2 */
    const uint32_t left[] = { 0, 8, 4 }, right[] = { 4, 6, 2 };
    DfMask m[2], out;
    uint8_t pixels[12];
    df_mask_from_runs(&m[0], left, 3, 4, 3);
    df_mask_from_runs(&m[1], right, 3, 4, 3);
    cr_assert_eq(df_mask_merge(&out, m, 2, false), DF_OK);
    cr_expect(out.n == 3 && out.runs[0] == 0 && out.runs[1] == 10 && out.runs[2] == 2);
    df_mask_done(&out);
    cr_assert_eq(df_mask_merge(&out, m, 2, true), DF_OK);
    cr_expect(out.n == 3 && out.runs[0] == 4 && out.runs[1] == 4 && out.runs[2] == 4);
    cr_assert_eq(df_mask_decode(&out, pixels), DF_OK);
    cr_expect_arr_eq(pixels, ((uint8_t[12]){ 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0 }), 12);
    df_mask_done(&out);
    m[1].width = 4;
    cr_assert_eq(df_mask_merge(&out, m, 2, true), DF_OK);
    cr_expect_eq(out.n, 0);
    cr_expect_eq(df_mask_iou(&m[0], &m[1], false), -1);
    df_mask_done(&out);
    m[0].runs[1] = 20;
    cr_expect_eq(df_mask_decode(&m[0], pixels), DF_EFORMAT);
    cr_expect_str_eq(df_error(), "the RLE of a mask is longer than its 4 x 3 pixels");
    df_mask_done(&m[0]);
    df_mask_done(&m[1]);
    cr_expect_eq(df_mask_from_text(&out, "0P", 2, 4, 3), DF_EFORMAT);
    cr_expect_str_eq(df_error(), "the compressed counts of a mask end inside a run");
    cr_expect_eq(df_mask_from_text(&out, "0 ", 2, 4, 3), DF_EFORMAT);
    cr_expect_eq(df_mask_from_polygon(&out, (double[]){ 0, 0, 1e9, 0, 1, 1 }, 3, 4, 3), DF_EFORMAT);
    cr_expect_eq(df_mask_from_polygon(&out, (double[]){ 0, 0, 1, 0, 1, 1 }, 3, 1 << 20, 1 << 20), DF_EVALUE);
    cr_expect_eq(df_memory().now, 0);
}

/* ---- outlines ------------------------------------------------------------------------------------------------------- */

/* Fills the lines: a pixel is inside if it has an odd number of vertical sides on its
 * left. `closed`: every line ends where it began. */
static bool fill_path(const char *path, uint8_t *pixels, size_t height, size_t width)
{
    size_t x = 0, y = 0, x0 = 0, y0 = 0;
    bool closed = true;
    memset(pixels, 0, height * width);
    for (char *at = (char *)(uintptr_t)path, command; (command = *at);) {
        at++;
        const size_t to = command == 'Z' ? 0 : (size_t)strtol(at, &at, 10);
        if (command == 'M') {
            x = x0 = to;
            y = y0 = (size_t)strtol(at, &at, 10);
        } else if (command == 'H') {
            x = to;
        } else if (command == 'V') {
            for (size_t row = y < to ? y : to; row < (y < to ? to : y); row++)
                for (size_t column = x; column < width; column++)
                    pixels[row * width + column] ^= 1;
            y = to;
        } else {
            closed &= x == x0 && y == y0;
        }
    }
    return closed;
}

Test(masks, outlines_hold_the_foreground)
{
    DfRandom r = df_random(5, 0);
    for (int i = 0; i < 600; i++) {
        const uint32_t height = 1 + (uint32_t)(df_random_bits(&r) % 14), width = 1 + (uint32_t)(df_random_bits(&r) % 14);
        const double share = df_uniform(&r);
        uint8_t pixels[14 * 14], filled[14 * 14];
        DfMask mask;
        DfTextbuf text = { 0 };
        char *path;
        for (size_t k = 0; k < height * width; k++)
            pixels[k] = df_uniform(&r) < share;
        cr_assert_eq(df_mask_encode(&mask, pixels, height, width), DF_OK);
        cr_assert_eq(df_mask_outline(&text, &mask), DF_OK);
        cr_assert_eq(df_textbuf_take(&text, &path), DF_OK);
        cr_assert(fill_path(path, filled, height, width), "%s", path);
        cr_assert_arr_eq(filled, pixels, height * width, "%s", path);
        df_free(path);
        df_mask_done(&mask);
    }
    cr_expect_eq(df_memory().now, 0);
}

/* 600 x 500 in cells of 3 x 3; the last column of cells is 2 pixels wide. */
Test(masks, large_outlines_are_coarse)
{
    DfMask mask;
    DfTextbuf text = { 0 };
    char *path;
    cr_assert_eq(df_mask_from_box(&mask, (double[4]){ 300, 30, 200, 60 }, 600, 500), DF_OK);
    cr_assert_eq(df_mask_outline(&text, &mask), DF_OK);
    cr_assert_eq(df_textbuf_take(&text, &path), DF_OK);
    cr_expect_str_eq(path, "M300 30H500V90H300V30Z");
    df_free(path);
    df_mask_done(&mask);
    uint32_t too_long[] = { 2, 11 };
    const DfMask without[] = { { 0 }, { 3, 4, 2, too_long }, { 1 << 13, 1 << 13, 0, NULL } };
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(df_mask_outline(&text, &without[i]), DF_OK);
        cr_expect_eq(text.n, 0);
    }
    cr_expect_eq(df_memory().now, 0);
}
