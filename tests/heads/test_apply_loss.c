/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/heads/test_apply_loss.c -- the losses of configs with all their options, beside the loss modules of mmdetection
 * 3.3 and mmsegmentation 1.2 in float64: values and gradients.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "heads/apply_loss.h"
#include "heads/heads.h"
#include "heads/pixel/pixel_loss.h"
#include "tests/support/golden.h"

/* Of float32: a result is a handful of operations, each rounded to 6e-8 of what goes in. Exponentials and powers of
 * probabilities lose what their arguments lose. */
static const double tolerance = 4e-6;

typedef struct {
    DfConfig *config;
    NnModel *model;
    DfCheckpoint *tensors;
    DfCtx *c;
    const DfNode *dict; /* lib, loss, call */
    LossCfg loss;
    int number;
} Case;

static const DfArray *array(const Case *k, const char *name)
{
    char key[64];
    snprintf(key, sizeof key, "c%d.%s", k->number, name);
    return df_checkpoint_find(k->tensors, key);
}

static float *floats(const Case *k, const char *name)
{
    char key[64];
    snprintf(key, sizeof key, "c%d.%s", k->number, name);
    return df_checkpoint_find(k->tensors, key) ? golden_f32(k->tensors, key) : NULL;
}

static int *labels(const Case *k, const char *name)
{
    char key[64];
    snprintf(key, sizeof key, "c%d.%s", k->number, name);
    if (!df_checkpoint_find(k->tensors, key))
        return NULL;
    const size_t n = (size_t)df_array_count(golden_get(k->tensors, key));
    int64_t *wide = golden_i64(k->tensors, key);
    int *label = df_malloc((n + 1) * sizeof *label);
    for (size_t i = 0; i < n; i++)
        label[i] = (int)wide[i];
    df_free(wide);
    return label;
}

static bool is(const DfNode *dict, const char *key, const char *text)
{
    return strcmp(df_node_text(df_node_get(dict, key), ""), text) == 0;
}

/* The loss as the call changes it. */
static void read_loss(Case *k)
{
    const DfNode *call = df_node_get(k->dict, "call");
    df_loss_cfg(nn_root(k->model), &k->loss, df_node_get(k->dict, "loss"), "loss");
    if (is(call, "reduction_override", "mean"))
        k->loss.reduction = REDUCE_MEAN;
    if (is(call, "reduction_override", "sum"))
        k->loss.reduction = REDUCE_SUM;
    if (is(call, "reduction_override", "none"))
        k->loss.reduction = REDUCE_NONE;
}

/* Maps as N H W C. Good until the next call. */
static const DfArray *turned_array(const Case *k, const char *name)
{
    static DfArray turned;
    const DfArray *a = array(k, name);
    if (!a || a->ndim != 4)
        return a;
    turned = golden_channels_last(a);
    return &turned;
}

static DfTensor *predictions(const Case *k)
{
    DfTensor *x = golden_tensor(k->c, turned_array(k, "pred"));
    x->wants_grad = true;
    return x;
}

/* ---- mmdetection ------------------------------------------------------------------------------------------------- */

static DfTensor *mmdet_loss(const Case *k, DfTensor *x)
{
    const DfNode *average = df_node_get(df_node_get(k->dict, "call"), "avg_factor");
    const bool classes = is(df_node_get(k->dict, "loss"), "type", "FocalLoss") ||
                         is(df_node_get(k->dict, "loss"), "type", "CrossEntropyLoss");
    const bool masks = array(k, "label") != NULL;
    int *label = labels(k, masks ? "label" : "target");
    float *target = classes && !masks ? NULL : floats(k, "target");
    float *weight = floats(k, "weight");
    const LossTargets t = {
        .label = label,
        .target = target,
        .weight = weight,
        .weight_each = weight && array(k, "weight")->ndim > 1,
        .averaged = average != NULL,
        .average = df_node_number(average, 0),
    };
    DfTensor *y;
    if (k->loss.reduction == REDUCE_NONE)
        y = df_loss_elements(k->c, &k->loss, x, &t);
    else
        y = df_loss_apply(k->c, &k->loss, x, &t);
    df_free(label);
    df_free(target);
    df_free(weight);
    return y;
}

/* ---- mmsegmentation ---------------------------------------------------------------------------------------------- */

static DfTensor *mmseg_loss(const Case *k, DfTensor *x)
{
    const DfNode *average = df_node_get(df_node_get(k->dict, "call"), "avg_factor");
    int *label = labels(k, "target");
    float *weight = floats(k, "weight");
    const PixelTargets t = {
        .label = label, .weight = weight, .ignore_index = 255, .averaged = average != NULL, .average = df_node_number(average, 0),
    };
    DfTensor *y;
    if (x->shape.n == 3) /* binary: N H W, without a channel */
        x = df_reshape(k->c, x, DF_SHAPE(df_dim(x, 0), df_dim(x, 1), df_dim(x, 2), 1));
    if (k->loss.reduction == REDUCE_NONE && k->loss.kind != LOSS_LOVASZ)
        y = df_pixel_loss_elements(k->c, &k->loss, x, &t);
    else
        y = df_pixel_loss(k->c, &k->loss, x, &t);
    df_free(label);
    df_free(weight);
    return y;
}

