/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/eval/test_matcher.c -- which object a detection finds: the rules of pycocotools one by one, on cases small
 * enough to be answered by hand; TIDE's rule for equal overlaps; and random images against evaluateImg() written out.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval/matcher.h"

enum { FP = FALSE_POSITIVE, TP = TRUE_POSITIVE, IG = IGNORED };

typedef struct {
    double area;
    bool crowd, id_is_zero;
} Object;

/* Two area ranges and two thresholds. */
static const DfAreaRange ranges[] = { { "all", 0, 1e10 }, { "small", 0, 100 } };
static const double thresholds[] = { 0.5, 0.75 };
static const DfCocoParams two_by_two = { .n_ious = 2, .n_areas = 2, .ious = thresholds, .areas = ranges };

static Matcher begin(const DfCocoParams *p, const Object *objects, size_t n)
{
    void *memory = df_malloc(df_matcher_bytes(p, n));
    Matcher m = df_matcher_begin(p, n, memory);
    for (size_t g = 0; g < n; g++)
        df_matcher_object(&m, g, objects[g].area, objects[g].crowd, objects[g].id_is_zero);
    return m;
}

static void end(Matcher *m)
{
    df_free(m->overlap); /* the start of its memory */
}

/* The next detection: of this area and these overlaps, it becomes at [all, small][0.5, 0.75] what is wanted. */
static void expect(Matcher *m, double area, const double *overlap, const uint8_t wanted[4])
{
    uint8_t outcome[4];
    memcpy(m->overlap, overlap, m->n * sizeof *overlap);
    df_matcher_detection(m, area, outcome);
    for (int i = 0; i < 4; i++)
        cr_expect_eq(outcome[i], wanted[i], "%s at %g: %d, want %d", ranges[i / 2].name, thresholds[i % 2], outcome[i], wanted[i]);
}

#define OVERLAPS(...) (const double[]){ __VA_ARGS__ }
#define WANT(...) (const uint8_t[4]){ __VA_ARGS__ }

/* ---- one choice -------------------------------------------------------------------------------------------------- */

Test(matcher, the_largest_overlap_wins_if_it_reaches_the_threshold)
{
    static const double overlap[] = { 0.4, 0.7, 0.6, 0.9 };
    static const uint32_t listed[] = { 0, 1, 2 };
    cr_expect_eq(df_largest_overlap(overlap, listed, 3, 0.5, LAST_OF_EQUAL), 1);
    cr_expect_eq(df_largest_overlap(overlap, listed, 3, 0.7, LAST_OF_EQUAL), 1, "an overlap equal to the threshold reaches it");
    cr_expect_eq(df_largest_overlap(overlap, listed, 3, 0.7, FIRST_OF_EQUAL), 1, "an overlap equal to the threshold reaches it");
    cr_expect_eq(df_largest_overlap(overlap, listed, 3, 0.71, LAST_OF_EQUAL), NO_MATCH);
    cr_expect_eq(df_largest_overlap(overlap, listed, 0, 0, LAST_OF_EQUAL), NO_MATCH);
}

Test(matcher, of_equal_overlaps_pycocotools_takes_the_last_and_tide_the_first)
{
    static const double overlap[] = { 0.6, 0.8, 0.5, 0.8, 0.8 };
    static const uint32_t listed[] = { 0, 1, 2, 3 };
    cr_expect_eq(df_largest_overlap(overlap, listed, 4, 0.5, LAST_OF_EQUAL), 3);
    cr_expect_eq(df_largest_overlap(overlap, listed, 4, 0.5, FIRST_OF_EQUAL), 1);
}

Test(matcher, an_overlap_that_is_no_number)
{
    const double overlap[] = { 0.6, (double)NAN };
    static const uint32_t listed[] = { 0, 1 };
    cr_expect_eq(df_largest_overlap(overlap, listed, 2, 0.5, LAST_OF_EQUAL), 1, "nan < iou is false in pycocotools");
    cr_expect_eq(df_largest_overlap(overlap, listed, 2, 0.5, FIRST_OF_EQUAL), 0);
}

/* ---- pycocotools' rules ------------------------------------------------------------------------------------------- */

