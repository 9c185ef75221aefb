/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boxes/test_boxes.c -- anchors, coder, overlaps and suppression against values of the official
 * code, torchvision and torch (tests/data/boxes/boxes.json, made by tests/scripts/make_boxes.py), and
 * suppression by mmcv's loops (nms.json, make_nms.py).
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "boxes/boxes.h"

enum { MOST_ARRAYS = 8, MOST_NUMBERS = 4096, MOST_CASES = 160 };

typedef struct {
    char name[16];
    size_t n;
    float *at;
} Array;

typedef struct {
    char kind[32];
    double number;
    int n;
    Array arrays[MOST_ARRAYS];
} Case;

static Case cases[MOST_CASES];
static int n_cases;

static void read_case(DfJson *j, Case *c)
{
    DfJsonValue v;
    while (df_json_next(j, &v) == DF_JSON_KEY) {
        char key[16];
        snprintf(key, sizeof key, "%s", v.text);
        const DfJsonEvent event = df_json_next(j, &v);
        if (event == DF_JSON_TEXT) {
            snprintf(c->kind, sizeof c->kind, "%s", v.text);
        } else if (event == DF_JSON_NUMBER) {
            c->number = v.number;
        } else {
            Array *array = &c->arrays[c->n++];
            static float numbers[MOST_NUMBERS];
            memcpy(array->name, key, sizeof key);
            while (df_json_next(j, &v) == DF_JSON_NUMBER)
                numbers[array->n++] = (float)v.number;
            array->at = df_malloc((array->n + 1) * sizeof *array->at); /* as long as the process */
            memcpy(array->at, numbers, array->n * sizeof *array->at);
        }
    }
}

static void load_file(const char *path)
{
    DfJson *j;
    DfJsonValue v;
    cr_assert_eq(df_json_open(&j, path), DF_OK, "%s", df_error());
    cr_assert_eq(df_json_next(j, &v), DF_JSON_ARRAY);
    while (df_json_next(j, &v) == DF_JSON_OBJECT)
        read_case(j, &cases[n_cases++]);
    df_json_close(j);
}

static void load(void)
{
    if (n_cases) /* by a test before it, in the same process */
        return;
    load_file(DF_TEST_DATA "/boxes/boxes.json");
    load_file(DF_TEST_DATA "/boxes/nms.json");
}

TestSuite(boxes, .init = load);

static const Array *array(const Case *c, const char *name)
{
    for (int i = 0; i < c->n; i++)
        if (strcmp(c->arrays[i].name, name) == 0)
            return &c->arrays[i];
    cr_assert_fail("no array %s in case %s", name, c->kind);
    return NULL;
}

static const Case *named(const char *kind)
{
    for (int i = 0; i < n_cases; i++)
        if (strcmp(cases[i].kind, kind) == 0)
            return &cases[i];
    cr_assert_fail("no case %s", kind);
    return NULL;
}

static void expect_close(const float *got, const Array *want, float tolerance)
{
    for (size_t i = 0; i < want->n; i++)
        cr_assert(fabsf(got[i] - want->at[i]) <= tolerance, "%zu: %.9g, want %.9g", i, (double)got[i], (double)want->at[i]);
}

static void run_nms(const Case *c, const DfNms *options)
{
    const Array *boxes = array(c, "boxes"), *scores = array(c, "scores"), *labels = array(c, "labels"), *want = array(c, "keep");
    static int classes[MOST_NUMBERS];
    static DfKept keep[MOST_NUMBERS];
    size_t kept;
    for (size_t i = 0; i < labels->n; i++)
        classes[i] = (int)labels->at[i];
    cr_assert_eq(df_nms(options, scores->n, boxes->at, scores->at, labels->n ? classes : NULL, keep, &kept), DF_OK);
    cr_assert_eq(kept, want->n, "%s: %zu kept, want %zu", c->kind, kept, want->n);
    for (size_t i = 0; i < kept; i++)
        cr_assert_eq(keep[i].index, (uint32_t)want->at[i], "%s, place %zu: %u, want %g", c->kind, i, keep[i].index, (double)want->at[i]);
    if (options->kind != DF_NMS_HARD)
        for (size_t i = 0; i < kept; i++)
            cr_assert_float_eq(keep[i].score, array(c, "lowered")->at[i], 1e-6);
}

