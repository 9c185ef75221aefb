/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/eval/test_panoptic.c -- panoptic quality has the bits of panopticapi (tests/scripts/make_panoptic.py), whatever
 * order pictures are counted in; what it refuses is refused; shards that repeat pictures count them once.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "datasets/datasets.h"
#include "eval/eval.h"

#define FOLDER DF_TEST_DATA "/eval/panoptic/"

static void read_map(DfImage *map, const char *folder, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, FOLDER "%s/%.100s", folder, name);
    cr_assert_eq(df_image_read_colours_again(map, path), DF_OK, "%s", df_error());
}

static int count(DfPanoptic *p, size_t i)
{
    DfPanopticRoom *room;
    DfImage truth = { 0 }, found = { 0 };
    const DfPanopticMaps maps = df_panoptic_maps(p, i);
    cr_assert_eq(df_panoptic_room_new(&room), DF_OK);
    read_map(&truth, "gt", maps.truth);
    read_map(&found, "dt", maps.found);
    const size_t pixels = (size_t)truth.height * (size_t)truth.width;
    const int error = df_panoptic_count(p, room, i, truth.pixels, found.pixels, pixels);
    df_image_free(&truth);
    df_image_free(&found);
    df_panoptic_room_free(room);
    return error;
}

static DfPanoptic *open_both(void)
{
    DfPanoptic *p;
    cr_assert_eq(df_panoptic_open(&p, FOLDER "gt.json"), DF_OK, "%s", df_error());
    cr_assert_eq(df_panoptic_add(p, FOLDER "dt.json"), DF_OK, "%s", df_error());
    cr_assert_eq(df_panoptic_check(p), DF_OK, "%s", df_error());
    return p;
}

static void expect_mean(FILE *file, const char *name, const DfPanopticMean *m)
{
    char met[16];
    size_t n;
    double pq, sq, rq;
    cr_assert_eq(fscanf(file, "%15s %zu %lf %lf %lf", met, &n, &pq, &sq, &rq), 5);
    cr_expect_str_eq(met, name);
    cr_expect(m->n == n && m->pq == pq && m->sq == sq && m->rq == rq, "%s: %a %a %a", name, m->pq, m->sq, m->rq);
}

static void expect_result(const DfPanopticResult *r)
{
    FILE *file = fopen(FOLDER "expected.txt", "r");
    cr_assert_not_null(file);
    for (size_t k = 0; k < r->n_classes; k++) {
        const DfPanopticClass *const c = &r->classes[k];
        long id;
        size_t tp, fp, fn;
        double iou;
        cr_assert_eq(fscanf(file, "%ld %zu %zu %zu %lf", &id, &tp, &fp, &fn, &iou), 5);
        cr_expect(c->id.number == id && c->tp == tp && c->fp == fp && c->fn == fn && c->iou == iou, "class %ld: %zu %zu %zu %a", id,
                  c->tp, c->fp, c->fn, c->iou);
    }
    expect_mean(file, "All", &r->all);
    expect_mean(file, "Things", &r->things);
    expect_mean(file, "Stuff", &r->stuff);
    fclose(file);
}

Test(panoptic, equals_panopticapi_in_any_order)
{
    for (int backwards = 0; backwards < 2; backwards++) {
        DfPanoptic *p = open_both();
        DfPanopticResult *r;
        const size_t n = df_panoptic_images(p);
        cr_assert_eq(n, 6);
        for (size_t i = 0; i < n; i++)
            cr_assert_eq(count(p, backwards ? n - 1 - i : i), DF_OK, "%s", df_error());
        cr_assert_eq(df_panoptic_result(&r, p), DF_OK);
        expect_result(r);
        df_panoptic_result_free(r);
        df_panoptic_free(p);
    }
    cr_expect_eq(df_memory().now, 0);
}

/* ---- small ones by hand ------------------------------------------------------------------------------------------------ */

#define CLASSES "\"categories\":[{\"id\":1,\"name\":\"a\",\"isthing\":1},{\"id\":2,\"isthing\":0}]"
#define TRUTH                                                                                                              \
    "{\"annotations\":[{\"image_id\":5,\"file_name\":\"t\",\"segments_info\":[{\"id\":1,\"category_id\":1,\"iscrowd\":0,\"area\":2}]}]," \
    CLASSES "}"
#define FOUND(segments) "{\"annotations\":[{\"image_id\":5,\"file_name\":\"f\",\"segments_info\":[" segments "]}]}"

