/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/heads/test_samplers.c -- which boxes are sampled: how many of which, against mmdet 3.3; what a draw is fair to.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "heads/heads.h"
#include "tests/support/cases.h"

/* ---- the same numbers as mmdet's ---------------------------------------------------------------------------------------- */

static bool is(const DfNode *dict, const char *type)
{
    return strcmp(df_node_text(df_node_get(dict, "type"), ""), type) == 0;
}

static DfBoxSampler sampler_of(const DfNode *options)
{
    const DfNode *positive = df_node_get(options, "pos_sampler"), *negative = df_node_get(options, "neg_sampler");
    if (is(options, "PseudoSampler"))
        return (DfBoxSampler){ 0 };
    return (DfBoxSampler){
        .positives = is(positive, "InstanceBalancedPosSampler") ? DF_SAMPLE_INSTANCE_BALANCED : DF_SAMPLE_RANDOM,
        .negatives = is(negative, "IoUBalancedNegSampler") ? DF_SAMPLE_IOU_BALANCED : DF_SAMPLE_RANDOM,
        .num = (int)df_node_int(df_node_get(options, "num"), -1),
        .pos_fraction = df_node_number(df_node_get(options, "pos_fraction"), NAN),
        .neg_pos_ub = df_node_number(df_node_get(options, "neg_pos_ub"), -1),
        .floor_thr = df_node_number(df_node_get(negative, "floor_thr"), -1),
        .floor_fraction = df_node_number(df_node_get(negative, "floor_fraction"), 0),
        .num_bins = (int)df_node_int(df_node_get(negative, "num_bins"), 3),
    };
}

/* Boxes of a case, behind the m objects themselves if those are added. */
typedef struct {
    size_t n;
    int *object;
    float *overlap;
} Boxes;

static Boxes boxes_of(const Cases *cases, int i, bool add)
{
    size_t n, m;
    int *want = case_int(cases, i, "gt_inds", &n);
    float *overlap = case_f32(cases, i, "max_overlaps", NULL), *objects = case_f32(cases, i, "gt_bboxes", &m);
    if (!add)
        m = 0;
    Boxes b = { n + m, df_malloc((n + m) * sizeof *b.object), df_malloc((n + m) * sizeof *b.overlap) };
    for (size_t k = 0; k < m; k++) {
        b.object[k] = (int)k;
        b.overlap[k] = 1;
    }
    for (size_t k = 0; k < n; k++) {
        b.object[m + k] = want[k] > 0 ? want[k] - 1 : DF_BACKGROUND + want[k]; /* mmdet: 0 background, -1 neither */
        b.overlap[m + k] = overlap[k];
    }
    df_free(want);
    df_free(overlap);
    df_free(objects);
    return b;
}

static void boxes_done(Boxes *b)
{
    df_free(b->object);
    df_free(b->overlap);
}

static size_t within(const Boxes *b, const int *list, size_t n, float lo, float hi)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += b->overlap[list[i]] >= lo && b->overlap[list[i]] < hi;
    return count;
}

static void ascending(const int *list, size_t n)
{
    for (size_t i = 1; i < n; i++)
        cr_expect_lt(list[i - 1], list[i]);
}

static void same_counts(const Cases *cases, int i, const DfBoxSampler *s, const Boxes *b, const DfBoxSample *got)
{
    size_t positive, negative;
    df_free(case_int(cases, i, "out.pos_inds", &positive));
    int *official = case_int(cases, i, "out.neg_inds", &negative);
    cr_expect_eq(got->n_positive, positive, "case %d: %zu positives for %zu", i, got->n_positive, positive);
    cr_expect_eq(got->n_negative, negative, "case %d: %zu negatives for %zu", i, got->n_negative, negative);
    ascending(got->positive, got->n_positive);
    ascending(got->negative, got->n_negative);
    for (size_t k = 0; k < got->n_positive; k++)
        cr_expect_geq(b->object[got->positive[k]], 0, "case %d", i);
    for (size_t k = 0; k < got->n_negative; k++)
        cr_expect_eq(b->object[got->negative[k]], DF_BACKGROUND, "case %d", i);
    if (s->negatives != DF_SAMPLE_IOU_BALANCED)
        return df_free(official);
    const float floors[] = { 0, 1e-9f, 0.1f, 2 };
    for (int k = 0; k < 3; k++) {
        const size_t want = within(b, official, negative, floors[k], floors[k + 1]);
        const size_t have = within(b, got->negative, got->n_negative, floors[k], floors[k + 1]);
        if (s->floor_thr > 0 ? k == 2 : s->floor_thr >= 0 && k == 0)
            cr_expect_eq(have, want, "case %d: %zu with overlaps from %g for %zu", i, have, (double)floors[k], want);
    }
    df_free(official);
}