Test(boxes, nms)
{
    int found = 0;
    for (int i = 0; i < n_cases; i++) {
        if (strcmp(cases[i].kind, "nms") != 0)
            continue;
        DfNms options = df_nms_options();
        options.iou_threshold = cases[i].number;
        run_nms(&cases[i], &options);
        options.split_thr = 10;
        run_nms(&cases[i], &options);
        found++;
    }
    cr_expect_eq(found, 7);
}

Test(boxes, soft_nms)
{
    static const char *const kinds[] = { "soft_naive", "soft_linear", "soft_gaussian" };
    for (int i = 0; i < 3; i++) {
        DfNms options = df_nms_options();
        options.kind = (DfNmsKind)(DF_NMS_SOFT_NAIVE + i);
        options.iou_threshold = 0.3;
        options.min_score = 0.05;
        run_nms(named(kinds[i]), &options);
    }
}

static DfNms given_options(const Case *c)
{
    const float *at = array(c, "options")->at;
    return (DfNms){
        .kind = (DfNmsKind)at[0], .iou_threshold = (double)at[1], .class_agnostic = at[2] > 0, .max_num = (int)at[3],
        .split_thr = (int)at[4], .sigma = (double)at[5], .min_score = (double)at[6], .offset = (int)at[7],
    };
}

/* By class or all together, in one go or label by label, with ties. */
Test(boxes, batched_nms_of_mmcv)
{
    int found = 0;
    for (int i = 0; i < n_cases; i++) {
        if (strcmp(cases[i].kind, "batched") != 0)
            continue;
        const DfNms options = given_options(&cases[i]);
        run_nms(&cases[i], &options);
        found++;
    }
    cr_expect_eq(found, 96);
}

Test(boxes, nms_of_boxes_that_meet_across_labels)
{
    /* The second box, of label 1, is moved by 11 and reaches back over the first through its negative coordinate. */
    const float boxes[] = { 0, 0, 10, 10, -11, -11, -1, -1 }, scores[] = { 0.9f, 0.8f };
    const int labels[] = { 0, 1 };
    DfNms options = df_nms_options();
    DfKept keep[2];
    size_t kept;
    df_nms(&options, 2, boxes, scores, labels, keep, &kept);
    cr_expect_eq(kept, 1);
    const int bad[] = { 0, -1 };
    cr_expect_eq(df_nms(&options, 2, boxes, scores, bad, keep, &kept), DF_EVALUE);
    cr_expect_eq(df_nms(&options, 0, NULL, NULL, NULL, keep, &kept), DF_OK);
    cr_expect_eq(kept, 0);
}

Test(boxes, multiclass_nms)
{
    const float boxes[] = { 0, 0, 10, 10, 1, 0, 11, 10, 50, 50, 60, 60 };
    const float scores[] = { 0.9f, 0.3f, 0, 0.8f, 0.5f, 0, 0.05f, 0.06f, 0 }; /* two classes and the background */
    DfDetection *found;
    size_t n;
    DfNms options = df_nms_options();
    cr_assert_eq(df_multiclass_nms(&options, 0.05, 100, 3, 2, 3, boxes, false, scores, NULL, &found, &n), DF_OK);
    cr_assert_eq(n, 3);
    cr_expect(found[0].index == 0 && found[0].label == 0 && found[0].box[2] == 10);
    cr_expect(found[1].index == 1 && found[1].label == 1 && found[1].score == 0.5f);
    cr_expect(found[2].index == 2 && found[2].label == 1 && found[2].box[0] == 50); /* 0.05 > 0.05 does not hold */
    df_free(found);
    options.class_agnostic = true;
    cr_assert_eq(df_multiclass_nms(&options, 0.05, 1, 3, 2, 3, boxes, false, scores, NULL, &found, &n), DF_OK);
    cr_expect_eq(n, 1);
    df_free(found);
    cr_assert_eq(df_multiclass_nms(&options, 0.95, 1, 3, 2, 3, boxes, false, scores, NULL, &found, &n), DF_OK);
    cr_expect_eq(n, 0);
    df_free(found);
}

