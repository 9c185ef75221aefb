/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/heads/test_mask_targets.c -- what mask heads learn, against mmdet 3.3: polygons and bitmaps cropped to regions,
 * every cell equal.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "heads/heads.h"
#include "tests/support/cases.h"

static DfPolygon polygon_of(const DfNode *list, DfArena *arena)
{
    DfPolygon p = { .n = (size_t)list->n / 2 };
    p.xy = df_arena_alloc(arena, 2 * p.n, sizeof *p.xy);
    const DfNode *number = list->first;
    for (size_t i = 0; i < 2 * p.n; i++, number = number->next)
        p.xy[i] = df_node_number(number, NAN);
    return p;
}

static DfObjectMask *polygons_of(const DfNode *objects, size_t *n, DfArena *arena)
{
    DfObjectMask *masks = df_arena_alloc(arena, (size_t)objects->n, sizeof *masks);
    *n = 0;
    for (const DfNode *object = objects->first; object; object = object->next, ++*n) {
        DfObjectMask *mask = &masks[*n];
        *mask = (DfObjectMask){ .form = DF_MASK_POLYGONS, .n_polygons = (size_t)object->n };
        mask->polygons = df_arena_alloc(arena, mask->n_polygons, sizeof *mask->polygons);
        const DfNode *list = object->first;
        for (size_t i = 0; i < mask->n_polygons; i++, list = list->next)
            mask->polygons[i] = polygon_of(list, arena);
    }
    return masks;
}

static DfObjectMask *bitmaps_of(const DfArray *array, size_t *n, DfArena *arena)
{
    const uint32_t h = (uint32_t)array->shape[1], w = (uint32_t)array->shape[2];
    *n = (size_t)array->shape[0];
    DfObjectMask *masks = df_arena_alloc(arena, *n, sizeof *masks);
    for (size_t i = 0; i < *n; i++) {
        DfObjectMask mask = { .form = DF_MASK_RUNS };
        cr_assert_eq(df_mask_encode(&mask.runs, (const uint8_t *)array->data + i * h * w, h, w), DF_OK);
        cr_assert_eq(df_object_mask_copy(&masks[i], &mask, arena), DF_OK);
        df_mask_done(&mask.runs);
    }
    return masks;
}

static void one_case(const Cases *cases, int i, const DfNode *options)
{
    DfArena *arena = df_arena_new();
    const DfNode *size = df_node_get(options, "mask_size"), *polygons = df_node_get(options, "polygons");
    const DfMaskTarget t = {
        .height = (uint32_t)df_node_int(df_node_get(options, "height"), 0),
        .width = (uint32_t)df_node_int(df_node_get(options, "width"), 0),
        .out_height = (int)df_node_int(size->first, 0),
        .out_width = (int)df_node_int(size->first->next, 0),
        .soft = df_node_bool(df_node_get(options, "soft"), false),
    };
    size_t n, n_masks;
    float *boxes = case_f32(cases, i, "proposals", &n);
    int *objects = case_int(cases, i, "assigned", NULL);
    const DfObjectMask *masks = polygons ? polygons_of(polygons, &n_masks, arena)
                                         : bitmaps_of(case_array(cases, i, "masks"), &n_masks, arena);
    float *got = df_malloc(n * (size_t)(t.out_height * t.out_width) * sizeof *got);
    const DfMaskRegions regions = { .n = n, .stride = 4, .boxes = boxes, .objects = objects };
    cr_assert_eq(df_mask_targets(&t, masks, n_masks, &regions, got), DF_OK, "%s", df_error());
    const double error = max_abs_over_max(got, case_array(cases, i, "out.targets"));
    cr_expect(error <= (t.soft ? 1e-6 : 0), "case %d: %g", i, error);
    df_free(got);
    df_free(boxes);
    df_free(objects);
    df_arena_free(arena);
}

Test(mask_targets, official)
{
    Cases cases = cases_open("mask_targets");
    int n = 0;
    for (const DfNode *options = cases.options; options; options = options->next)
        one_case(&cases, n++, options);
    cr_expect_geq(n, 24);
    cases_close(&cases);
}

Test(mask_targets, of_odd_regions)
{
    uint32_t runs[3] = { 5, 10, 5 };
    const DfObjectMask masks[2] = { { .form = DF_MASK_RUNS, .runs = { 4, 5, 3, runs } }, { .form = DF_MASK_NONE } };
    const float boxes[5][4] = { { 2, 1, 2, 1 }, { 9, 9, 30, 30 }, { NAN, 0, 3, NAN }, { 0, 0, 5, 4 }, { 3, 3, 1, 1 } };
    const DfMaskTarget t = { .height = 4, .width = 5, .out_height = 2, .out_width = 3 };
    float out[5 * 6];
    const DfMaskRegions all = { .n = 5, .stride = 4, .boxes = boxes[0], .objects = (const int[]){ 0, 0, 0, 1, 0 } };
    memset(out, 1, sizeof out);
    cr_assert_eq(df_mask_targets(&t, masks, 2, &all, out), DF_OK, "%s", df_error());
    for (int i = 0; i < 30; i++)
        cr_expect_eq(out[i], 0);
    const DfMaskTarget other = { .height = 5, .width = 4, .out_height = 2, .out_width = 3 };
    cr_expect_eq(df_mask_targets(&other, masks, 2, &all, out), DF_EVALUE);
    cr_expect_str_eq(df_error(), "a mask of 4 x 5 in a picture of 5 x 4 (height x width)");
}
