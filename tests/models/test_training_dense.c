/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/models/test_training_dense.c -- a training step of RetinaNet against mmdet 3.3: every decision, loss and
 * gradient; learning by heart; what is refused.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/models/training.h"

/* Decisions of the samplers of all images, where the case has them. */
static void expect_samples(const Training *t)
{
    static const char *const parts[] = { "assigned_gt_inds", "pos_inds", "neg_inds" };
    for (int k = 0; k < t->batch.n; k++)
        for (int i = 0; i < 3; i++) {
            char name[64];
            snprintf(name, sizeof name, "sample%d_%s", k, parts[i]);
            cr_expect_not_null(training_heard(t, "%s", name), "%s: %s", t->path, name);
            if (golden_has(t->expected, name))
                training_expect_heard(t, name, name, 0);
        }
}

static void same_bits(const Training *a, const Training *b)
{
    const NnTrained x = nn_model_trained(df_model_weights(a->model)), y = nn_model_trained(df_model_weights(b->model));
    cr_assert_eq(x.n, y.n);
    cr_expect_eq(memcmp(x.gradients, y.gradients, x.n * sizeof(float)), 0, "%s: threads change gradients", a->path);
    cr_expect_eq(a->losses.total->data[0], b->losses.total->data[0], "%s: threads change losses", a->path);
}

static void step(const char *name)
{
    Training *t = df_malloc(2 * sizeof *t);
    const bool there = training_open(&t[0], name, 1);
    if (there) {
        training_open(&t[1], name, 2);
        training_step(&t[0]);
        training_step(&t[1]);
        expect_samples(&t[0]);
        training_expect_losses(&t[0], 1e-5);
        training_expect_gradients(&t[0], 1e-4);
        same_bits(&t[0], &t[1]);
        training_close(&t[0]);
        training_close(&t[1]);
    }
    df_free(t);
}

Test(retinanet, ciou_of_decoded_boxes) { step("retina_ciou_interval"); }
Test(retinanet, diou_of_decoded_boxes) { step("retina_diou_coder"); }
Test(retinanet, giou_of_decoded_boxes) { step("retina_giou_decoded_ignore"); }
Test(retinanet, balanced_l1) { step("retina_balanced_ignore_gt"); }
Test(retinanet, smooth_l1_and_borders) { step("retina_smoothl1_border"); }
Test(retinanet, of_mmdet_2) { step("../heads/train_retinanet"); }

/* ---- a network of our own ----------------------------------------------------------------------------------------------- */

enum { SIDE = 64 };

/* What differs from network to network; NULL: the usual. */
typedef struct {
    const char *head, *train, *pretrained;
} Options;

#define ASSIGNER "assigner=dict(type='MaxIoUAssigner', pos_iou_thr=0.5, neg_iou_thr=0.4, min_pos_iou=0.0, ignore_iof_thr=0.5)"
#define FOCAL "loss_cls=dict(type='FocalLoss', use_sigmoid=True)"

/* One picture with two objects, and perhaps a third box that is to be ignored. */
typedef struct {
    DfConfig *config;
    DfModel *model;
    DfPool *pool;
    DfCtx *c;
    float boxes[3][4];
    int labels[3];
    bool ignore[3];
    DfAnnotations objects;
    DfImageMeta meta;
    DfLossBatch batch;
    DfLosses losses;
} Scene;

/* Weights of 0.01 are right for 256 channels. With 16, what passes through two layers would be next to nothing. */
static void enlarge(NnModel *weights)
{
    for (int i = 0; i < nn_model_count(weights); i++) {
        const NnParam *p = nn_model_at(weights, i);
        for (size_t k = 0; strstr(p->name, "_convs") && strstr(p->name, "head") && k < df_count(p->shape); k++)
            p->tensor->data[k] *= 8;
    }
}

