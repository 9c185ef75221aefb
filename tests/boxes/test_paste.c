/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boxes/test_paste.c -- masks pasted into images against PyTorch's grid_sample with mmdet's formula
 * (tests/data/boxes/paste.json, made by tests/scripts/make_paste.py), and against torchvision (paste_torchvision.json):
 * boxes inside, over the border, of a pixel, of less, and of no width or height.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "boxes/boxes.h"

enum { MOST = 2048 };

typedef struct {
    double threshold;
    size_t n_size, n_box, n_mask, n_runs;
    double size[MOST], box[MOST], mask[MOST], runs[MOST];
} Case;

static size_t read_numbers(DfJson *j, double *to)
{
    DfJsonValue v;
    size_t n = 0;
    while (df_json_next(j, &v) == DF_JSON_NUMBER && n < MOST)
        to[n++] = v.number;
    return n;
}

static void read_case(DfJson *j, Case *k)
{
    DfJsonValue v;
    while (df_json_next(j, &v) == DF_JSON_KEY) {
        char key[16];
        snprintf(key, sizeof key, "%s", v.text);
        if (df_json_next(j, &v) == DF_JSON_NUMBER)
            k->threshold = v.number;
        else if (strcmp(key, "size") == 0)
            k->n_size = read_numbers(j, k->size);
        else if (strcmp(key, "box") == 0)
            k->n_box = read_numbers(j, k->box);
        else if (strcmp(key, "mask") == 0)
            k->n_mask = read_numbers(j, k->mask);
        else
            k->n_runs = read_numbers(j, k->runs);
    }
}

static void check(const Case *k, int number, DfPaste how)
{
    static float mask[MOST];
    float box[4];
    cr_assert(k->n_size == 4 && k->n_box == 4 && k->n_mask == (size_t)(k->size[0] * k->size[1]));
    for (size_t i = 0; i < k->n_mask; i++)
        mask[i] = (float)k->mask[i];
    for (int i = 0; i < 4; i++)
        box[i] = (float)k->box[i];
    DfMask got;
    cr_assert_eq(df_paste_mask_as(how, &got, mask, (int)k->size[0], (int)k->size[1], box, (int)k->size[2], (int)k->size[3], (float)k->threshold), DF_OK);
    cr_expect(got.height == (uint32_t)k->size[2] && got.width == (uint32_t)k->size[3]);
    cr_expect_eq(got.n, k->n_runs, "case %d: %zu runs, want %zu", number, got.n, k->n_runs);
    for (size_t i = 0; i < got.n && i < k->n_runs; i++)
        cr_expect_eq(got.runs[i], (uint32_t)k->runs[i], "case %d: run %zu is %u, want %g", number, i, (unsigned)got.runs[i], k->runs[i]);
    df_mask_done(&got);
}

static void check_file(const char *path, DfPaste how)
{
    DfJson *j;
    DfJsonValue v;
    int n = 0;
    cr_assert_eq(df_json_open(&j, path), DF_OK, "%s", df_error());
    cr_assert_eq(df_json_next(j, &v), DF_JSON_ARRAY);
    while (df_json_next(j, &v) == DF_JSON_OBJECT) {
        static Case k;
        k = (Case){ 0 };
        read_case(j, &k);
        check(&k, n++, how);
    }
    df_json_close(j);
    cr_expect_eq(n, 10);
}

Test(paste, reference)
{
    check_file(DF_TEST_DATA "/boxes/paste.json", DF_PASTE_MMDET);
}

Test(paste, torchvision)
{
    check_file(DF_TEST_DATA "/boxes/paste_torchvision.json", DF_PASTE_TORCHVISION);
}

Test(paste, no_number_and_no_memory)
{
    const float ones[4] = { 1, 1, 1, 1 }, nowhere[4] = { NAN, 2, NAN, 5 }, here[4] = { 1, 1, 6, 6 };
    DfMask got;
    cr_assert_eq(df_paste_mask(&got, ones, 2, 2, nowhere, 8, 9, 0.5f), DF_OK);
    cr_expect(got.n == 1 && got.runs[0] == 72);
    df_mask_done(&got);
    cr_assert_eq(df_paste_mask(&got, ones, 2, 2, here, 0, 0, 0.5f), DF_OK);
    df_mask_done(&got);
    for (size_t i = 1, error = 1; error; i++) {
        df_memory_fail_at(i, false);
        error = df_paste_mask(&got, ones, 2, 2, here, 8, 9, 0.5f) < 0;
        df_memory_fail_at(0, false);
        cr_expect(!error || !got.runs);
        df_mask_done(&got);
    }
}