Test(samplers, official)
{
    Cases cases = cases_open("samplers");
    int n = 0;
    for (const DfNode *options = cases.options; options; options = options->next, n++) {
        const DfBoxSampler s = sampler_of(options);
        Boxes b = boxes_of(&cases, n, df_node_bool(df_node_get(options, "add_gt_as_proposals"), false));
        DfRandom random = df_random(1, (uint64_t)n);
        DfBoxSample got;
        cr_assert_eq(df_sample_boxes(&s, b.n, b.object, b.overlap, NULL, &random, &got), DF_OK, "%s", df_error());
        same_counts(&cases, n, &s, &b, &got);
        df_box_sample_done(&got);
        boxes_done(&b);
    }
    cr_expect_eq(n, 20);
    cases_close(&cases);
}

/* ---- what is drawn ------------------------------------------------------------------------------------------------------ */

enum { N = 60, DRAWS = 4000 };

/* Boxes 0..29: object 0 has 24, objects 1..3 two each; the others are background with overlaps 0 to 0.29. */
static Boxes some_boxes(void)
{
    Boxes b = { N, df_malloc(N * sizeof(int)), df_malloc(N * sizeof(float)) };
    for (int i = 0; i < N; i++) {
        b.object[i] = i >= 30 ? DF_BACKGROUND : i < 24 ? 0 : 1 + (i - 24) / 2;
        b.overlap[i] = i < 30 ? 0.6f : (float)(i - 30) / 100;
    }
    return b;
}

/* How often each box is drawn. */
static void draws(const DfBoxSampler *s, const float *loss, size_t positive, size_t negative, int *often)
{
    Boxes b = some_boxes();
    DfRandom random = df_random(5, 6);
    memset(often, 0, N * sizeof *often);
    for (int i = 0; i < DRAWS; i++) {
        DfBoxSample got;
        cr_assert_eq(df_sample_boxes(s, N, b.object, b.overlap, loss, &random, &got), DF_OK);
        cr_assert_eq(got.n_positive, positive);
        cr_assert_eq(got.n_negative, negative);
        for (size_t k = 0; k < positive + negative; k++)
            often[got.positive[k]]++;
        df_box_sample_done(&got);
    }
    boxes_done(&b);
}

/* Each of boxes first .. last - 1 is drawn with this probability, to five standard deviations. */
static void drawn(const int *often, int first, int last, double p)
{
    for (int i = first; i < last; i++)
        cr_expect_leq(fabs(often[i] - DRAWS * p), 5 * sqrt(DRAWS * p * (1 - p)) + 1e-9, "box %d: %d times, %g", i, often[i], DRAWS * p);
}

Test(samplers, random_is_uniform)
{
    int often[N];
    draws(&(DfBoxSampler){ DF_SAMPLE_RANDOM, DF_SAMPLE_RANDOM, .num = 16, .pos_fraction = 0.25, .neg_pos_ub = -1 }, NULL, 4, 12, often);
    drawn(often, 0, 30, 4 / 30.0);
    drawn(often, 30, 60, 12 / 30.0);
}

/* 9 positives of 4 objects: round(9 / 4) + 1 = 3 each, which object 0 alone has; so 3 + 6. */
Test(samplers, objects_are_alike)
{
    int often[N];
    const DfBoxSampler s = { DF_SAMPLE_INSTANCE_BALANCED, DF_SAMPLE_RANDOM, .num = 18, .pos_fraction = 0.5, .neg_pos_ub = 0.5 };
    draws(&s, NULL, 9, 4, often);
    drawn(often, 0, 24, 3 / 24.0);
    drawn(often, 24, 30, 1);
}

