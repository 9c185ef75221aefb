/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boxes/test_boundary.c -- boundaries of masks against plain loops over a square of pixels.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "boxes/boxes.h"

static uint32_t state = 1;

static uint32_t draw(uint32_t below)
{
    state = state * 1664525 + 1013904223;
    return (state >> 8) % below;
}

/* Some rectangles, some of them holes. */
static void paint(uint8_t *pixels, int h, int w)
{
    memset(pixels, draw(8) == 0, (size_t)h * (size_t)w);
    for (uint32_t n = draw(6); n > 0; n--) {
        const int y0 = (int)draw((uint32_t)h), x0 = (int)draw((uint32_t)w);
        const int y1 = y0 + (int)draw((uint32_t)h), x1 = x0 + (int)draw((uint32_t)w);
        const uint8_t value = draw(4) > 0;
        for (int y = y0; y < y1 && y < h; y++)
            for (int x = x0; x < x1 && x < w; x++)
                pixels[y * w + x] = value;
    }
}

static bool is_boundary(const uint8_t *pixels, int h, int w, int y, int x, int d)
{
    bool inside = true;
    for (int i = y - d; i <= y + d; i++)
        for (int j = x - d; j <= x + d; j++)
            inside &= i >= 0 && i < h && j >= 0 && j < w && pixels[i * w + j];
    return pixels[y * w + x] && !inside;
}

Test(boundary, equals_plain_loops)
{
    enum { MOST = 150 };
    static uint8_t pixels[MOST * MOST], got[MOST * MOST];
    DfRunList out = { 0 };
    DfBoundaryRoom room = { 0 };
    for (int i = 0; i < 300; i++) {
        const int h = 1 + (int)draw(i % 5 ? 20 : MOST), w = 1 + (int)draw(i % 3 ? 20 : MOST), d = 1 + (int)draw(6);
        DfMask mask;
        paint(pixels, h, w);
        cr_assert_eq(df_mask_encode(&mask, pixels, (uint32_t)h, (uint32_t)w), DF_OK);
        cr_assert_eq(df_runs_boundary(&out, &room, mask.runs, mask.n, mask.height, mask.width, (size_t)d), DF_OK);
        const DfRunFacts facts = df_runs_facts(out.at, out.n, mask.height, mask.width);
        const DfMask boundary = { mask.height, mask.width, out.n, out.at };
        cr_expect(facts.plain || facts.area == 0);
        cr_assert_eq(df_mask_decode(&boundary, got), DF_OK);
        for (int p = 0; p < h * w; p++)
            cr_assert_eq(got[p], is_boundary(pixels, h, w, p / w, p % w, d), "%d: %d x %d, d %d, pixel %d", i, w, h, d, p);
        df_mask_done(&mask);
    }
    df_free(out.at);
    df_boundary_room_done(&room);
}

/* Empty runs join what is around them; what lies beyond the picture is nothing. */
Test(boundary, odd_runs)
{
    static const uint32_t joined[] = { 2, 3, 0, 5, 0, 0, 0, 2, 4 };
    static const uint32_t beyond[] = { 2, 100, 7, 3 };
    static const uint32_t nothing[] = { 16, 0, 0 };
    static const uint32_t all_of_it[] = { 2, 10, 4 };
    DfRunList out = { 0 };
    DfBoundaryRoom room = { 0 };
    cr_assert_eq(df_runs_boundary(&out, &room, joined, 9, 4, 4, 1), DF_OK);
    cr_expect_eq(out.n, 3);
    cr_expect_eq(memcmp(out.at, all_of_it, sizeof all_of_it), 0);
    cr_assert_eq(df_runs_boundary(&out, &room, beyond, 4, 4, 4, 3), DF_OK);
    cr_expect_eq(out.n, 2);
    cr_expect_eq(out.at[0] + out.at[1], 16);
    cr_assert_eq(df_runs_boundary(&out, &room, nothing, 3, 4, 4, 1), DF_OK);
    cr_expect_eq(out.n, 1);
    cr_assert_eq(df_runs_boundary(&out, &room, NULL, 0, 0, 4, 1), DF_OK);
    cr_expect_eq(df_runs_boundary(&out, &room, nothing, 3, 1 << 16, 1 << 16, 1), DF_EVALUE);
    df_free(out.at);
    df_boundary_room_done(&room);
}
