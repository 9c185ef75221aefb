/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boxes/test_object_mask.c -- masks of objects go along with the pixels: bitmaps against
 * NumPy and OpenCV, polygons against shapely and pycocotools
 * (tests/data/boxes/mask_moves.json, made by tests/scripts/make_mask_moves.py).
 */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "boxes/boxes.h"

static cJSON *cases(void)
{
    char *text;
    size_t size;
    cr_assert_eq(df_file_text(&text, &size, DF_TEST_DATA "/boxes/mask_moves.json", 1 << 24), DF_OK, "%s", df_error());
    cJSON *const root = cJSON_ParseWithLength(text, size);
    df_free(text);
    cr_assert_not_null(root);
    return root;
}

static int number(const cJSON *c, const char *key, int i)
{
    return cJSON_GetArrayItem(cJSON_GetObjectItem(c, key), i)->valueint;
}

static DfPolygon read_polygon(const cJSON *list, DfArena *arena)
{
    DfPolygon p = { .n = (size_t)cJSON_GetArraySize(list) / 2 };
    p.xy = df_arena_alloc(arena, 2 * p.n, sizeof *p.xy);
    for (size_t i = 0; i < 2 * p.n; i++)
        p.xy[i] = cJSON_GetArrayItem(list, (int)i)->valuedouble;
    return p;
}

static DfObjectMask read_mask(const cJSON *c, DfArena *arena)
{
    const cJSON *const counts = cJSON_GetObjectItem(c, "counts");
    if (counts) {
        DfObjectMask runs = { .form = DF_MASK_RUNS }, copy;
        const char *text = counts->valuestring;
        cr_assert_eq(df_mask_from_text(&runs.runs, text, strlen(text), (uint32_t)number(c, "size", 0),
                                       (uint32_t)number(c, "size", 1)), DF_OK);
        cr_assert_eq(df_object_mask_copy(&copy, &runs, arena), DF_OK);
        df_mask_done(&runs.runs);
        return copy;
    }
    const cJSON *const list = cJSON_GetObjectItem(c, "polygons");
    DfObjectMask mask = { .form = DF_MASK_POLYGONS, .n_polygons = (size_t)cJSON_GetArraySize(list) };
    mask.polygons = df_arena_alloc(arena, mask.n_polygons, sizeof *mask.polygons);
    for (size_t i = 0; i < mask.n_polygons; i++)
        mask.polygons[i] = read_polygon(cJSON_GetArrayItem(list, (int)i), arena);
    return mask;
}

static int move(DfObjectMask *out, const cJSON *c, const DfObjectMask *mask, DfArena *arena)
{
    const char *op = cJSON_GetObjectItem(c, "op")->valuestring;
    const uint32_t size[2] = { (uint32_t)number(c, "size", 0), (uint32_t)number(c, "size", 1) };
    const int a = number(c, "args", 0);
    const int b = number(c, "args", 1);
    if (strcmp(op, "flip") == 0)
        return df_object_mask_flip(out, mask, arena, size[0], size[1], a, b);
    if (strcmp(op, "resize") == 0)
        return df_object_mask_resize(out, mask, arena, size, (uint32_t[2]){ (uint32_t)a, (uint32_t)b });
    return df_object_mask_window(out, mask, arena, a, b, (uint32_t)number(c, "args", 2), (uint32_t)number(c, "args", 3));
}

static void check(const cJSON *c, int index)
{
    DfArena *const arena = df_arena_new();
    const DfObjectMask mask = read_mask(c, arena);
    DfObjectMask moved;
    DfMask drawn;
    char *text;
    cr_assert_eq(move(&moved, c, &mask, arena), DF_OK, "%s", df_error());
    cr_expect_eq(moved.form, mask.form);
    cr_assert_eq(df_object_mask_runs(&drawn, &moved, (uint32_t)number(c, "out_size", 0),
                                     (uint32_t)number(c, "out_size", 1)), DF_OK, "case %d: %s", index, df_error());
    cr_assert_eq(df_mask_to_text(&drawn, &text), DF_OK);
    cr_expect_str_eq(text, cJSON_GetObjectItem(c, "out")->valuestring, "case %d", index);
    float box[4];
    df_object_mask_box(&moved, box);
    for (int i = 0; i < 4; i++)
        cr_expect_float_eq(box[i], cJSON_GetArrayItem(cJSON_GetObjectItem(c, "box"), i)->valuedouble, 1e-5, "case %d",
                           index);
    df_free(text);
    df_mask_done(&drawn);
    df_arena_free(arena);
}

Test(object_mask, moves_with_the_pixels)
{
    cJSON *const root = cases();
    const cJSON *c;
    int index = 0;
    cJSON_ArrayForEach(c, root)
        check(c, index++);
    cr_expect_eq(index, 48);
    cJSON_Delete(root);
}

Test(object_mask, of_no_form_stays_without_one)
{
    DfArena *const arena = df_arena_new();
    const DfObjectMask none = { .form = DF_MASK_NONE };
    DfObjectMask out;
    float box[4];
    cr_expect_eq(df_object_mask_flip(&out, &none, arena, 4, 5, true, true), DF_OK);
    cr_expect_eq(df_object_mask_window(&out, &out, arena, 1, 2, 3, 4), DF_OK);
    cr_expect_eq(df_object_mask_resize(&out, &out, arena, (uint32_t[2]){ 4, 5 }, (uint32_t[2]){ 8, 5 }), DF_OK);
    cr_expect_eq(out.form, DF_MASK_NONE);
    df_object_mask_box(&out, box);
    cr_expect(box[0] == 0 && box[3] == 0);
    df_arena_free(arena);
}

Test(object_mask, runs_of_another_size_or_too_many)
{
    DfArena *const arena = df_arena_new();
    uint32_t long_runs[4] = { 3, 100, 7, 4000000000u };
    const DfObjectMask mask = { .form = DF_MASK_RUNS, .runs = { 4, 5, 4, long_runs } };
    DfObjectMask out;
    cr_expect_eq(df_object_mask_flip(&out, &mask, arena, 5, 4, true, false), DF_EVALUE);
    cr_expect_str_eq(df_error(), "a mask of 4 x 5 in a picture of 5 x 4 (height x width)");
    cr_assert_eq(df_object_mask_flip(&out, &mask, arena, 4, 5, true, false), DF_OK);
    cr_expect_eq(df_mask_area(&out.runs), 17, "what is beyond the picture is left out");
    df_arena_free(arena);
}

Test(object_mask, survives_each_failing_allocation)
{
    uint32_t runs[3] = { 3, 9, 8 };
    double xy[10] = { -3, -3, 8, 1, 9, 9, 1, 7, 2, 2 };
    DfPolygon polygon = { 5, xy };
    const DfObjectMask masks[2] = { { .form = DF_MASK_RUNS, .runs = { 4, 5, 3, runs } },
                                    { .form = DF_MASK_POLYGONS, .n_polygons = 1, .polygons = &polygon } };
    for (int i = 0; i < 2; i++) {
        int error = DF_ENOMEM;
        for (size_t n = 1; error != DF_OK; n++) {
            const size_t before = df_memory().now;
            DfArena *const arena = df_arena_new();
            DfObjectMask out;
            df_memory_fail_at(n, false);
            error = df_object_mask_window(&out, &masks[i], arena, 1, 1, 3, 3);
            df_memory_fail_at(0, false);
            cr_expect(error == DF_OK || error == DF_ENOMEM);
            df_arena_free(arena);
            cr_assert_eq(df_memory().now, before);
        }
    }
}