/* 11 positives: round(2.75) + 1 = 4 of object 0, all 6 others, and one more. 4
 * positives: 2 of each, and 4 of those 8. */
Test(samplers, objects_that_lack_boxes_or_have_too_many)
{
    int often[N];
    DfBoxSampler s = { DF_SAMPLE_INSTANCE_BALANCED, DF_SAMPLE_RANDOM, .num = 11, .pos_fraction = 1, .neg_pos_ub = -1 };
    draws(&s, NULL, 11, 0, often);
    drawn(often, 0, 24, 5 / 24.0);
    drawn(often, 24, 30, 1);
    s.num = 4;
    draws(&s, NULL, 4, 0, often);
    drawn(often, 0, 24, 1 / 24.0);
    drawn(often, 24, 30, 0.5);
}

/* Overlaps of background: 0 to 0.29; the largest of all is 0.6, so ranges from 0.1 on are 0.1
 * .. 0.35 .. 0.6. A fifth of 10 is from below 0.1; of the 8 others 4 are from the first range,
 * and since the second is empty 4 more from all. */
Test(samplers, overlaps_are_alike)
{
    int often[N];
    DfBoxSampler s = { DF_SAMPLE_RANDOM, DF_SAMPLE_IOU_BALANCED, .num = 20, .pos_fraction = 0.5, .neg_pos_ub = -1,
                    .floor_thr = 0.1, .floor_fraction = 0.2, .num_bins = 2 };
    draws(&s, NULL, 10, 10, often);
    drawn(often, 30, 40, 2 / 10.0);
    drawn(often, 40, 60, 8 / 20.0);
    s.floor_thr = -1; /* ranges 0 .. 0.2 .. 0.4: 4 each */
    s.num_bins = 3;
    s.floor_fraction = 0;
    s.num = 18;
    draws(&s, NULL, 9, 9, often);
    drawn(often, 30, 50, (3 + 3 * 17 / 24.0) / 20.0);
}

Test(samplers, the_hardest)
{
    int often[N];
    float loss[N];
    for (int i = 0; i < N; i++)
        loss[i] = (float)((i * 7) % 30);
    draws(&(DfBoxSampler){ DF_SAMPLE_HARD, DF_SAMPLE_HARD, .num = 8, .pos_fraction = 0.5, .neg_pos_ub = -1 }, loss, 4, 4, often);
    for (int i = 0; i < N; i++)
        cr_expect_eq(often[i], loss[i] >= 26 ? DRAWS : 0, "box %d", i);
}

Test(samplers, nothing)
{
    DfBoxSample got;
    DfRandom random = df_random(1, 1);
    const DfBoxSampler s = { DF_SAMPLE_RANDOM, DF_SAMPLE_RANDOM, .num = 8, .pos_fraction = 0.5, .neg_pos_ub = 0 };
    cr_assert_eq(df_sample_boxes(&s, 0, NULL, NULL, NULL, &random, &got), DF_OK);
    cr_expect(got.n_positive == 0 && got.n_negative == 0);
    df_box_sample_done(&got);
}

Test(samplers, no_memory)
{
    Boxes b = some_boxes();
    DfRandom random = df_random(1, 1);
    const DfBoxSampler s = { DF_SAMPLE_HARD, DF_SAMPLE_HARD, .num = 8, .pos_fraction = 0.5, .neg_pos_ub = -1 };
    const size_t before = df_memory().now;
    for (size_t n = 1; n < 8; n++) {
        DfBoxSample got;
        df_memory_fail_at(n, false);
        const int error = df_sample_boxes(&s, N, b.object, b.overlap, b.overlap, &random, &got);
        df_memory_fail_at(0, false);
        cr_expect_eq(error, DF_ENOMEM);
        df_box_sample_done(&got);
        cr_expect_eq(df_memory().now, before);
    }
    boxes_done(&b);
}