static Scene *scene_new(Options options)
{
    char text[4096];
    Scene *s = df_calloc(1, sizeof *s);
    snprintf(text, sizeof text,
             "model = dict(type='RetinaNet', %s\n"
             "    backbone=dict(type='ResNet', depth=18, base_channels=8, stem_channels=8, norm_cfg=dict(type='BN'), norm_eval=True),\n"
             "    neck=dict(type='FPN', in_channels=[8, 16, 32, 64], out_channels=16, start_level=1, num_outs=5, add_extra_convs='on_input'),\n"
             "    bbox_head=dict(type='RetinaHead', num_classes=3, in_channels=16, feat_channels=16, stacked_convs=2, %s),\n"
             "    train_cfg=%s)\n",
             options.pretrained ? options.pretrained : "", options.head ? options.head : FOCAL,
             options.train ? options.train : "dict(" ASSIGNER ")");
    cr_assert_eq(df_config_parse(&s->config, text, strlen(text), "retina", true), DF_OK, "%s", df_error());
    cr_assert_eq(df_model_new(&s->model, df_config_root(s->config)), DF_OK, "%s", df_error());
    cr_assert_eq(df_model_init(s->model, 5), DF_OK);
    enlarge(df_model_weights(s->model));
    cr_assert_eq(nn_model_train(df_model_weights(s->model)), DF_OK);
    cr_assert_eq(df_pool_new(&s->pool, 2), DF_OK);
    cr_assert_eq(df_ctx_new(&s->c, s->pool), DF_OK);
    const float boxes[3][4] = { { 4, 6, 30, 40 }, { 36, 20, 60, 56 }, { 0, 0, 64, 64 } };
    memcpy(s->boxes, boxes, sizeof boxes);
    s->labels[1] = 2;
    s->ignore[2] = true;
    s->objects = (DfAnnotations){ .n = 2, .boxes = s->boxes[0], .labels = s->labels, .ignore = s->ignore };
    s->meta = (DfImageMeta){ SIDE, SIDE, SIDE, SIDE, SIDE, SIDE, { 1, 1, 1, 1 }, false, false };
    s->batch = (DfLossBatch){ .n = 1, .metas = &s->meta, .objects = &s->objects };
    return s;
}

static void scene_free(Scene *s)
{
    df_ctx_free(s->c);
    df_pool_free(s->pool);
    df_model_free(s->model);
    df_config_free(s->config);
    df_free(s);
}

/* Noise, and a colour for each class. */
static DfTensor *picture(Scene *s)
{
    DfTensor *image = df_zeros(s->c, DF_SHAPE(1, SIDE, SIDE, 3));
    DfRandom random = df_random(1, 0);
    for (int i = 0; !s->c->err && i < SIDE * SIDE * 3; i++)
        image->data[i] = 0.3f * (float)df_normal(&random);
    for (int o = 0; !s->c->err && o < 2; o++)
        for (int y = (int)s->boxes[o][1]; y < (int)s->boxes[o][3]; y++)
            for (int x = (int)s->boxes[o][0]; x < (int)s->boxes[o][2]; x++)
                image->data[(y * SIDE + x) * 3 + s->labels[o]] += 2;
    return image;
}

static int learn(Scene *s, uint64_t at)
{
    df_reset(s->c);
    s->c->recording = s->c->training = true;
    df_ctx_seed(s->c, 7, at, 0);
    nn_model_zero_gradients(df_model_weights(s->model));
    DfTensor *image = picture(s);
    if (df_model_losses(s->model, s->c, image, &s->batch, &s->losses) == DF_OK)
        df_backward(s->c, s->losses.total, NULL);
    return df_ctx_error(s->c);
}

static double sum_of(const Scene *s, const char *name)
{
    double sum = 0;
    for (int i = 0; i < s->losses.n; i++)
        if (strncmp(s->losses.v[i].name, name, strlen(name)) == 0)
            sum += (double)s->losses.v[i].loss->data[0];
    return sum;
}

/* ---- learnt by heart ---------------------------------------------------------------------------------------------------- */

static void learn_by_heart(Options options, int steps)
{
    Scene *s = scene_new(options);
    NnModel *weights = df_model_weights(s->model);
    const size_t n = nn_model_trained(weights).n;
    float *m = df_calloc(n, sizeof *m), *v = df_calloc(n, sizeof *v);
    for (int i = 1; i <= steps; i++) {
        cr_assert_eq(learn(s, (uint64_t)i), DF_OK, "%s", df_error());
        training_adam(weights, m, v, i, i < steps * 2 / 3 ? 3e-3f : 5e-4f);
    }
    cr_expect_lt(sum_of(s, "loss_cls"), 0.02, "%g", sum_of(s, "loss_cls"));
    cr_expect_lt(sum_of(s, "loss_bbox"), 0.05, "%g", sum_of(s, "loss_bbox"));
    df_free(m);
    df_free(v);
    scene_free(s);
}

Test(learnt_by_heart, focal) { learn_by_heart((Options){ 0 }, 150); }
Test(learnt_by_heart, softmax_and_giou)
{
    learn_by_heart((Options){ .head = "loss_cls=dict(type='CrossEntropyLoss'), loss_bbox=dict(type='GIoULoss'), reg_decoded_bbox=True",
                              .train = "dict(" ASSIGNER ", sampler=dict(type='RandomSampler', num=64, pos_fraction=0.5, add_gt_as_proposals=False))" },
                   200);
}
Test(learnt_by_heart, batch_norm) { learn_by_heart((Options){ .head = FOCAL ", norm_cfg=dict(type='BN')" }, 150); }

