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

/* ---- copied, chosen, joined ------------------------------------------------------------------------------------ */

/* Three objects with polygons and a map, all borrowed. */
static DfAnnotations borrowed(void)
{
    static float boxes[12] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };
    static int labels[3] = { 7, 8, 9 };
    static bool ignore[3] = { false, true, false };
    static double xy[6] = { 1, 1, 5, 1, 3, 4 };
    static DfPolygon polygon = { 3, xy };
    static DfObjectMask masks[3];
    static uint8_t map[6] = { 1, 2, 3, 4, 5, 6 };
    for (int i = 0; i < 3; i++)
        masks[i] = (DfObjectMask){ .form = DF_MASK_POLYGONS, .n_polygons = 1, .polygons = &polygon };
    return (DfAnnotations){ .n = 3, .boxes = boxes, .labels = labels, .ignore = ignore, .masks = masks, .map = { 2, 3, map, NULL }, .has_class = true,
                            .image_class = 4 };
}

Test(annotation, a_copy_has_everything_and_belongs_to_itself)
{
    const DfAnnotations a = borrowed();
    DfAnnotations copy;
    cr_assert_eq(df_annotations_copy(&copy, &a), DF_OK);
    cr_expect(copy.n == 3 && copy.boxes != a.boxes && memcmp(copy.boxes, a.boxes, 12 * sizeof(float)) == 0);
    cr_expect(copy.labels[2] == 9 && copy.ignore[1] && !copy.crowd[1] && copy.areas[1] == 0, "what is not known is zero");
    cr_expect(copy.masks[1].polygons[0].xy != a.masks[1].polygons[0].xy && copy.masks[1].polygons[0].xy[5] == 4);
    cr_expect(copy.map.narrow != a.map.narrow && copy.map.narrow[5] == 6 && copy.map.width == 3);
    cr_expect(copy.has_class && copy.image_class == 4);
    df_annotations_done(&copy);
}

Test(annotation, objects_are_chosen_in_their_order)
{
    const DfAnnotations a = borrowed();
    DfAnnotations copy;
    cr_assert_eq(df_annotations_copy(&copy, &a), DF_OK);
    df_annotations_keep(&copy, (const bool[]){ false, true, true });
    cr_expect(copy.n == 2 && copy.labels[0] == 8 && copy.labels[1] == 9 && copy.boxes[0] == 5 && copy.boxes[7] == 12 && copy.ignore[0] && !copy.ignore[1]);
    df_annotations_keep(&copy, (const bool[]){ false, false });
    cr_expect_eq(copy.n, 0u);
    df_annotations_done(&copy);
}

Test(annotation, objects_are_joined)
{
    const DfAnnotations a = borrowed();
    DfAnnotations both;
    cr_assert_eq(df_annotations_copy(&both, &a), DF_OK);
    cr_assert_eq(df_annotations_append(&both, &a), DF_OK);
    cr_expect(both.n == 6 && both.labels[5] == 9 && both.boxes[23] == 12 && both.ignore[4] && both.masks[5].polygons[0].n == 3);
    cr_expect(both.map.narrow[5] == 6 && both.image_class == 4);
    DfAnnotations bare = a;
    bare.masks = NULL;
    bare.labels = NULL;
    cr_assert_eq(df_annotations_append(&both, &bare), DF_OK);
    cr_expect(both.n == 9 && !both.masks && both.labels[8] == 0 && both.labels[5] == 9);
    df_annotations_done(&both);
}

Test(annotation, copying_and_joining_survive_each_failing_allocation)
{
    const size_t before = df_memory().now;
    const DfAnnotations a = borrowed();
    int error = DF_ENOMEM;
    for (size_t n = 1; error != DF_OK; n++) {
        DfAnnotations copy;
        df_memory_fail_at(n, false);
        error = df_annotations_copy(&copy, &a);
        if (error == DF_OK)
            error = df_annotations_append(&copy, &a);
        df_memory_fail_at(0, false);
        cr_expect(error == DF_OK || error == DF_ENOMEM);
        df_annotations_done(&copy);
        cr_assert_eq(df_memory().now, before);
        cr_assert_lt(n, 100u);
    }
}
