/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/heads/test_set_criterion.c -- assignments against SciPy, matchings, losses and
 * gradients against the official Deformable DETR.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

#include "heads/heads.h"
#include "tests/support/cases.h"
#include "tests/support/golden.h"

#define CASES DF_TEST_DATA "/matching"

static DfCheckpoint *open_cases(const char *name)
{
    DfCheckpoint *g = golden_open(CASES "/%s.safetensors", name);
    cr_assert_not_null(g, "%s is missing", name);
    return g;
}

static DfConfig *config_of(const char *name)
{
    DfConfig *config = NULL;
    char path[1024];
    snprintf(path, sizeof path, CASES "/%s.json", name);
    cr_assert_eq(df_config_read(&config, path, NULL, 0), DF_OK, "%s", df_error());
    return config;
}

Test(assignment, scipy)
{
    DfCheckpoint *g = open_cases("linear_sum_assignment");
    DfConfig *config = config_of("linear_sum_assignment");
    int k = 0;
    for (const DfNode *one = df_node_get(df_config_root(config), "cases")->first; one; one = one->next, k++) {
        char name[32];
        snprintf(name, sizeof name, "c%02d_cost", k);
        const DfArray *a = golden_get(g, name);
        const size_t rows = (size_t)a->shape[0], columns = (size_t)a->shape[1];
        double *cost = df_malloc((rows * columns + 1) * sizeof *cost);
        int *of = df_malloc((rows + 1) * sizeof *of);
        df_array_f64(a, cost);
        cr_assert_eq(df_linear_assignment(rows, columns, cost, of), DF_OK, "%s: %s", name, df_error());
        double total = 0, want = df_node_number(df_node_get(one, "total"), NAN);
        for (size_t i = 0; i < rows; i++)
            total += of[i] >= 0 ? cost[i * columns + (size_t)of[i]] : 0;
        cr_expect_leq(fabs(total - want), 1e-12 * (1 + fabs(want)), "%s: %.17g for %.17g", name, total, want);
        snprintf(name, sizeof name, "c%02d_row", k);
        int64_t *row = golden_i64(g, name);
        const int64_t n = golden_get(g, name)->shape[0];
        snprintf(name, sizeof name, "c%02d_col", k);
        int64_t *column = golden_i64(g, name);
        for (int64_t i = 0; i < n; i++) /* SciPy's choice among equally good ones, too */
            cr_expect_eq(of[row[i]], column[i], "%s: row %d", name, (int)row[i]);
        df_free(row);
        df_free(column);
        df_free(cost);
        df_free(of);
    }
    df_config_free(config);
    golden_close(g);
}

static int *labels_of(const DfCheckpoint *g, const char *name, size_t *n)
{
    *n = (size_t)golden_get(g, name)->shape[0];
    int64_t *wide = golden_i64(g, name);
    int *labels = df_malloc((*n + 1) * sizeof *labels);
    for (size_t i = 0; i < *n; i++)
        labels[i] = (int)wide[i];
    df_free(wide);
    return labels;
}

/* Pairs (source, target) in order of the source against target_of_query. */
static void same_pairs(const DfCheckpoint *g, const char *source_name, const char *target_name, const int *target_of_query, size_t queries)
{
    int64_t *source = golden_i64(g, source_name), *target = golden_i64(g, target_name);
    const size_t n = (size_t)golden_get(g, source_name)->shape[0];
    size_t matched = 0;
    for (size_t q = 0; q < queries; q++)
        matched += target_of_query[q] >= 0;
    cr_expect_eq(matched, n, "%s: %zu pairs for %zu", source_name, matched, n);
    for (size_t i = 0; i < n; i++)
        cr_expect_eq(target_of_query[source[i]], target[i], "%s: pair %zu", source_name, i);
    df_free(source);
    df_free(target);
}

