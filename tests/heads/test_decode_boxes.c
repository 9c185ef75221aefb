/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/heads/test_decode_boxes.c -- boxes from deltas and their gradients, and deltas from boxes, against mmdet 3.3 in
 * float64.
 */
#include <criterion/criterion.h>
#include <math.h>

#include "heads/decode_boxes.h"
#include "tests/support/cases.h"

static DfDeltaCoder coder_of(const DfNode *options)
{
    DfDeltaCoder coder = df_delta_coder();
    const DfNode *mean = df_node_get(options, "target_means")->first, *std = df_node_get(options, "target_stds")->first;
    for (int i = 0; i < 4; i++, mean = mean->next, std = std->next) {
        coder.means[i] = df_node_number(mean, NAN);
        coder.stds[i] = df_node_number(std, NAN);
    }
    coder.add_ctr_clamp = df_node_bool(df_node_get(options, "add_ctr_clamp"), false);
    coder.ctr_clamp = (int)df_node_int(df_node_get(options, "ctr_clamp"), 32);
    return coder;
}

static void one_case(const Cases *cases, int i, const DfNode *options)
{
    DfCtx *c;
    size_t n;
    const DfDeltaCoder coder = coder_of(options);
    float *boxes = case_f32(cases, i, "priors", &n), *objects = case_f32(cases, i, "gt_bboxes", NULL);
    float *deltas = case_f32(cases, i, "deltas", NULL), *seed = case_f32(cases, i, "out.gradout", NULL);
    float *encoded = df_malloc(4 * n * sizeof *encoded);
    df_delta_encode(&coder, n, boxes, objects, encoded);
    cr_expect(max_abs_over_max(encoded, case_array(cases, i, "out.encoded")) < 2e-6, "case %d", i);
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    c->recording = true;
    DfTensor *x = df_borrow(c, DF_SHAPE((int)n, 4), deltas);
    x->wants_grad = true;
    DfTensor *y = df_decode_boxes(c, &coder, x, boxes);
    df_backward(c, y, seed);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    cr_expect(max_abs_over_max(y->data, case_array(cases, i, "out.decoded")) < 1e-6, "case %d", i);
    cr_expect(max_abs_over_max(x->grad, case_array(cases, i, "out.grad_deltas")) < 1e-6, "case %d", i);
    df_ctx_free(c);
    df_free(boxes);
    df_free(objects);
    df_free(deltas);
    df_free(seed);
    df_free(encoded);
}

Test(decode_boxes, official)
{
    Cases cases = cases_open("delta_coder");
    int n = 0;
    for (const DfNode *options = cases.options; options; options = options->next)
        one_case(&cases, n++, options);
    cr_expect_geq(n, 10);
    cases_close(&cases);
}