/* ---- all cases --------------------------------------------------------------------------------------------------- */

static void expect_near(const Case *k, const char *what, const float *got, size_t n, const DfArray *wanted)
{
    cr_assert_eq(n, (size_t)df_array_count(wanted), "case %d: %s has %zu numbers", k->number, what, n);
    const double worst = max_abs_over_max(got, wanted);
    cr_expect_leq(worst, tolerance, "case %d, %s: %s is off by %g", k->number, k->loss.type, what, worst);
}

static void check(Case *k)
{
    read_loss(k);
    cr_assert(df_ctx_new(&k->c, NULL) == DF_OK && !k->loss.problem, "%s", k->loss.problem);
    k->c->recording = true;
    DfTensor *x = predictions(k);
    DfTensor *y = is(k->dict, "lib", "mmdet") ? mmdet_loss(k, x) : mmseg_loss(k, x);
    cr_assert_eq(df_ctx_error(k->c), DF_OK, "case %d: %s", k->number, df_error());
    expect_near(k, "loss", y->data, df_size(y), turned_array(k, "out.loss"));
    const DfArray *seed = turned_array(k, "out.gradout");
    df_backward(k->c, y, seed ? golden_tensor(k->c, seed)->data : NULL);
    expect_near(k, "gradient", x->grad, df_size(x), turned_array(k, "out.grad_pred"));
    df_ctx_free(k->c);
}

static int check_all(const char *lib)
{
    Case k = { 0 };
    int n = 0;
    cr_assert_eq(df_config_read(&k.config, DF_TEST_DATA "/losses/losses.json", NULL, 0), DF_OK, "%s", df_error());
    cr_assert_eq(nn_model_new(&k.model), DF_OK);
    k.tensors = golden_open(DF_TEST_DATA "/losses/losses.safetensors");
    k.dict = df_node_get(df_config_root(k.config), "cases")->first;
    for (; k.dict; k.dict = k.dict->next, k.number++)
        if (is(k.dict, "lib", lib)) {
            check(&k);
            n++;
        }
    golden_close(k.tensors);
    nn_model_free(k.model);
    df_config_free(k.config);
    return n;
}

Test(apply_loss, mmdet)
{
    cr_expect_eq(check_all("mmdet"), 92);
}

Test(apply_loss, mmseg)
{
    cr_expect_eq(check_all("mmseg"), 40);
}

/* ---- which pixels count ------------------------------------------------------------------------------------------ */

static void check_sampler(Case *k)
{
    PixelSamplerCfg sampler = { .given = true, .thresh = df_node_number(df_node_get(k->dict, "thresh"), NAN),
                                .min_kept = (int)df_node_number(df_node_get(k->dict, "min_kept"), 0) };
    df_loss_cfg(nn_root(k->model), &k->loss, df_node_get(k->dict, "loss_kwargs"), "loss");
    cr_assert_eq(df_ctx_new(&k->c, NULL), DF_OK);
    DfTensor *x = golden_tensor(k->c, turned_array(k, "seg_logit"));
    int *label = labels(k, "seg_label");
    const PixelTargets t = { .label = label, .ignore_index = 255 };
    const size_t n = (size_t)df_array_count(array(k, "seg_label"));
    float *weight = df_malloc(n * sizeof *weight);
    df_pixel_sample_scores(k->c, &sampler, x, &t, &k->loss, 1, weight);
    cr_assert_eq(df_ctx_error(k->c), DF_OK, "%s", df_error());
    cr_expect_eq(max_abs_over_max(weight, array(k, "out.seg_weight")), 0, "case %d: other pixels", k->number);
    df_free(weight);
    df_free(label);
    df_ctx_free(k->c);
}

Test(apply_loss, pixel_sampler)
{
    Case k = { 0 };
    cr_assert_eq(df_config_read(&k.config, DF_TEST_DATA "/losses/ohem_pixel_sampler.json", NULL, 0), DF_OK, "%s", df_error());
    cr_assert_eq(nn_model_new(&k.model), DF_OK);
    k.tensors = golden_open(DF_TEST_DATA "/losses/ohem_pixel_sampler.safetensors");
    k.dict = df_node_get(df_config_root(k.config), "cases")->first;
    for (; k.dict; k.dict = k.dict->next, k.number++)
        check_sampler(&k);
    cr_expect_eq(k.number, 14);
    golden_close(k.tensors);
    nn_model_free(k.model);
    df_config_free(k.config);
}
