/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/models/test_segment.c -- semantic segmentation against the official code: the class of every pixel, whole, by
 * window and mirrored; losses, gradients and running statistics of a training step.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/models/golden_model.h"

#define CASES DF_TEST_DATA "/networks"

/* ---- inference ---------------------------------------------------------------------------------------------------------- */

/* How many labels differ. The cases have no pixel whose two best classes are nearly equal. */
static size_t wrong_labels(const GoldenModel *k, const uint16_t *labels)
{
    const DfArray *map = golden_get(k->expected, "seg_map");
    const size_t n = (size_t)map->shape[0] * (size_t)map->shape[1];
    int64_t *expected = golden_i64(k->expected, "seg_map");
    size_t wrong = 0;
    for (size_t i = 0; i < n; i++)
        wrong += labels[i] != expected[i];
    df_free(expected);
    return wrong;
}

static void check_labels(const char *name, const char *rung)
{
    GoldenModel k;
    DfCtx *c;
    DfPool *pool;
    golden_model_open(&k, CASES "/%s", name);
    cr_assert_eq(df_pool_new(&pool, 2), DF_OK);
    cr_assert_eq(df_ctx_new(&c, pool), DF_OK);
    c->k = df_kernels_named(rung);
    const int n = golden_has(k.input, "image_1") ? 2 : 1;
    DfImageMeta metas[2] = { 0 };
    DfTensor *views[2];
    for (int i = 0; i < n; i++) {
        views[i] = golden_model_image(c, &k, n == 1 ? "image" : i ? "image_1" : "image_0");
        cr_assert_eq(sscanf(df_checkpoint_metadata(k.input, "ori_shape"), "[%d, %d", &metas[i].ori_h, &metas[i].ori_w), 2);
        metas[i].flip_x = i == 1;
    }
    uint16_t *labels = df_malloc((size_t)metas[0].ori_h * (size_t)metas[0].ori_w * sizeof *labels);
    cr_assert_eq(df_model_segment(k.model, c, views, metas, n, labels), DF_OK, "%s", df_error());
    cr_expect_eq(wrong_labels(&k, labels), 0, "%s, %s", name, rung);
    df_free(labels);
    df_ctx_free(c);
    df_pool_free(pool);
    golden_model_close(&k);
}

Test(segment, labels)
{
    static const char *const names[] = { "upernet_whole", "upernet_slide", "upernet_flip", "semantic_fpn" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        for (int r = 0; df_kernels_rung(r); r++)
            check_labels(names[i], df_kernels_rung(r));
    }
}

/* ---- a training step ---------------------------------------------------------------------------------------------------- */

static void expect_loss(const GoldenModel *k, const DfLoss *l)
{
    char key[64];
    snprintf(key, sizeof key, "loss:%s", l->name);
    if (!l->loss && !golden_has(k->expected, key))
        return;
    float *expected = golden_f32(k->expected, key);
    const double got = l->loss ? (double)l->loss->data[0] : (double)l->figure;
    cr_expect_leq(fabs(got - (double)expected[0]), 1e-6 * (double)expected[0], "%s is %.9g, want %.9g", key, got, (double)expected[0]);
    df_free(expected);
}

/* The label maps of a batch, borrowed from the array. */
static void label_maps(const DfCheckpoint *input, uint8_t *label, DfAnnotations *objects)
{
    const DfArray *gt = golden_get(input, "gt_semantic_seg");
    const int H = (int)gt->shape[gt->ndim - 2], W = (int)gt->shape[gt->ndim - 1];
    int64_t *wide = golden_i64(input, "gt_semantic_seg");
    for (int64_t i = 0; i < df_array_count(gt); i++)
        label[i] = (uint8_t)wide[i];
    for (int i = 0; i < (int)gt->shape[0]; i++)
        objects[i] = (DfAnnotations){ .map = { H, W, label + (size_t)i * (size_t)(H * W), NULL } };
    df_free(wide);
}

static void compare(const GoldenModel *k, const NnParam *p, const char *kind, const float *ours, double limit, int *n)
{
    char name[512];
    snprintf(name, sizeof name, "%s:%s", kind, p->name);
    if (!golden_has(k->expected, name))
        return;
    const size_t n_elements = df_size(p->tensor), step = golden_step(golden_get(k->expected, name), n_elements);
    float *official = df_malloc(n_elements * sizeof *official), *expected = golden_f32(k->expected, name);
    nn_param_to_official(p, ours, official);
    double most = 0, off = 0;
    for (size_t i = 0; i < n_elements; i += step) {
        most = fmax(most, fabs((double)expected[i / step]));
        off = fmax(off, fabs((double)official[i] - (double)expected[i / step]));
    }
    /* A shift right before a batch norm has gradient 0: what the reference has there is rounding. */
    cr_expect_leq(off, limit * fmax(most, 1e-3), "%s is %.2g off, of at most %.2g", name, off, most);
    (*n)++;
    df_free(official);
    df_free(expected);
}

Test(segment, gradients_and_statistics)
{
    GoldenModel k;
    DfCtx *c;
    golden_model_open(&k, CASES "/upernet_train");
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    NnModel *weights = df_model_weights(k.model);
    cr_assert_eq(nn_model_train(weights), DF_OK);
    c->recording = c->training = true;
    uint8_t label[2 * 64 * 96];
    DfAnnotations objects[2];
    label_maps(k.input, label, objects);
    const DfLossBatch batch = { .n = 2, .objects = objects };
    DfLosses losses;
    cr_assert_eq(df_model_losses(k.model, c, golden_model_image(c, &k, "image"), &batch, &losses), DF_OK, "%s", df_error());
    cr_assert_eq(losses.n, 4);
    for (int i = 0; i < losses.n; i++)
        expect_loss(&k, &losses.v[i]);
    df_backward(c, losses.total, NULL);
    nn_model_take_statistics(weights, c);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    int gradients = 0, buffers = 0;
    for (int i = 0; i < nn_model_count(weights); i++) {
        const NnParam *p = nn_model_at(weights, i);
        if (p->tensor->reached)
            compare(&k, p, "grad", p->tensor->grad, 2e-4, &gradients); /* the reference is 6e-5 off float64 */
        if (p->buffer)
            compare(&k, p, "buffer_after", p->tensor->data, 1e-5, &buffers);
    }
    cr_expect_eq(gradients, 129, "%d gradients compared", gradients);
    cr_expect_eq(buffers, 26, "%d statistics compared", buffers);
    df_ctx_free(c);
    golden_model_close(&k);
}

/* ---- settings of training ----------------------------------------------------------------------------------------------- */

/* Losses and pixel samplers that are not built in concern a training run alone. */
Test(segmentor, loads_with_any_training)
{
    static const char text[] =
        "model = dict(type='EncoderDecoder', backbone=dict(type='ResNet', depth=18), train_cfg=dict(mine=1),\n"
        "    decode_head=dict(type='UPerHead', in_channels=[64, 128, 256, 512], in_index=[0, 1, 2, 3], channels=16, num_classes=3,\n"
        "        loss_decode=[dict(type='CrossEntropyLoss', mine=2), dict(type='TverskyLoss'), 3], sampler=dict(type='Mine')),\n"
        "    auxiliary_head=dict(type='FCNHead', in_channels=256, in_index=2, channels=16, num_classes=3, loss_decode=None, sampler=4))\n";
    DfConfig *config;
    DfModel *model;
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "training", true), DF_OK, "%s", df_error());
    cr_expect_eq(df_model_new(&model, df_config_root(config)), DF_OK, "%s", df_error());
    df_model_free(model);
    df_config_free(config);
}