/* if gtm[tind, gind] > 0 and not iscrowd[gind]: continue */
Test(matcher, what_a_better_detection_took_is_gone)
{
    Matcher m = begin(&two_by_two, (Object[]){ { .area = 50 }, { .area = 50 } }, 2);
    expect(&m, 50, OVERLAPS(0.9, 0.8), WANT(TP, TP, TP, TP));
    expect(&m, 50, OVERLAPS(0.9, 0.6), WANT(TP, FP, TP, FP)); /* the second object, which it overlaps by 0.6 */
    expect(&m, 50, OVERLAPS(0.9, 0.8), WANT(FP, TP, FP, TP)); /* at 0.75 the second is still free              */
    end(&m);
}

Test(matcher, overlaps_below_the_threshold_find_nothing)
{
    Matcher m = begin(&two_by_two, (Object[]){ { .area = 50 } }, 1);
    expect(&m, 50, OVERLAPS(0.4999), WANT(FP, FP, FP, FP));
    expect(&m, 50, OVERLAPS(0.5), WANT(TP, FP, TP, FP));
    expect(&m, 50, OVERLAPS(0.75), WANT(FP, TP, FP, TP));
    end(&m);
}

/* iou = min([t, 1 - 1e-10]) */
Test(matcher, a_threshold_of_1_is_reached_by_what_rounds_below_it)
{
    static const double one[] = { 1, 1 };
    const DfCocoParams p = { .n_ious = 2, .n_areas = 2, .ious = one, .areas = ranges };
    Matcher m = begin(&p, (Object[]){ { .area = 50 }, { .area = 50 } }, 2);
    expect(&m, 50, OVERLAPS(1 - 1e-11, 0), WANT(TP, TP, TP, TP));
    expect(&m, 50, OVERLAPS(0, 1 - 1e-9), WANT(FP, FP, FP, FP));
    end(&m);
}

/* gt are sorted by _ignore; if m > -1 and gtIg[m] == 0 and gtIg[gind] == 1: break */
Test(matcher, an_ignored_object_is_taken_only_if_none_that_counts_is)
{
    Matcher m = begin(&two_by_two, (Object[]){ { .area = 500, .crowd = true }, { .area = 50 } }, 2);
    expect(&m, 50, OVERLAPS(1, 0.6), WANT(TP, IG, TP, IG)); /* 0.6 counts at 0.5; at 0.75 only the crowd is left */
    expect(&m, 50, OVERLAPS(1, 0.6), WANT(IG, IG, IG, IG));
    end(&m);
}

/* ... and not iscrowd[gind] */
Test(matcher, a_crowd_is_never_used_up_but_another_ignored_object_is)
{
    Matcher crowd = begin(&two_by_two, (Object[]){ { .area = 50, .crowd = true } }, 1);
    for (int i = 0; i < 3; i++)
        expect(&crowd, 50, OVERLAPS(0.8), WANT(IG, IG, IG, IG));
    end(&crowd);
    Matcher large = begin(&two_by_two, (Object[]){ { .area = 500 } }, 1);
    expect(&large, 50, OVERLAPS(0.8), WANT(TP, TP, IG, IG));
    expect(&large, 50, OVERLAPS(0.8), WANT(FP, FP, FP, FP));
    end(&large);
}

/* dtIg = np.logical_or(dtIg, np.logical_and(dtm == 0, a)) */
Test(matcher, a_detection_outside_of_the_range_is_ignored_unless_it_finds_something)
{
    Matcher m = begin(&two_by_two, (Object[]){ { .area = 50 } }, 1);
    expect(&m, 500, OVERLAPS(0.2), WANT(FP, FP, IG, IG));
    expect(&m, 500, OVERLAPS(0.6), WANT(TP, FP, TP, IG));
    end(&m);
}

Test(matcher, the_ends_of_a_range_belong_to_it)
{
    Matcher m = begin(&two_by_two, (Object[]){ { .area = 100 }, { .area = 100.5 } }, 2);
    expect(&m, 100, OVERLAPS(0.8, 0), WANT(TP, TP, TP, TP));
    expect(&m, 100, OVERLAPS(0, 0.8), WANT(TP, TP, IG, IG));
    end(&m);
}

