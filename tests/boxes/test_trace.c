/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boxes/test_trace.c -- masks traced to polygons give the same masks when they are drawn, by COCO's own rule of
 * drawing (which test_masks compares with pycocotools).
 */
#include <criterion/criterion.h>
#include <string.h>

#include "boxes/boxes.h"

static uint8_t pixels[64 * 64];

static void draw_again(DfMask *out, const DfObjectMask *mask, uint32_t h, uint32_t w)
{
    cr_assert_eq(df_object_mask_runs(out, mask, h, w), DF_OK, "%s", df_error());
}

static bool same_pixels(const DfMask *a, const DfMask *b)
{
    static uint8_t one[64 * 64], other[64 * 64];
    df_mask_decode(a, one);
    df_mask_decode(b, other);
    return memcmp(one, other, (size_t)a->height * a->width) == 0;
}

/* Traced, joined to one polygon, taken apart again: always the same pixels, and the same polygons. */
static void there_and_back(const DfMask *mask)
{
    DfArena *arena = df_arena_new();
    DfObjectMask traced, one, again = { .form = DF_MASK_POLYGONS };
    DfMask drawn;
    DfPolygon joined;
    cr_assert_eq(df_mask_trace(&traced, mask, arena), DF_OK, "%s", df_error());
    draw_again(&drawn, &traced, mask->height, mask->width);
    cr_assert(same_pixels(mask, &drawn), "traced");
    df_mask_done(&drawn);
    if (traced.form == DF_MASK_POLYGONS) {
        cr_assert_eq(df_polygons_join(&joined, traced.polygons, traced.n_polygons, arena), DF_OK);
        one = (DfObjectMask){ .form = DF_MASK_POLYGONS, .n_polygons = 1, .polygons = &joined };
        draw_again(&drawn, &one, mask->height, mask->width);
        cr_assert(same_pixels(mask, &drawn), "joined");
        df_mask_done(&drawn);
        cr_assert_eq(df_polygons_part(&again.polygons, &again.n_polygons, &joined, arena), DF_OK);
        draw_again(&drawn, &again, mask->height, mask->width);
        cr_assert(same_pixels(mask, &drawn), "taken apart");
        df_mask_done(&drawn);
    }
    df_arena_free(arena);
}

static void trace_pixels(uint32_t h, uint32_t w)
{
    DfMask mask;
    cr_assert_eq(df_mask_encode(&mask, pixels, h, w), DF_OK);
    there_and_back(&mask);
    df_mask_done(&mask);
}

Test(trace, random_masks)
{
    DfRandom random = df_random(1, 2);
    for (int round = 0; round < 600; round++) {
        const uint32_t h = 1 + (uint32_t)(df_uniform(&random) * 30);
        const uint32_t w = 1 + (uint32_t)(df_uniform(&random) * 30);
        const double share = df_uniform(&random);
        for (uint32_t i = 0; i < h * w; i++)
            pixels[i] = df_uniform(&random) < share;
        trace_pixels(h, w);
    }
}

/* Discs with holes with discs in them, cut at the border. */
Test(trace, smooth_masks)
{
    DfRandom random = df_random(3, 4);
    for (int round = 0; round < 100; round++) {
        const double x = df_uniform(&random) * 64;
        const double y = df_uniform(&random) * 64;
        for (int i = 0; i < 64 * 64; i++) {
            const double dx = i % 64 - x;
            const double dy = i / 64 - y;
            pixels[i] = (int)((dx * dx + dy * dy) / 150) % 2 == 0;
        }
        trace_pixels(64, 64);
    }
}

Test(trace, nothing_and_everything)
{
    memset(pixels, 0, sizeof pixels);
    trace_pixels(5, 7);
    memset(pixels, 1, sizeof pixels);
    trace_pixels(5, 7);
    trace_pixels(1, 1);
}

static double square[] = { 1, 1, 5, 1, 5, 5, 1, 5 };
static double far_square[] = { 7.5, 1, 9, 1, 9, 5.25, 7.5, 5.25 };
static double third[] = { 1, 7, 3, 7, 2, 9 };

Test(trace, parts_come_back_as_they_were)
{
    DfArena *arena = df_arena_new();
    const DfPolygon parts[3] = { { 4, square }, { 4, far_square }, { 3, third } };
    DfPolygon joined, *again;
    size_t n;
    for (size_t k = 1; k <= 3; k++) {
        cr_assert_eq(df_polygons_join(&joined, parts, k, arena), DF_OK);
        cr_assert_eq(df_polygons_part(&again, &n, &joined, arena), DF_OK);
        cr_assert_eq(n, k);
        for (size_t i = 0; i < k; i++)
            cr_assert(again[i].n == parts[i].n && memcmp(again[i].xy, parts[i].xy, 16 * parts[i].n) == 0);
    }
    double closed[] = { 1, 1, 5, 1, 5, 5, 1, 1 }; /* a polygon that repeats its first point is no pair of rings */
    cr_assert_eq(df_polygons_part(&again, &n, &(DfPolygon){ 4, closed }, arena), DF_OK);
    cr_assert(n == 1 && again->n == 4);
    df_arena_free(arena);
}

Test(trace, runs_too_long)
{
    DfArena *arena = df_arena_new();
    uint32_t runs[] = { 2, 40 };
    DfObjectMask out;
    cr_assert_eq(df_mask_trace(&out, &(DfMask){ 4, 4, 2, runs }, arena), DF_EVALUE);
    df_arena_free(arena);
}