Test(matcher, official)
{
    DfCheckpoint *g = open_cases("hungarian_matcher");
    DfConfig *config = config_of("hungarian_matcher");
    int k = 0;
    for (const DfNode *one = df_node_get(df_config_root(config), "cases")->first; one; one = one->next, k++) {
        DfSetMatcher m = df_set_matcher();
        m.cost_class = df_node_number(df_node_get(one, "cost_class"), 0);
        m.cost_bbox = df_node_number(df_node_get(one, "cost_bbox"), 0);
        m.cost_giou = df_node_number(df_node_get(one, "cost_giou"), 0);
        char name[8][48];
        snprintf(name[0], sizeof *name, "c%02d_pred_logits", k);
        snprintf(name[1], sizeof *name, "c%02d_pred_boxes", k);
        const DfArray *shape = golden_get(g, name[0]);
        const size_t queries = (size_t)shape->shape[1];
        const int classes = (int)shape->shape[2];
        float *logits = golden_f32(g, name[0]), *boxes = golden_f32(g, name[1]);
        for (int b = 0; b < (int)shape->shape[0]; b++) {
            snprintf(name[2], sizeof *name, "c%02d_tgt_labels_%d", k, b);
            snprintf(name[3], sizeof *name, "c%02d_tgt_boxes_%d", k, b);
            snprintf(name[4], sizeof *name, "c%02d_cost_%d", k, b);
            snprintf(name[5], sizeof *name, "c%02d_src_idx_%d", k, b);
            snprintf(name[6], sizeof *name, "c%02d_tgt_idx_%d", k, b);
            size_t n;
            int *labels = labels_of(g, name[2], &n), *of = df_malloc((queries + 1) * sizeof *of);
            float *targets = golden_f32(g, name[3]), *cost = df_malloc((queries * n + 1) * sizeof *cost);
            const float *l = logits + (size_t)b * queries * (size_t)classes, *x = boxes + (size_t)b * queries * 4;
            df_set_costs(&m, queries, classes, l, x, n, labels, targets, cost);
            if (n)
                cr_expect_leq(max_abs_over_max(cost, golden_get(g, name[4])), 2e-6, "%s: %g", name[4], max_abs_over_max(cost, golden_get(g, name[4])));
            cr_assert_eq(df_set_match(&m, queries, classes, l, x, n, labels, targets, of), DF_OK, "%s", df_error());
            same_pairs(g, name[5], name[6], of, queries);
            df_free(labels);
            df_free(of);
            df_free(targets);
            df_free(cost);
        }
        df_free(logits);
        df_free(boxes);
    }
    df_config_free(config);
    golden_close(g);
}

/* ---- mmdet's assigner: costs of its configs --------------------------------------------------------------------------- */

static const DfNode *cost_of(const DfNode *options, const char *type)
{
    for (const DfNode *one = df_node_get(options, "match_costs")->first; one; one = one->next)
        if (strcmp(df_node_text(df_node_get(one, "type"), ""), type) == 0)
            return one;
    return NULL;
}

static DfSetMatcher matcher_of(const DfNode *options)
{
    const DfNode *iou = cost_of(options, "IoUCost"), *focal = cost_of(options, "FocalLossCost");
    DfSetMatcher m = df_set_matcher();
    m.softmax = !focal;
    m.eps = 1e-12;
    m.cost_class = df_node_number(df_node_get(focal ? focal : cost_of(options, "ClassificationCost"), "weight"), 0);
    m.cost_bbox = df_node_number(df_node_get(cost_of(options, "BBoxL1Cost"), "weight"), 0);
    m.cost_giou = df_node_number(df_node_get(iou, "weight"), 0);
    m.plain_iou = strcmp(df_node_text(df_node_get(iou, "iou_mode"), ""), "iou") == 0;
    return m;
}

/* x1 y1 x2 y2 in pixels become shares of the image, cx cy w h. */
static void make_relative(float *boxes, size_t n, const DfNode *img_shape)
{
    const float h = (float)df_node_number(img_shape->first, 0), w = (float)df_node_number(img_shape->first->next, 0);
    for (size_t i = 0; i < n; i++) {
        float *b = boxes + 4 * i;
        const float x1 = b[0] / w, y1 = b[1] / h, x2 = b[2] / w, y2 = b[3] / h;
        b[0] = (x1 + x2) / 2;
        b[1] = (y1 + y2) / 2;
        b[2] = x2 - x1;
        b[3] = y2 - y1;
    }
}

static void check_assigner(const Cases *cases, int i, const DfNode *options)
{
    size_t queries, n;
    float *logits = case_f32(cases, i, "scores", &queries), *boxes = case_f32(cases, i, "bboxes", NULL);
    float *objects = case_f32(cases, i, "gt_bboxes", &n);
    int *labels = case_int(cases, i, "gt_labels", NULL), *wanted = case_int(cases, i, "out.gt_inds", NULL);
    const int classes = (int)case_array(cases, i, "scores")->shape[1];
    const DfSetMatcher m = matcher_of(options);
    float *cost = df_malloc((queries * n + 1) * sizeof *cost);
    int *of = df_malloc((queries + 1) * sizeof *of);
    make_relative(boxes, queries, df_node_get(options, "img_shape"));
    make_relative(objects, n, df_node_get(options, "img_shape"));
    df_set_costs(&m, queries, classes, logits, boxes, n, labels, objects, cost);
    if (n) /* the witness is float64; costs are float32, in which 1 - p of p = 0.999 has four digits less than p */
        cr_expect_leq(max_abs_over_max(cost, case_array(cases, i, "out.cost")), 2e-5, "case %d: costs are off by %g", i, max_abs_over_max(cost, case_array(cases, i, "out.cost")));
    cr_assert_eq(df_set_match(&m, queries, classes, logits, boxes, n, labels, objects, of), DF_OK, "%s", df_error());
    for (size_t q = 0; q < queries; q++)
        cr_expect_eq(of[q] + 1, wanted[q], "case %d, query %zu: %d, want %d", i, q, of[q] + 1, wanted[q]);
    void *const all[] = { logits, boxes, objects, labels, wanted, cost, of };
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        df_free(all[k]);
}