/* dtm[tind, dind] = gt[m]['id'], and dtm == 0 is "not matched" */
Test(matcher, an_object_whose_id_is_0_is_taken_and_not_found)
{
    Matcher m = begin(&two_by_two, (Object[]){ { .area = 50, .id_is_zero = true } }, 1);
    expect(&m, 50, OVERLAPS(0.6), WANT(FP, FP, FP, FP));
    expect(&m, 500, OVERLAPS(0.8), WANT(FP, FP, IG, IG));
    cr_expect(m.taken[0] && m.taken[1] && m.taken[2] && m.taken[3]);
    end(&m);
}

Test(matcher, nothing_to_be_found)
{
    Matcher m = begin(&two_by_two, NULL, 0);
    expect(&m, 500, OVERLAPS(0), WANT(FP, FP, IG, IG));
    end(&m);
}

/* ---- against evaluateImg(), written out --------------------------------------------------------------------------- */

enum { MOST = 8, DETECTIONS = 12 };

/* One area range and threshold. Ids of objects are 1, 2, .. in the order of the file unless they are 0. */
static void evaluate_img(const Object *objects, size_t n, double (*ious)[MOST], const double *areas, const DfAreaRange *range, double t,
                         uint8_t *out)
{
    size_t gt[MOST]; /* mergesort by _ignore */
    bool gt_ignore[MOST] = { false }, gtm[MOST] = { false };
    size_t sorted = 0;
    for (int ignore = 0; ignore < 2; ignore++)
        for (size_t g = 0; g < n; g++)
            if ((objects[g].crowd || objects[g].area < range->low || objects[g].area > range->high) == ignore) {
                gt_ignore[sorted] = ignore;
                gt[sorted++] = g;
            }
    for (size_t d = 0; d < DETECTIONS; d++) {
        double iou = fmin(t, 1 - 1e-10);
        int m = -1;
        for (size_t g = 0; g < n; g++) {
            if (gtm[g] && !objects[gt[g]].crowd)
                continue;
            if (m > -1 && !gt_ignore[m] && gt_ignore[g])
                break;
            if (ious[d][gt[g]] < iou)
                continue;
            iou = ious[d][gt[g]];
            m = (int)g;
        }
        const bool outside = areas[d] < range->low || areas[d] > range->high;
        const bool unmatched = m == -1 || objects[gt[m]].id_is_zero;
        const bool ignored = (m > -1 && gt_ignore[m]) || (unmatched && outside);
        if (m > -1)
            gtm[m] = true;
        out[d] = ignored ? IG : unmatched ? FP : TP;
    }
}

Test(matcher, random_images_are_matched_as_pycocotools_matches_them)
{
    DfRandom r = df_random(7, 0);
    for (int image = 0; image < 3000; image++) {
        Object objects[MOST];
        double ious[DETECTIONS][MOST], areas[DETECTIONS];
        uint8_t outcome[DETECTIONS][4];
        const size_t n = (size_t)(df_uniform(&r) * (MOST + 0.99));
        for (size_t g = 0; g < n; g++)
            objects[g] = (Object){ df_uniform(&r) * 200, df_uniform(&r) < 0.2, df_uniform(&r) < 0.1 };
        Matcher m = begin(&two_by_two, objects, n);
        for (size_t d = 0; d < DETECTIONS; d++) {
            areas[d] = df_uniform(&r) * 200;
            for (size_t g = 0; g < n; g++)
                m.overlap[g] = ious[d][g] = floor(df_uniform(&r) * 21) / 20; /* many are equal */
            df_matcher_detection(&m, areas[d], outcome[d]);
        }
        for (int i = 0; i < 4; i++) {
            uint8_t wanted[DETECTIONS];
            evaluate_img(objects, n, ious, areas, &ranges[i / 2], thresholds[i % 2], wanted);
            for (size_t d = 0; d < DETECTIONS; d++)
                cr_assert_eq(outcome[d][i], wanted[d], "image %d, detection %zu: %d, want %d", image, d, outcome[d][i], wanted[d]);
        }
        end(&m);
    }
}
