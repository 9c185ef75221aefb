/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boxes/test_annotation.c -- annotations: their memory, boxes in both units, masks of each form as runs.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "boxes/boxes.h"

Test(annotation, begins_with_zeros_and_ends_with_nothing)
{
    DfAnnotations a;
    const size_t before = df_memory().now;
    cr_assert_eq(df_annotations_init(&a, 3, true), DF_OK);
    cr_expect(a.n == 3 && a.boxes[11] == 0 && a.labels[2] == 0 && a.ids[2] == 0 && !a.crowd[2] && !a.ignore[2]);
    cr_expect_eq(a.masks[2].form, DF_MASK_NONE);
    cr_expect(a.map.height == 0 && !a.has_class);
    df_annotations_done(&a);
    cr_expect(a.n == 0 && !a.boxes && !a.arena);
    cr_assert_eq(df_annotations_init(&a, 0, false), DF_OK, "a picture without objects");
    cr_expect_null(a.masks);
    df_annotations_done(&a);
    df_annotations_done(&a);
    cr_expect_eq(df_memory().now, before);
}

Test(annotation, survives_each_failing_allocation)
{
    const size_t before = df_memory().now;
    int error = DF_ENOMEM;
    for (size_t n = 1; error != DF_OK; n++) {
        DfAnnotations a;
        df_memory_fail_at(n, false);
        error = df_annotations_init(&a, 2000, true);
        df_memory_fail_at(0, false);
        cr_expect(error == DF_OK || (error == DF_ENOMEM && !a.boxes && a.n == 0));
        df_annotations_done(&a);
        cr_assert_eq(df_memory().now, before);
    }
}

Test(annotation, boxes_as_shares_of_the_picture)
{
    float pixels[8] = { 10, 20, 30, 60, 0, 0, 100, 80 }, shares[4] = { 0.1f, 0.2f, 0.3f, 0.4f }, box[4];
    const DfAnnotations a = { .n = 2, .boxes = pixels };
    df_annotations_relative(&a, 0, 80, 100, box);
    cr_expect(box[0] == 0.2f && box[1] == 0.5f && box[2] == 0.2f && box[3] == 0.5f);
    df_annotations_relative(&a, 1, 80, 100, box);
    cr_expect(box[0] == 0.5f && box[1] == 0.5f && box[2] == 1 && box[3] == 1);
    const DfAnnotations r = { .n = 1, .boxes = shares, .unit = DF_BOXES_RELATIVE };
    df_annotations_relative(&r, 0, 80, 100, box);
    cr_expect_eq(memcmp(box, shares, sizeof box), 0, "bit for bit");
}

static void expect_same(const DfMask *a, const DfMask *b)
{
    cr_expect(a->height == b->height && a->width == b->width && a->n == b->n);
    cr_expect_eq(memcmp(a->runs, b->runs, a->n * sizeof *a->runs), 0);
}

Test(annotation, masks_of_each_form_become_runs)
{
    double left[6] = { 1, 1, 5, 1, 1, 6 }, right[8] = { 4, 2, 9, 2, 9, 7, 4, 7 };
    DfPolygon polygons[2] = { { 3, left }, { 4, right } };
    DfMask drawn, parts[2], both;
    const DfObjectMask two = { .form = DF_MASK_POLYGONS, .n_polygons = 2, .polygons = polygons };
    cr_assert_eq(df_object_mask_runs(&drawn, &two, 10, 12), DF_OK, "%s", df_error());
    cr_assert_eq(df_mask_from_polygon(&parts[0], left, 3, 10, 12), DF_OK);
    cr_assert_eq(df_mask_from_polygon(&parts[1], right, 4, 10, 12), DF_OK);
    cr_assert_eq(df_mask_merge(&both, parts, 2, false), DF_OK);
    expect_same(&drawn, &both);

    const DfObjectMask runs = { .form = DF_MASK_RUNS, .runs = both };
    DfMask copy, none;
    cr_assert_eq(df_object_mask_runs(&copy, &runs, 10, 12), DF_OK);
    expect_same(&copy, &both);
    cr_expect(copy.runs != both.runs, "a copy");
    cr_expect_eq(df_object_mask_runs(&none, &runs, 12, 10), DF_EVALUE);
    cr_expect(strstr(df_error(), "a mask of 10 x 12") && !none.runs);

    cr_assert_eq(df_object_mask_runs(&none, &(DfObjectMask){ .form = DF_MASK_NONE }, 10, 12), DF_OK);
    cr_expect_eq(df_mask_area(&none), 0);
    df_mask_done(&none);
    df_mask_done(&copy);
    df_mask_done(&drawn);
    df_mask_done(&both);
    df_mask_done(&parts[0]);
    df_mask_done(&parts[1]);
}