static DfJson *json_of(const char *text)
{
    DfJson *json;
    cr_assert_eq(df_json_open_text(&json, text, strlen(text), "FILE"), DF_OK);
    return json;
}

static int read_truth(DfPanoptic **p, const char *text)
{
    DfJson *json = json_of(text);
    const int error = df_panoptic_read(p, json);
    df_json_close(json);
    return error;
}

static int add(DfPanoptic *p, const char *text)
{
    DfJson *json = json_of(text);
    const int error = df_panoptic_add_json(p, json);
    df_json_close(json);
    return error;
}

/* One picture of four pixels, 1 1 0 0 in the ground truth. */
static int count_four(const char *found, const uint8_t values[4], DfPanopticClass *class)
{
    static const uint8_t truth[12] = { 1, 0, 0, 1, 0, 0 };
    uint8_t map[12] = { 0 };
    DfPanoptic *p;
    DfPanopticRoom *room;
    DfPanopticResult *r;
    for (int i = 0; i < 4; i++)
        map[3 * i] = values[i];
    cr_assert_eq(read_truth(&p, TRUTH), DF_OK, "%s", df_error());
    cr_assert_eq(add(p, found), DF_OK, "%s", df_error());
    cr_assert_eq(df_panoptic_room_new(&room), DF_OK);
    const int error = df_panoptic_count(p, room, 0, truth, map, 4);
    cr_assert_eq(df_panoptic_result(&r, p), DF_OK);
    *class = r->classes[0];
    df_panoptic_result_free(r);
    df_panoptic_room_free(room);
    df_panoptic_free(p);
    return error;
}

Test(panoptic, a_match_is_more_than_a_half)
{
    DfPanopticClass c;
    cr_assert_eq(count_four(FOUND("{\"id\":7,\"category_id\":1}"), (const uint8_t[]){ 7, 7, 7, 7 }, &c), DF_OK, "%s", df_error());
    cr_expect(c.tp == 1 && c.iou == 1, "pixels on nothing do not count: %zu, %g", c.tp, c.iou);
    cr_assert_eq(count_four(FOUND("{\"id\":7,\"category_id\":1}"), (const uint8_t[]){ 7, 0, 0, 0 }, &c), DF_OK);
    cr_expect(c.tp == 0 && c.fp == 1 && c.fn == 1, "exactly a half is none: %zu %zu %zu", c.tp, c.fp, c.fn);
    cr_assert_eq(count_four(FOUND("{\"id\":7,\"category_id\":1}"), (const uint8_t[]){ 0, 7, 7, 7 }, &c), DF_OK);
    cr_expect(c.tp == 0 && c.fp == 0 && c.fn == 1, "what lies on nothing is no mistake: %zu %zu %zu", c.tp, c.fp, c.fn);
    cr_assert_eq(count_four(FOUND(""), (const uint8_t[]){ 0, 0, 0, 0 }, &c), DF_OK);
    cr_expect(c.tp == 0 && c.fp == 0 && c.fn == 1);
}

Test(panoptic, errors_are_sentences)
{
    DfPanopticClass c;
    cr_expect_eq(count_four(FOUND("{\"id\":7,\"category_id\":1}"), (const uint8_t[]){ 7, 7, 9, 0 }, &c), DF_EVALUE);
    cr_expect_str_eq(df_error(), "image_id 5: segment 9 is in the prediction f and not in its JSON");
    cr_expect_eq(count_four(FOUND("{\"id\":7,\"category_id\":1},{\"id\":8,\"category_id\":1}"), (const uint8_t[]){ 7, 7, 0, 0 }, &c), DF_EVALUE);
    cr_expect_str_eq(df_error(), "image_id 5: segment 8 is in the JSON and not in the prediction f");
    cr_expect_eq(count_four(FOUND("{\"id\":7,\"category_id\":3}"), (const uint8_t[]){ 7, 7, 0, 0 }, &c), DF_EVALUE);
    cr_expect_str_eq(df_error(), "image_id 5: segment 7 of the prediction has category_id 3, which FILE does not have");
}