/* ---- nothing there ------------------------------------------------------------------------------------------------------ */

/* The box losses are exactly 0, and every parameter has a gradient: zeros in the tower of boxes. */
static void nothing(Scene *s, const char *what)
{
    cr_assert_eq(learn(s, 0), DF_OK, "%s: %s", what, df_error());
    cr_expect_eq(sum_of(s, "loss_bbox"), 0, "%s", what);
    cr_expect_gt(sum_of(s, "loss_cls"), 0, "%s", what);
    const NnModel *weights = df_model_weights(s->model);
    for (int i = 0; i < nn_model_count(weights); i++) {
        const NnParam *p = nn_model_at(weights, i);
        const bool silent = strstr(p->name, "reg") != NULL;
        cr_expect(p->buffer || p->tensor->reached, "%s: nothing flows back to %s", what, p->name);
        for (size_t k = 0; !p->buffer && k < df_count(p->shape); k++)
            cr_assert(isfinite(p->tensor->grad[k]) && (!silent || p->tensor->grad[k] == 0), "%s: %s", what, p->name);
    }
    scene_free(s);
}

Test(retinanet, nothing_there)
{
    static const char *const heads[] = {
        FOCAL, FOCAL ", loss_bbox=dict(type='CIoULoss'), reg_decoded_bbox=True", "loss_cls=dict(type='CrossEntropyLoss')",
    };
    for (int i = 0; i < 3; i++) {
        Scene *s = scene_new((Options){ .head = heads[i] });
        s->objects.n = 0;
        nothing(s, "no objects");
    }
    Scene *s = scene_new((Options){ 0 });
    s->objects.labels = (int[]){ -1, -1 };
    nothing(s, "no objects of these classes");
}

/* Where everything is to be ignored nothing counts at all. */
Test(retinanet, everything_ignored)
{
    Scene *s = scene_new((Options){ .train = "dict(assigner=dict(type='MaxIoUAssigner', pos_iou_thr=0.9, neg_iou_thr=0.4, match_low_quality=False,\n"
                                             "    ignore_iof_thr=0.001))" });
    s->objects.n = 3;
    cr_assert_eq(learn(s, 0), DF_OK, "%s", df_error());
    cr_expect_eq(s->losses.total->data[0], 0);
    scene_free(s);
}

/* ---- samples ------------------------------------------------------------------------------------------------------------ */

#define SAMPLED(sampler) "dict(" ASSIGNER ", sampler=dict(" sampler ", add_gt_as_proposals=False))"

/* The same step has the same draw, another one another; what is given stands in for it. */
Test(retinanet, draws_of_a_step)
{
    Scene *s = scene_new((Options){ .train = SAMPLED("type='RandomSampler', num=20, pos_fraction=0.5") });
    float total[3];
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(learn(s, i == 2 ? 4 : 3), DF_OK, "%s", df_error());
        total[i] = s->losses.total->data[0];
    }
    cr_expect(total[0] == total[1] && total[0] != total[2]);
    const int one[] = { 0 }, beyond[] = { 100000 };
    DfGivenSample given = { .given = true, .n_positive = 0, .n_negative = 1, .negative = one };
    s->batch.given = &given;
    s->batch.n_given = 1;
    cr_assert_eq(learn(s, 3), DF_OK, "%s", df_error());
    cr_expect_eq(sum_of(s, "loss_bbox"), 0);
    given.negative = NULL; /* the sampler draws 20 */
    cr_assert_eq(learn(s, 3), DF_OK, "%s", df_error());
    cr_expect_eq(sum_of(s, "loss_bbox"), 0);
    given.negative = beyond;
    cr_expect_eq(learn(s, 3), DF_EVALUE);
    cr_expect(strstr(df_error(), "a given sample has the negative box 100000"), "%s", df_error());
    given = (DfGivenSample){ .given = true, .n_positive = 1, .positive = one };
    cr_expect_eq(learn(s, 3), DF_EVALUE);
    cr_expect(strstr(df_error(), "the positive box 0, which has no object"), "%s", df_error());
    scene_free(s);
}