Test(boxes, overlaps)
{
    static const char *const kinds[] = { "iou", "giou" };
    for (int i = 0; i < 2; i++) {
        const Case *c = named(kinds[i]);
        float out[81];
        df_overlaps(i ? DF_GIOU : DF_IOU, 9, array(c, "a")->at, 9, array(c, "b")->at, 1e-6f, out);
        expect_close(out, array(c, "out"), 1e-6f);
    }
    const float a[] = { 0, 0, 10, 10 }, b[] = { 5, 0, 15, 40 };
    float iof;
    df_overlaps(DF_IOF, 1, a, 1, b, 1e-6f, &iof);
    cr_expect_eq(iof, 0.5f);
}

Test(boxes, coder)
{
    DfDeltaCoder coder = df_delta_coder();
    memcpy(coder.means, (double[]){ .01, -.02, .03, .04 }, sizeof coder.means);
    memcpy(coder.stds, (double[]){ .1, .1, .2, .2 }, sizeof coder.stds);
    float out[120];
    const Case *c = named("decode");
    df_delta_decode(&coder, 30, 1, array(c, "boxes")->at, array(c, "deltas")->at, 70, 90, out);
    expect_close(out, array(c, "out"), 1e-4f);
    c = named("encode");
    df_delta_encode(&coder, 30, array(c, "boxes")->at, array(c, "targets")->at, out);
    expect_close(out, array(c, "out"), 1e-5f);
    c = named("decode_ctr_clamp");
    coder.add_ctr_clamp = true;
    coder.ctr_clamp = 8;
    df_delta_decode(&coder, 30, 1, array(c, "boxes")->at, array(c, "deltas")->at, 70, 90, out);
    expect_close(out, array(c, "out"), 1e-4f);
}

/* torchvision's AnchorGenerator(((32,), (64,))) on maps of 5 x 7 and 3 x 4 cells under a picture of 40 x 56 pixels. */
Test(boxes, anchors_of_torchvision)
{
    const double sizes[2] = { 32, 64 };
    const double ratios[3] = { 0.5, 1, 2 };
    const DfFloats of_level[2] = { { 1, &sizes[0] }, { 1, &sizes[1] } };
    const DfAnchorOptions options = {
        .levels = 2, .strides_w = (int[]){ 8, 16 }, .ratios = { 3, ratios }, .sizes = of_level, .scale_major = true,
        .rounded = true, .fit_strides = true,
    };
    DfAnchors anchors, fitted;
    int strides[4];
    float one[4];
    cr_assert_eq(df_anchors_init(&anchors, &options), DF_OK, "%s", df_error());
    df_anchors_fit(&fitted, &anchors, (int[]){ 5, 3 }, (int[]){ 7, 4 }, strides);
    cr_expect_eq(strides[2], 14);
    cr_expect_eq(strides[3], 13);
    df_anchors_at(&fitted, 1, 4, 3 * (4 + 2) + 2, one);          /* row 1, column 2, ratio 2 */
    const float want[4] = { 28 - 23, 13 - 45, 28 + 23, 13 + 45 };
    for (int i = 0; i < 4; i++)
        cr_expect_eq(one[i], want[i], "%g, want %g", (double)one[i], (double)want[i]);
    df_anchors_done(&anchors);
}

Test(boxes, sizes_may_shrink_freely)
{
    DfDeltaCoder coder = df_delta_coder();
    const float box[4] = { 0, 0, 100, 100 };
    const float deltas[4] = { 0, 0, -10, 10 };
    float out[4];
    coder.shrink_freely = true;
    coder.clip_border = false;
    df_delta_decode(&coder, 1, 1, box, deltas, 0, 0, out);
    cr_expect_float_eq(out[2] - out[0], 100 * expf(-10), 1e-4);
    cr_expect_float_eq(out[3] - out[1], 6250, 1e-2);
}

