/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/datasets/test_colours.c -- hue, saturation and value, pictures turned, the nearest pixel and floats resized, against OpenCV
 * (tests/scripts/make_colours.py).
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/datasets.h"
#include "tests/support/golden.h"

static DfCheckpoint *file(void)
{
    DfCheckpoint *golden = golden_open(DF_TEST_DATA "/images/colours.safetensors");
    cr_assert(golden);
    return golden;
}

/* A copy, aligned: df_free() its cells. */
static DfGrid grid(const DfCheckpoint *golden, const char *name)
{
    const DfArray *a = golden_get(golden, name);
    const size_t cell = a->dtype == DF_U8 ? 3 : 3 * sizeof(float);
    DfGrid out;
    cr_assert_eq(df_grid_new(&out, (int)a->shape[0], (int)a->shape[1], cell), DF_OK);
    memcpy(out.at, a->data, (size_t)out.height * (size_t)out.width * cell);
    return out;
}

static void expect_same(const DfCheckpoint *golden, const char *name, DfGrid *got)
{
    DfGrid want = grid(golden, name);
    cr_assert(want.height == got->height && want.width == got->width && want.cell == got->cell, "%s", name);
    size_t other = 0;
    for (size_t i = 0; i < (size_t)want.height * (size_t)want.width * want.cell; i++)
        other += want.at[i] != got->at[i];
    cr_expect_eq(other, 0u, "%s: %zu bytes differ", name, other);
    df_grid_free(&want);
    df_grid_free(got);
}

static void expect_near(const DfCheckpoint *golden, const char *name, DfGrid *got)
{
    DfGrid want = grid(golden, name);
    cr_assert(want.height == got->height && want.width == got->width && want.cell == got->cell, "%s", name);
    for (size_t i = 0; i < (size_t)want.height * (size_t)want.width * 3; i++)
        cr_assert_float_eq(((float *)(void *)got->at)[i], ((float *)(void *)want.at)[i], 1e-4, "%s at %zu", name, i);
    df_grid_free(&want);
    df_grid_free(got);
}

Test(colours, bytes_bit_for_bit)
{
    DfCheckpoint *golden = file();
    DfGrid bgr = grid(golden, "bgr");
    DfGrid hsv = grid(golden, "hsv");
    df_bgr_to_hsv_bytes(bgr.at, bgr.height, bgr.width);
    df_hsv_to_bgr_bytes(hsv.at, hsv.height, hsv.width);
    expect_same(golden, "bgr.hsv", &bgr);
    expect_same(golden, "hsv.bgr", &hsv);
    golden_close(golden);
}

Test(colours, floats_bit_for_bit)
{
    DfCheckpoint *golden = file();
    DfGrid bgr = grid(golden, "floats");
    DfGrid hsv = grid(golden, "back");
    df_bgr_to_hsv_floats((float *)(void *)bgr.at, bgr.height, bgr.width);
    df_hsv_to_bgr_floats((float *)(void *)hsv.at, hsv.height, hsv.width);
    expect_same(golden, "floats.hsv", &bgr);
    expect_same(golden, "back.bgr", &hsv);
    golden_close(golden);
}

Test(pixels, nearest_and_floats)
{
    static const int sizes[][2] = { { 38, 46 }, { 10, 9 }, { 19, 50 }, { 7, 23 } };
    DfCheckpoint *golden = file();
    DfGrid small = grid(golden, "small");
    DfGrid floats;
    cr_assert_eq(df_grid_new(&floats, small.height, small.width, 3 * sizeof(float)), DF_OK);
    for (size_t i = 0; i < (size_t)small.height * (size_t)small.width * 3; i++)
        ((float *)(void *)floats.at)[i] = small.at[i];
    for (int i = 0; i < 4; i++) {
        char name[64];
        DfGrid out;
        cr_assert_eq(df_grid_nearest(&out, &small, sizes[i][0], sizes[i][1], DF_NEAREST_CV2), DF_OK);
        snprintf(name, sizeof name, "small.nearest.%dx%d", sizes[i][0], sizes[i][1]);
        expect_same(golden, name, &out);
        cr_assert_eq(df_resize_cv2_floats(&out, &floats, sizes[i][0], sizes[i][1]), DF_OK);
        snprintf(name, sizeof name, "small.floats.%dx%d", sizes[i][0], sizes[i][1]);
        expect_near(golden, name, &out);
    }
    df_grid_free(&small);
    df_grid_free(&floats);
    golden_close(golden);
}

/* OpenCV 5 computes in floats what OpenCV 4 and we compute to 1/32 of a pixel, so that smooth pictures differ by 1 at most; of OpenCV 4
 * there is a picture among the training pipelines. */
Test(pixels, turned)
{
    static const uint8_t border[3] = { 90, 190, 90 };
    DfCheckpoint *golden = file();
    DfGrid smooth = grid(golden, "smooth");
    DfGrid want = grid(golden, "smooth.turned");
    DfGrid out;
    const DfAffine affine = df_affine_rotation(11, 9, 27.5);
    double matrix[6];
    memcpy(matrix, golden_get(golden, "small.matrix")->data, sizeof matrix);
    for (int i = 0; i < 6; i++)
        cr_expect_float_eq(affine.m[i], matrix[i], 1e-12);
    cr_assert_eq(df_warp_linear(&out, &smooth, &affine, 19, 23, border), DF_OK);
    for (size_t i = 0; i < 19 * 23 * 3; i++)
        cr_expect_leq(abs(out.at[i] - want.at[i]), 1, "%zu: %d, want %d", i, out.at[i], want.at[i]);
    df_grid_free(&out);
    cr_expect_eq(df_warp_linear(&out, &smooth, &(DfAffine){ { 1, 1, 0, 1, 1, 0 } }, 5, 5, border), DF_EVALUE);
    df_grid_free(&want);
    df_grid_free(&smooth);
    golden_close(golden);
}

Test(pixels, turned_nearest)
{
    static const uint8_t border[3] = { 10, 20, 30 };
    DfCheckpoint *golden = file();
    DfGrid small = grid(golden, "small");
    const DfAffine affine = df_affine_rotation(11, 9, 27.5);
    DfGrid out;
    cr_assert_eq(df_warp_nearest(&out, &small, &affine, 25, 30, border), DF_OK);
    expect_same(golden, "small.turned_nearest", &out);
    df_grid_free(&small);
    golden_close(golden);
}