/* Divided by positives alone, or by positives and negatives: the ratio of what mmdet 3 and mmdet 2.11 divide by. */
Test(retinanet, what_versions_divide_by)
{
    static const char *const heads[] = { "loss_cls=dict(type='CrossEntropyLoss')", FOCAL };
    const char *sampled = SAMPLED("type='RandomSampler', num=100000, pos_fraction=1");
    for (int i = 0; i < 2; i++) {
        Scene *all = scene_new((Options){ .head = heads[i] });
        Scene *sample = scene_new((Options){ .head = heads[i], .train = sampled });
        Scene *old = scene_new((Options){ .head = heads[i], .train = i ? sampled : NULL, .pretrained = "pretrained=None," });
        cr_assert(learn(all, 0) == DF_OK && learn(sample, 0) == DF_OK && learn(old, 0) == DF_OK, "%s", df_error());
        cr_expect_gt(all->losses.total->data[0], 2 * sample->losses.total->data[0]);
        const double want = (double)(i ? all : sample)->losses.total->data[0];
        cr_expect_float_eq((double)old->losses.total->data[0], want, 1e-6 * want);
        scene_free(all);
        scene_free(sample);
        scene_free(old);
    }
}

/* ---- what is refused ---------------------------------------------------------------------------------------------------- */

static void refused(Scene *s, const char *sentence)
{
    cr_expect_eq(learn(s, 0), DF_EVALUE, "%s", sentence);
    cr_expect(strstr(df_error(), sentence), "%s", df_error());
    scene_free(s);
}

Test(retinanet, refused)
{
    Scene *s = scene_new((Options){ 0 });
    s->objects.labels = (int[]){ 0, 3 };
    refused(s, "object 1 of image 0 has the label 3: want 0 to 2");
    s = scene_new((Options){ 0 });
    s->objects.boxes = (float[]){ 4, 6, 30, 40, 36, NAN, 60, 56 };
    refused(s, "object 1 of image 0 has the box 36 nan");
    refused(scene_new((Options){ .train = "dict(" ASSIGNER ", allowed_border=0)", .head = FOCAL ", anchor_generator=dict(type='AnchorGenerator',\n"
                                 "scales=[50], ratios=[1.0], strides=[8, 16, 32, 64, 128])" }),
            "no anchor lies in image 0");
    refused(scene_new((Options){ .train = "None" }), "the config has no train_cfg");
    refused(scene_new((Options){ .train = "dict(assigner=dict(type='ATSSAssigner', topk=9))" }), "ATSSAssigner");
    refused(scene_new((Options){ .train = SAMPLED("type='OHEMSampler', num=20, pos_fraction=0.5") }), "OHEMSampler chooses among regions");
    refused(scene_new((Options){ .train = "dict(" ASSIGNER ", sampler=dict(type='RandomSampler', num=20, pos_fraction=0.5))" }),
            "want add_gt_as_proposals=False");
    refused(scene_new((Options){ .head = "loss_cls=dict(type='GHMC', bins=10)" }), "loss_cls: GHMC is not built in");
    refused(scene_new((Options){ .head = FOCAL ", loss_bbox=dict(type='Mine')" }), "loss_bbox: Mine is not built in");
    refused(scene_new((Options){ .head = FOCAL ", loss_bbox=dict(type='L1Loss', reduction='sum')" }), "reduction 'sum'");
}

/* A dry pass knows sizes only. */
Test(retinanet, dry)
{
    Scene *s = scene_new((Options){ .head = FOCAL ", loss_bbox=dict(type='GIoULoss'), reg_decoded_bbox=True" });
    s->c->dry = true;
    s->c->recording = s->c->training = true;
    DfTensor *image = df_new(s->c, DF_SHAPE(1, SIDE, SIDE, 3));
    cr_assert_eq(df_model_losses(s->model, s->c, image, &s->batch, &s->losses), DF_OK, "%s", df_error());
    cr_expect_eq(s->losses.n, 10);
    scene_free(s);
}

/* Each allocation fails once. Convolutions do without memory for packed weights; nothing else does without. */
Test(retinanet, without_memory)
{
    Scene *s = scene_new((Options){ 0 });
    cr_assert_eq(learn(s, 0), DF_OK);
    const size_t before = df_memory().calls;
    cr_assert_eq(learn(s, 0), DF_OK);
    const size_t calls = df_memory().calls - before;
    int failed = 0;
    for (size_t i = 1; i <= calls; i++) {
        df_memory_fail_at(i, false);
        const int error = learn(s, 0);
        df_memory_fail_at(0, false);
        failed += error == DF_ENOMEM;
        cr_expect(error == DF_OK || error == DF_ENOMEM, "allocation %zu of %zu: %s", i, calls, df_error());
    }
    cr_expect_gt(failed, 20);
    scene_free(s);
}