Test(boxes, anchors_of_retinanet)
{
    const int strides[] = { 8, 16, 32, 64, 128 };
    const double ratios[] = { 0.5, 1, 2 };
    const DfAnchorOptions options = { .levels = 5, .strides_w = strides, .ratios = { 3, ratios }, .octave_base_scale = 4,
                                      .scales_per_octave = 3, .scale_major = true };
    DfAnchors anchors;
    float grid[72], one[4];
    cr_assert_eq(df_anchors_init(&anchors, &options), DF_OK, "%s", df_error());
    cr_assert_eq(anchors.per_cell, 9);
    expect_close(anchors.base, array(named("anchors"), "base"), 0);
    df_anchors_grid(&anchors, 4, 1, 2, grid);
    expect_close(grid, array(named("anchors"), "grid"), 0);
    for (size_t i = 0; i < 18; i++) {
        df_anchors_at(&anchors, 4, 2, i, one);
        cr_expect_eq(memcmp(one, grid + 4 * i, sizeof one), 0);
    }
    bool valid[18];
    df_anchors_valid(&anchors, 4, 1, 2, 100, 128, valid);
    cr_expect(valid[8] && !valid[9]);
    df_anchors_done(&anchors);
}

/* The examples in the docstring of mmdet's AnchorGenerator, and its other parameters worked out by hand. */
Test(boxes, anchors_other_parameters)
{
    const int strides[] = { 16 }, oblong[] = { 8 };
    const double one[] = { 1 }, nine[] = { 9 }, ratios[] = { 1, 4 }, scales[] = { 1, 2 }, centers[] = { 3, 5 };
    DfAnchors anchors;
    DfAnchorOptions options = { .levels = 1, .strides_w = strides, .ratios = { 1, one }, .scales = { 1, one }, .base_sizes = { 1, nine }, .scale_major = true };
    float grid[16];
    cr_assert_eq(df_anchors_init(&anchors, &options), DF_OK);
    df_anchors_grid(&anchors, 0, 2, 2, grid);
    cr_expect_eq(memcmp(grid, (float[]){ -4.5f, -4.5f, 4.5f, 4.5f, 11.5f, -4.5f, 20.5f, 4.5f, -4.5f, 11.5f, 4.5f, 20.5f, 11.5f, 11.5f, 20.5f, 20.5f }, sizeof grid), 0);
    df_anchors_done(&anchors);
    options = (DfAnchorOptions){ .levels = 1, .strides_w = strides, .strides_h = oblong, .ratios = { 2, ratios }, .scales = { 2, scales }, .centers = centers };
    cr_assert_eq(df_anchors_init(&anchors, &options), DF_OK); /* base size 8, scales outside */
    cr_expect_eq(memcmp(anchors.base, (float[]){ -1, 1, 7, 9, 1, -3, 5, 13, -5, -3, 11, 13, -1, -11, 7, 21 }, sizeof grid), 0);
    df_anchors_done(&anchors);
    options.center_offset = 0.5;
    cr_expect_eq(df_anchors_init(&anchors, &options), DF_EVALUE);
    options.scales_per_octave = 3;
    options.octave_base_scale = 4;
    options.center_offset = 0;
    cr_expect_eq(df_anchors_init(&anchors, &options), DF_EVALUE);
}

/* Many candidates: not recursive. */
Test(boxes, fifty_thousand)
{
    enum { N = 50000 };
    float *boxes = df_malloc(N * 4 * sizeof *boxes), *scores = df_malloc(N * sizeof *scores);
    int *labels = df_malloc(N * sizeof *labels);
    DfKept *keep = df_malloc(N * sizeof *keep);
    DfRandom r = df_random(1, 0);
    for (int i = 0; i < N; i++) {
        const float x = (float)(df_uniform(&r) * 1300), y = (float)(df_uniform(&r) * 800);
        memcpy(boxes + 4 * i, (float[]){ x, y, x + 20 + (float)df_uniform(&r) * 20, y + 20 + (float)df_uniform(&r) * 20 }, 16);
        scores[i] = (float)df_uniform(&r);
        labels[i] = i % 80;
    }
    DfNms options = df_nms_options();
    size_t apart, together;
    cr_expect_eq(df_nms(&options, N, boxes, scores, labels, keep, &apart), DF_OK);
    options.class_agnostic = true;
    options.split_thr = N + 1;
    cr_expect_eq(df_nms(&options, N, boxes, scores, labels, keep, &together), DF_OK);
    cr_expect(together < apart && apart < N);
    df_free(boxes);
    df_free(scores);
    df_free(labels);
    df_free(keep);
}
