/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/heads/test_class_loss.c -- class losses of box heads, and the scores that become of their numbers, beside
 * mmdetection 3.3 in float64: SeesawLoss, CrossEntropyCustomLoss, cross entropy with sigmoids.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "heads/heads.h"
#include "heads/region/class_loss.h"
#include "heads/region/roi_regions.h"
#include "tests/support/golden.h"

enum { CLASSES = 5, ROWS = 12 };

/* Of float32: exponentials and a sum over a dozen rows. */
static const double tolerance = 2e-6;

typedef struct {
    const char *name;
    DfCheckpoint *golden;
    DfConfig *config;
    NnModel *model;
    DfCtx *c;
    ClassLoss loss;
    int labels[ROWS];
    float *weights;
} Case;

static char *key(const Case *k, const char *what)
{
    static char text[64];
    snprintf(text, sizeof text, "%s.%s", k->name, what);
    return text;
}

static void open(Case *k, const char *name, const char *loss)
{
    *k = (Case){ .name = name, .golden = golden_open(DF_TEST_DATA "/heads/class_losses.safetensors") };
    cr_assert_eq(df_config_parse(&k->config, loss, strlen(loss), name, true), DF_OK, "%s", df_error());
    cr_assert_eq(nn_model_new(&k->model), DF_OK);
    df_class_loss_init(nn_root(k->model), &k->loss, df_node_get(df_config_root(k->config), "loss"), CLASSES);
    cr_assert_eq(nn_model_error(k->model), DF_OK, "%s", df_error());
    cr_assert_eq(nn_model_init(k->model, 1), DF_OK, "%s", df_error());
    if (k->loss.seen) {
        float *seen = golden_f32(k->golden, key(k, "seen"));
        memcpy(k->loss.seen->data, seen, (CLASSES + 1) * sizeof *seen);
        df_free(seen);
    }
    int64_t *labels = golden_i64(k->golden, key(k, "labels"));
    for (int i = 0; i < ROWS; i++)
        k->labels[i] = (int)labels[i];
    df_free(labels);
    k->weights = golden_f32(k->golden, key(k, "weights"));
    cr_assert_eq(df_ctx_new(&k->c, NULL), DF_OK);
}

static void close(Case *k)
{
    df_ctx_free(k->c);
    df_free(k->weights);
    nn_model_free(k->model);
    df_config_free(k->config);
    golden_close(k->golden);
}

static void expect_figures(const Case *k, const DfLosses *losses)
{
    for (int i = 0; i < losses->n; i++) {
        float *want = golden_f32(k->golden, key(k, losses->v[i].name));
        const float got = losses->v[i].loss ? losses->v[i].loss->data[0] : losses->v[i].figure;
        cr_expect(fabsf(got - *want) <= (float)tolerance * fmaxf(1, fabsf(*want)), "%s.%s: %.9g, want %.9g", k->name, losses->v[i].name,
                  (double)got, (double)*want);
        df_free(want);
    }
}

static void expect_losses(Case *k, int n)
{
    const DfRegionTargets targets = { .n = ROWS, .labels = k->labels, .weights = k->weights };
    DfTensor *x = golden_tensor(k->c, golden_get(k->golden, key(k, "scores")));
    DfLosses losses = { 0 };
    k->c->recording = true;
    x->wants_grad = true;
    df_class_loss_learn(k->c, &k->loss, x, &targets, &losses);
    cr_assert_eq(df_ctx_error(k->c), DF_OK, "%s", df_error());
    cr_expect_eq(losses.n, n, "%s: %d", k->name, losses.n);
    DfTensor *sum = NULL;
    for (int i = 0; i < losses.n; i++)
        if (losses.v[i].loss)
            sum = sum ? df_add(k->c, sum, losses.v[i].loss) : losses.v[i].loss;
    df_backward(k->c, sum, NULL);
    cr_assert_eq(df_ctx_error(k->c), DF_OK, "%s", df_error());
    expect_figures(k, &losses);
    const double far = max_abs_over_max(x->grad, golden_get(k->golden, key(k, "gradient")));
    cr_expect(far <= tolerance, "%s: gradient %g", k->name, far);
    cr_expect_eq(df_apply_statistics(k->c), k->loss.seen != NULL);
    if (k->loss.seen)
        cr_expect(max_abs_over_max(k->loss.seen->data, golden_get(k->golden, key(k, "seen_after"))) <= 0, "%s", k->name);
}

static void expect_scores(Case *k)
{
    int first[2] = { 0, ROWS };
    float *x = golden_f32(k->golden, key(k, "scores"));
    float scores[ROWS * (CLASSES + 2)];
    memcpy(scores, x, (size_t)(ROWS * k->loss.columns) * sizeof *x);
    Regions r = { .images = 1, .classes = CLASSES, .columns = k->loss.columns, .kind = k->loss.scores, .first = first, .scores = scores };
    df_regions_scores(&r);
    const double far = max_abs_over_max(scores, golden_get(k->golden, key(k, "probabilities")));
    cr_expect(far <= tolerance, "%s: scores %g", k->name, far);
    df_free(x);
}

static void check(const char *name, const char *loss, int n)
{
    Case k;
    open(&k, name, loss);
    expect_losses(&k, n);
    expect_scores(&k);
    close(&k);
}

Test(class_loss, seesaw) { check("seesaw", "loss = dict(type='SeesawLoss', num_classes=5, loss_weight=1.5)\n", 4); }
Test(class_loss, seesaw_sum)
{
    check("seesaw_sum", "loss = dict(type='SeesawLoss', num_classes=5, p=0.5, q=1.0, eps=0.3, return_dict=False)\n", 3);
}
Test(class_loss, seesaw_plain) { check("seesaw_plain", "loss = dict(type='SeesawLoss', num_classes=5, p=0, q=0)\n", 4); }
Test(class_loss, seesaw_background) { check("seesaw_background", "loss = dict(type='SeesawLoss', num_classes=5)\n", 4); }
Test(class_loss, custom) { check("custom", "loss = dict(type='CrossEntropyCustomLoss', num_classes=5, use_sigmoid=True)\n", 2); }
Test(class_loss, custom_softmax) { check("custom_softmax", "loss = dict(type='CrossEntropyCustomLoss', num_classes=5, loss_weight=0.5)\n", 2); }
Test(class_loss, sigmoid) { check("sigmoid", "loss = dict(type='CrossEntropyLoss', use_sigmoid=True)\n", 2); }
Test(class_loss, softmax)
{
    check("softmax", "loss = dict(type='CrossEntropyLoss', class_weight=[1.0, 2.0, 0.5, 1.0, 3.0, 0.25])\n", 2);
}

/* A head of another number of classes loads, and cannot be trained. */
Test(class_loss, seesaw_of_other_classes)
{
    Case k;
    open(&k, "seesaw", "loss = dict(type='SeesawLoss')\n");
    const DfRegionTargets targets = { .n = ROWS, .labels = k.labels, .weights = k.weights };
    DfLosses losses = { 0 };
    df_class_loss_learn(k.c, &k.loss, golden_tensor(k.c, golden_get(k.golden, "seesaw.scores")), &targets, &losses);
    cr_expect_eq(df_ctx_error(k.c), DF_EVALUE);
    cr_expect_str_eq(df_error(), "loss_cls.num_classes = 1203, and the head has 5 classes");
    close(&k);
}