Test(panoptic, what_a_file_lacks_is_said)
{
    static const char *const wrong[][2] = {
        { "{\"annotations\":[]}", "FILE has no categories" },
        { "{" CLASSES "}", "FILE has no annotations: want panoptic ones, with segments_info" },
        { "{\"categories\":[{\"id\":1}]}", "FILE: line 1, byte 23: category 1 (id 1): has no isthing, which tells things (1) from stuff (0)" },
        { "{\"annotations\":[{\"image_id\":5,\"file_name\":\"t\"}]}", "FILE: line 1, byte 46: annotation 1 (image 5): has no segments_info, which panoptic annotations have" },
        { "{\"annotations\":[{\"image_id\":5,\"file_name\":\"t\",\"segments_info\":[{\"id\":1,\"category_id\":1,\"area\":2}]}]}",
          "FILE: line 1, byte 98: annotation 1 (image 5): segments_info: a segment has no iscrowd" },
        { "{\"annotations\":[{\"image_id\":5,\"file_name\":\"t\",\"segments_info\":[{\"id\":\"a\"}]}]}",
          "FILE: line 1, byte 72: annotation 1 (image 5): segments_info: the id of a segment is not an integer of 64 bits" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        DfPanoptic *p;
        cr_expect_lt(read_truth(&p, wrong[i][0]), 0);
        cr_expect_null(p);
        cr_expect_str_eq(df_error(), wrong[i][1]);
    }
}

Test(panoptic, shards_that_repeat_a_picture_count_it_once)
{
    DfPanoptic *p;
    cr_assert_eq(read_truth(&p, TRUTH), DF_OK);
    cr_expect_eq(df_panoptic_check(p), DF_EVALUE);
    cr_expect_str_eq(df_error(), "no prediction for image_id 5 of FILE");
    cr_assert_eq(add(p, "{\"annotations\":[{\"image_id\":6,\"file_name\":\"other\",\"segments_info\":[]}]}"), DF_OK);
    cr_assert_eq(add(p, FOUND("{\"id\":7,\"category_id\":1}")), DF_OK);
    cr_assert_eq(add(p, "{\"annotations\":[{\"image_id\":5,\"file_name\":\"again\",\"segments_info\":[]}]}"), DF_OK);
    cr_expect_eq(df_panoptic_check(p), DF_OK);
    cr_expect_eq(df_panoptic_repeated(p), 1);
    cr_expect_str_eq(df_panoptic_maps(p, 0).found, "f");
    cr_expect_eq(df_panoptic_maps(p, 0).file, 1);
    df_panoptic_free(p);
}

/* ---- memory -------------------------------------------------------------------------------------------------------------- */

static int count_first(DfPanoptic *p, DfPanopticRoom *room)
{
    DfImage truth = { 0 }, found = { 0 };
    const DfPanopticMaps maps = df_panoptic_maps(p, 0);
    char path[512];
    snprintf(path, sizeof path, FOLDER "gt/%.100s", maps.truth);
    int error = df_image_read_colours_again(&truth, path);
    snprintf(path, sizeof path, FOLDER "dt/%.100s", maps.found);
    if (error == DF_OK)
        error = df_image_read_colours_again(&found, path);
    if (error == DF_OK)
        error = df_panoptic_count(p, room, 0, truth.pixels, found.pixels, (size_t)truth.height * (size_t)truth.width);
    df_image_free(&truth);
    df_image_free(&found);
    return error;
}

static int all_of_it(void)
{
    DfPanoptic *p = NULL;
    DfPanopticRoom *room = NULL;
    DfPanopticResult *r = NULL;
    char *json = NULL;
    int error = df_panoptic_open(&p, FOLDER "gt.json");
    if (error == DF_OK)
        error = df_panoptic_add(p, FOLDER "dt.json");
    if (error == DF_OK)
        error = df_panoptic_room_new(&room);
    if (error == DF_OK)
        error = count_first(p, room);
    if (error == DF_OK)
        error = df_panoptic_result(&r, p);
    if (error == DF_OK)
        error = df_panoptic_json(r, &json);
    df_free(json);
    df_panoptic_result_free(r);
    df_panoptic_room_free(room);
    df_panoptic_free(p);
    return error;
}

Test(panoptic, every_allocation_may_fail)
{
    int error = DF_ENOMEM;
    size_t n = 1;
    for (; error != DF_OK && n < 1000; n++) {
        df_memory_fail_at(n, false);
        error = all_of_it();
        df_memory_fail_at(0, false);
        cr_expect(error == DF_OK || error == DF_ENOMEM, "allocation %zu: %d, %s", n, error, df_error());
        cr_expect_eq(df_memory().now, 0);
    }
    cr_expect(n > 20 && error == DF_OK, "%zu allocations", n);
}
