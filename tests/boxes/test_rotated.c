/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boxes/test_rotated.c -- overlap of oriented boxes and quadrangles, against Shapely
 * (tests/data/boxes/rotated.json, made by tests/scripts/make_rotated.py).
 */
#include <criterion/criterion.h>
#include <math.h>

#include "boxes/boxes.h"

typedef struct {
    double a[8], b[8], iou[2];
    size_t n; /* numbers of a */
} Pair;

static size_t read_numbers(DfJson *j, double *to)
{
    DfJsonValue v;
    size_t n = 0;
    cr_assert_eq(df_json_next(j, &v), DF_JSON_ARRAY);
    for (; df_json_next(j, &v) == DF_JSON_NUMBER && n < 8; n++)
        to[n] = v.number;
    return n;
}

static bool read_pair(DfJson *j, Pair *p)
{
    DfJsonValue v;
    if (df_json_next(j, &v) != DF_JSON_OBJECT)
        return false;
    while (df_json_next(j, &v) == DF_JSON_KEY) {
        const char key = v.text[0];
        const size_t n = read_numbers(j, key == 'a' ? p->a : key == 'b' ? p->b : p->iou);
        p->n = key == 'a' ? n : p->n;
    }
    return true;
}

static double overlap(const Pair *p, bool crowd)
{
    return p->n == 5 ? df_rotated_iou(p->a, p->b, crowd) : df_quad_iou(p->a, p->b, crowd);
}

Test(rotated, overlaps_are_those_of_shapely)
{
    DfJson *j;
    DfJsonValue v;
    Pair p;
    size_t n = 0;
    cr_assert_eq(df_json_open(&j, DF_TEST_DATA "/boxes/rotated.json"), DF_OK, "%s", df_error());
    cr_assert_eq(df_json_next(j, &v), DF_JSON_ARRAY);
    for (; read_pair(j, &p); n++)
        for (int crowd = 0; crowd < 2; crowd++)
            cr_expect_float_eq(overlap(&p, crowd), p.iou[crowd], 1e-10, "pair %zu: %.17g, want %.17g", n, overlap(&p, crowd),
                               p.iou[crowd]);
    cr_assert_eq(n, 157);
    df_json_close(j);
}

/* A box has its own area, and the box of its corners is it again. */
Test(rotated, boxes_and_their_corners_are_the_same)
{
    for (int i = 0; i < 500; i++) {
        const double a[5] = { 20 * sin(i), 10 * cos(3 * i), 1 + i % 7, 0.5 + i % 11, 0.1 * i };
        const double b[5] = { 20 * sin(i) + 0.3 * (i % 5), 10 * cos(3 * i), 1 + i % 4, 3.0, 0.37 * i };
        double of_a[8], of_b[8];
        df_rotated_corners(a, of_a);
        df_rotated_corners(b, of_b);
        cr_expect_eq(df_rotated_iou(a, a, false), 1);
        cr_expect_float_eq(df_rotated_iou(a, b, false), df_rotated_iou(b, a, false), 1e-13);
        cr_expect_float_eq(df_rotated_iou(a, b, false), df_quad_iou(of_a, of_b, false), 1e-13);
    }
}

/* What is no box overlaps nothing. */
Test(rotated, odd_numbers_give_none)
{
    const double good[5] = { 0, 0, 2, 2, 0 };
    const double odd[][5] = { { NAN, 0, 2, 2, 0 }, { 0, 0, -2, 2, 0 },          { 0, 0, 2, INFINITY, 0 },
                              { 0, 0, 2, 2, NAN }, { INFINITY, 0, 2, 2, 0 },    { 0, 0, 0, 2, 0 },
                              { 1e308, 0, 1, 1, 0 }, { 0, 0, 1e300, 1e300, 0 } };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        cr_expect_eq(df_rotated_iou(odd[i], good, false), 0, "%zu", i);
        cr_expect_eq(df_rotated_iou(good, odd[i], true), 0, "%zu", i);
    }
}

/* Results hold quadrangles whose sides cross; the numbers are those of DOTA_devkit's polyiou. */
Test(rotated, crossed_sides_count_as_polyiou_counts_them)
{
    static const struct {
        double a[8], b[8], iou;
    } pairs[] = {
        { { 103.9, 176, 35.5, 122.9, 38.2, 119.5, 106.6, 172.6 }, { 102.5, 178.1, 31.6, 120, 32, 122.6, 108.8, 172.4 }, 0.36815872780857 },
        { { 0, 0, 4, 0, 4, 4, 0, 4 }, { 1, 1, 5, 5, 5, 1, 1, 4 }, -0.058823529411765 },
        { { 0, 0, 6, 6, 6, 0, 0, 3 }, { 1, 1, 5, 5, 5, 1, 1, 4 }, 0.937106918238993 },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        cr_expect_float_eq(df_quad_iou(pairs[i].a, pairs[i].b, false), pairs[i].iou, 1e-9, "%zu", i);
        cr_expect_float_eq(df_quad_iou(pairs[i].b, pairs[i].a, false), pairs[i].iou, 1e-9, "%zu", i);
    }
}