Test(matcher, mmdet)
{
    Cases cases = cases_open("hungarian");
    int i = 0;
    for (const DfNode *options = cases.options; options; options = options->next, i++)
        check_assigner(&cases, i, options);
    cr_expect_geq(i, 20);
    cases_close(&cases);
}

/* ---- losses and gradients --------------------------------------------------------------------------------------------- */

static DfTensor *input(DfCtx *c, const DfCheckpoint *g, const char *name)
{
    const DfArray *a = golden_get(g, name);
    float *data = golden_f32(g, name);
    DfTensor *x = df_from(c, DF_SHAPE((int)a->shape[0], (int)a->shape[1], (int)a->shape[2]), data);
    x->wants_grad = true;
    df_free(data);
    return x;
}

static void same_number(const DfCheckpoint *g, const char *stem, const char *tail, float got)
{
    char name[64];
    snprintf(name, sizeof name, "loss:%s%s", stem, tail);
    cr_expect_leq(max_abs_over_max(&got, golden_get(g, name)), 1e-6, "%s: %g", name, (double)got);
}

/* One layer's losses: `stem` of its tensors ("pred", "aux_0", "enc") and `tail` of its losses ("", "_0", "_enc"). */
typedef struct {
    DfTensor *logits, *boxes;
    DfSetLosses losses;
} Layer;

static Layer layer(DfCtx *c, const DfCheckpoint *g, const DfAnnotations *targets, const char *stem, const char *tail)
{
    char name[2][64];
    snprintf(name[0], 64, "%s_logits", stem);
    snprintf(name[1], 64, "%s_boxes", stem);
    Layer l = { input(c, g, name[0]), input(c, g, name[1]), { 0 } };
    const DfSetCriterion k = df_set_criterion();
    const DfLossBatch batch = { .n = 2, .objects = targets };
    df_set_losses(c, &k, l.logits, l.boxes, &batch, tail[0] == '_' && tail[1] == 'e', &l.losses);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    same_number(g, "loss_ce", tail, l.losses.ce->data[0]);
    same_number(g, "loss_bbox", tail, l.losses.bbox->data[0]);
    same_number(g, "loss_giou", tail, l.losses.giou->data[0]);
    same_number(g, "cardinality_error", tail, l.losses.cardinality_error);
    const size_t queries = (size_t)df_dim(l.logits, 1);
    for (int b = 0; b < 2; b++) {
        snprintf(name[0], 64, "match_%s_src_%d", stem, b);
        snprintf(name[1], 64, "match_%s_tgt_%d", stem, b);
        if (golden_has(g, name[0]))
            same_pairs(g, name[0], name[1], l.losses.target_of_query + (size_t)b * queries, queries);
    }
    return l;
}

static void same_gradients(const DfCheckpoint *g, const char *stem, const Layer *l)
{
    char name[2][64];
    snprintf(name[0], 64, "grad_%s_logits", stem);
    snprintf(name[1], 64, "grad_%s_boxes", stem);
    cr_expect_leq(rel_l2(l->logits->grad, golden_get(g, name[0])), 1e-6, "%s: %g", name[0], rel_l2(l->logits->grad, golden_get(g, name[0])));
    cr_expect_leq(rel_l2(l->boxes->grad, golden_get(g, name[1])), 1e-6, "%s: %g", name[1], rel_l2(l->boxes->grad, golden_get(g, name[1])));
}

static void check(const char *name)
{
    DfCheckpoint *g = open_cases(name);
    DfCtx *c = NULL;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    c->recording = true;
    DfAnnotations targets[2] = { { .unit = DF_BOXES_RELATIVE }, { .unit = DF_BOXES_RELATIVE } };
    int *labels[2];
    float *boxes[2];
    for (int b = 0; b < 2; b++) {
        labels[b] = labels_of(g, b ? "tgt_labels_1" : "tgt_labels_0", &targets[b].n);
        boxes[b] = golden_f32(g, b ? "tgt_boxes_1" : "tgt_boxes_0");
        targets[b].labels = labels[b];
        targets[b].boxes = boxes[b];
    }
    static const char *const stems[] = { "pred", "aux_0", "aux_1", "enc" }, *const tails[] = { "", "_0", "_1", "_enc" };
    const int n = golden_has(g, "enc_logits") ? 4 : 3;
    Layer layers[4];
    DfTensor *total = NULL;
    for (int i = 0; i < n; i++) {
        layers[i] = layer(c, g, targets, stems[i], tails[i]);
        total = total ? df_add(c, total, layers[i].losses.total) : layers[i].losses.total;
    }
    same_number(g, "class_error", "", layers[0].losses.class_error);
    same_number(g, "total", "", total->data[0]);
    df_backward(c, total, NULL);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    for (int i = 0; i < n; i++)
        same_gradients(g, stems[i], &layers[i]);
    for (int b = 0; b < 2; b++) {
        df_free(labels[b]);
        df_free(boxes[b]);
    }
    df_ctx_free(c);
    golden_close(g);
}

Test(set_criterion, one_stage) { check("set_criterion"); }
Test(set_criterion, two_stages) { check("set_criterion_two_stage"); }
