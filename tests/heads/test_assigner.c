/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/heads/test_assigner.c -- which anchors count and which object they are
 * examples of, against mmdet 3.3: every decision equal.
 */
#include <criterion/criterion.h>
#include <math.h>

#include "heads/heads.h"
#include "tests/support/cases.h"

/* ---- MaxIoUAssigner ----------------------------------------------------------------------------------------------------- */

static DfMaxIou rule_of(const DfNode *options)
{
    const DfNode *negative = df_node_get(options, "neg_iou_thr");
    const bool interval = negative->kind == DF_NODE_LIST;
    return (DfMaxIou){
        .pos_iou_thr = df_node_number(df_node_get(options, "pos_iou_thr"), NAN),
        .neg_iou_lo = interval ? df_node_number(negative->first, NAN) : 0,
        .neg_iou_hi = df_node_number(interval ? negative->first->next : negative, NAN),
        .match_low_quality = df_node_bool(df_node_get(options, "match_low_quality"), true),
        .min_pos_iou = df_node_number(df_node_get(options, "min_pos_iou"), 0),
        .gt_max_assign_all = df_node_bool(df_node_get(options, "gt_max_assign_all"), true),
        .ignore_iof_thr = df_node_number(df_node_get(options, "ignore_iof_thr"), -1),
        .ignore_wrt_candidates = df_node_bool(df_node_get(options, "ignore_wrt_candidates"), true),
    };
}

/* mmdet counts objects from 1, background is 0, and -1 is neither. */
static int as_mmdet(int object)
{
    if (object == DF_BACKGROUND)
        return 0;
    return object == DF_NEITHER ? -1 : object + 1;
}

static void one_assignment(const Cases *cases, int i, const DfNode *options)
{
    const DfMaxIou rule = rule_of(options);
    size_t n, m, n_ignored;
    float *boxes = case_f32(cases, i, "priors", &n);
    float *objects = case_f32(cases, i, "gt_bboxes", &m);
    float *ignored = case_f32(cases, i, "gt_bboxes_ignore", &n_ignored);
    int *want = case_int(cases, i, "out.gt_inds", NULL);
    int *of = df_malloc((n + 1) * sizeof *of);
    float *overlap = df_malloc((n + 1) * sizeof *overlap);
    cr_assert_eq(df_assign(&rule, n, boxes, m, objects, n_ignored, ignored, of, overlap), DF_OK, "%s", df_error());
    for (size_t k = 0; k < n; k++)
        cr_expect_eq(as_mmdet(of[k]), want[k], "case %d, box %zu: %d for %d", i, k, as_mmdet(of[k]), want[k]);
    cr_expect_eq(max_abs_over_max(overlap, case_array(cases, i, "out.max_overlaps")), 0, "case %d: overlaps", i);
    df_free(boxes);
    df_free(objects);
    df_free(ignored);
    df_free(want);
    df_free(of);
    df_free(overlap);
}

Test(assigner, official)
{
    Cases cases = cases_open("max_iou_assigner");
    int n = 0;
    for (const DfNode *options = cases.options; options; options = options->next)
        one_assignment(&cases, n++, options);
    cr_expect_geq(n, 30);
    cases_close(&cases);
}

/* ---- anchors that count ------------------------------------------------------------------------------------------------- */

static int numbers_of(const DfNode *list, int *out)
{
    int n = 0;
    for (const DfNode *item = list ? list->first : NULL; item; item = item->next)
        out[n++] = (int)df_node_int(item, -1);
    return n;
}

static DfAnchors anchors_of(const DfNode *options)
{
    const DfNode *g = df_node_get(options, "anchor_generator");
    const double scale = df_node_number(df_node_get(g, "scales")->first, NAN);
    double ratios[8];
    int strides[8], n_ratios = 0;
    for (const DfNode *item = df_node_get(g, "ratios")->first; item; item = item->next)
        ratios[n_ratios++] = df_node_number(item, NAN);
    const DfAnchorOptions o = {
        .levels = numbers_of(df_node_get(g, "strides"), strides),
        .strides_w = strides,
        .ratios = { .n = n_ratios, .v = ratios },
        .scales = { .n = 1, .v = &scale },
        .scale_major = true,
        .center_offset = df_node_number(df_node_get(g, "center_offset"), 0),
    };
    DfAnchors anchors;
    cr_assert_eq(df_anchors_init(&anchors, &o), DF_OK, "%s", df_error());
    return anchors;
}

static void one_image(const Cases *cases, int i, const DfNode *options)
{
    DfAnchors anchors = anchors_of(options);
    int image[2], pad[2];
    numbers_of(df_node_get(options, "img_shape"), image);
    numbers_of(df_node_get(options, "pad_shape"), pad);
    const double border = df_node_number(df_node_get(options, "allowed_border"), NAN);
    int *valid = case_int(cases, i, "out.valid", NULL), *inside = case_int(cases, i, "out.inside", NULL);
    const DfNode *size = df_node_get(options, "featmap_sizes")->first;
    size_t before = 0;
    for (int level = 0; level < anchors.levels; level++, size = size->next) {
        int map[2];
        numbers_of(size, map);
        const size_t n = (size_t)map[0] * (size_t)map[1] * (size_t)anchors.per_cell;
        float *boxes = df_malloc(4 * n * sizeof *boxes);
        bool *flag = df_malloc(n);
        df_anchors_grid(&anchors, level, map[0], map[1], boxes);
        df_anchors_valid(&anchors, level, map[0], map[1], pad[0], pad[1], flag);
        for (size_t k = 0; k < n; k++)
            cr_expect_eq(flag[k], valid[before + k], "case %d, level %d: valid %zu", i, level, k);
        df_anchors_inside(n, boxes, image[0], image[1], border, flag);
        for (size_t k = 0; k < n; k++)
            cr_expect_eq(flag[k], inside[before + k], "case %d, level %d: inside %zu", i, level, k);
        before += n;
        df_free(boxes);
        df_free(flag);
    }
    df_free(valid);
    df_free(inside);
    df_anchors_done(&anchors);
}

Test(anchors, that_count)
{
    Cases cases = cases_open("anchor_flags");
    int n = 0;
    for (const DfNode *options = cases.options; options; options = options->next)
        one_image(&cases, n++, options);
    cr_expect_geq(n, 8);
    cases_close(&cases);
}

/* ---- edges -------------------------------------------------------------------------------------------------------------- */

Test(assigner, nothing_there)
{
    const DfMaxIou rule = { .pos_iou_thr = 0.5, .neg_iou_hi = 0.4, .match_low_quality = true, .gt_max_assign_all = true };
    const float box[4] = { 0, 0, 10, 10 };
    int of = 7;
    float overlap = 7;
    cr_expect_eq(df_assign(&rule, 0, NULL, 1, box, 0, NULL, NULL, NULL), DF_OK);
    cr_expect_eq(df_assign(&rule, 1, box, 0, NULL, 0, NULL, &of, &overlap), DF_OK);
    cr_expect_eq(of, DF_BACKGROUND);
    cr_expect_eq(overlap, 0);
}

Test(assigner, no_memory)
{
    const DfMaxIou rule = { .pos_iou_thr = 0.5, .neg_iou_hi = 0.4 };
    const float box[4] = { 0, 0, 10, 10 };
    int of;
    float overlap;
    df_memory_fail_at(1, false);
    cr_expect_eq(df_assign(&rule, 1, box, 1, box, 0, NULL, &of, &overlap), DF_ENOMEM);
    df_memory_fail_at(0, false);
}
