/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/models/test_train_two_stage.c -- training of Faster, Mask and Cascade R-CNN: a step against mmdet, one picture
 * learnt by heart, pictures without objects, no proposals, no positive regions, and what is refused.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/models/training.h"

/* ---- mmdet -------------------------------------------------------------------------------------------------------------- */

/* Of sampler k: the images of the first stage, then stage by stage, image by image. */
static void expect_decisions(const Training *t, int k)
{
    static const char *const what[] = { "assigned_gt_inds", "pos_inds", "neg_inds", "boxes" };
    for (int i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof name, "sample%d_%s", k, what[i]);
        if (golden_has(t->expected, name))
            training_expect_heard(t, name, name, i < 3 ? 0 : 1e-5);
    }
}

static void step(const char *name, int given, int stages, bool masks)
{
    Training t;
    if (!training_open(&t, name, 2))
        return;
    training_give_samples(&t, 0, given);
    training_step(&t);
    training_expect_losses(&t, 1e-5);
    training_expect_gradients(&t, 1e-4);
    training_expect_statistics(&t, 1e-5);
    for (int k = 0; k < 2 + 2 * stages; k++)
        expect_decisions(&t, k);
    for (int i = 0; masks && i < stages; i++) {
        char targets[32];
        snprintf(targets, sizeof targets, "mask_targets_%d", i);
        training_expect_heard(&t, targets, targets, 0);
    }
    training_close(&t);
}

Test(two_stage_training, cascade_mask_agnostic) { step("cascade_mask_agnostic", 0, 3, true); }
Test(two_stage_training, faster_agnostic_decoded) { step("faster_agnostic_decoded", 0, 1, false); }
Test(two_stage_training, faster_ohem) { step("faster_ohem", 0, 1, false); }
Test(two_stage_training, mask_bitmap_empty_gn) { step("mask_bitmap_empty_gn", 0, 1, true); }
Test(two_stage_training, mask_polygon_ioubal) { step("mask_polygon_ioubal", 4, 1, true); }
Test(two_stage_training, train_mask_rcnn) { step("../heads/train_mask_rcnn", 0, 1, true); }
Test(two_stage_training, train_cascade_mask_rcnn) { step("../heads/train_cascade_mask_rcnn", 0, 3, true); }

/* ---- a small network ---------------------------------------------------------------------------------------------------- */

enum { SIDE = 64 };

static const char trunk[] =
    "    backbone=dict(type='SwinTransformer', style='detection', embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2], window_size=4,\n"
    "                  drop_path_rate=0.0),\n"
    "    neck=dict(type='FPN', in_channels=[8, 16, 32, 64], out_channels=16, num_outs=5),\n"
    "    rpn_head=dict(type='RPNHead', in_channels=16, feat_channels=16, anchor_generator=dict(type='AnchorGenerator', scales=[4],\n"
    "                  ratios=[0.5, 1.0, 2.0], strides=[4, 8, 16, 32, 64]), loss_cls=dict(type='CrossEntropyLoss', use_sigmoid=True),\n"
    "                  loss_bbox=dict(type='L1Loss')),\n";
static const char extractor[] =
    "bbox_roi_extractor=dict(type='SingleRoIExtractor', roi_layer=dict(type='RoIAlign', output_size=7, sampling_ratio=0),\n"
    "                        out_channels=16, featmap_strides=[4, 8, 16, 32]),\n";
static const char mask_parts[] =
    "mask_roi_extractor=dict(type='SingleRoIExtractor', roi_layer=dict(type='RoIAlign', output_size=7, sampling_ratio=0),\n"
    "                        out_channels=16, featmap_strides=[4, 8, 16, 32]),\n"
    "mask_head=dict(type='FCNMaskHead', num_convs=2, in_channels=16, conv_out_channels=16, num_classes=3),\n";
static const char rcnn[] =
    "dict(assigner=dict(type='MaxIoUAssigner', pos_iou_thr=0.5, neg_iou_thr=0.5, min_pos_iou=0.5, match_low_quality=False, ignore_iof_thr=-1),\n"
    "     sampler=dict(type='RandomSampler', num=48, pos_fraction=0.25, neg_pos_ub=-1, add_gt_as_proposals=True), mask_size=14, pos_weight=-1)";

/* What differs from network to network; NULL: the usual. */
typedef struct {
    bool cascade, masks, shared; /* shared: masks are made of what the box head sees */
    const char *box_options, *rcnn, *proposals;
} Net;

/* The parts of masks; with `shared`, without an extractor of their own. */
static const char *masks_of(const Net *net)
{
    if (!net->masks)
        return "";
    return net->shared ? strstr(mask_parts, "mask_head") : mask_parts;
}

static void make(DfConfig **config, DfModel **model, const Net *net)
{
    static char text[8192];
    const char *stage = net->rcnn ? net->rcnn : rcnn;
    char stages[3000];
    snprintf(stages, sizeof stages, net->cascade ? "[%s, %s, %s]" : "%s", stage, stage, stage);
    snprintf(text, sizeof text,
             "model = dict(type='TwoStageDetector',\n%s    roi_head=dict(type='%s', %s\n%s%s bbox_head=dict(type='Shared2FCBBoxHead',\n"
             "        in_channels=16, fc_out_channels=32, num_classes=3, loss_bbox=dict(type='SmoothL1Loss')%s)),\n"
             "    train_cfg=dict(rpn=dict(assigner=dict(type='MaxIoUAssigner', pos_iou_thr=0.7, neg_iou_thr=0.3, min_pos_iou=0.3, ignore_iof_thr=-1),\n"
             "                       sampler=dict(type='RandomSampler', num=64, pos_fraction=0.5, add_gt_as_proposals=False), pos_weight=-1),\n"
             "                   rpn_proposal=dict(nms_pre=100, max_per_img=50, nms=dict(type='nms', iou_threshold=0.7)%s),\n"
             "                   rcnn=%s))\n",
             trunk, net->cascade ? "CascadeRoIHead" : "StandardRoIHead",
             net->cascade ? "num_stages=3, stage_loss_weights=[1, 0.5, 0.25]," : "", extractor, masks_of(net),
             net->box_options ? net->box_options : "", net->proposals ? net->proposals : "", stages);
    cr_assert_eq(df_config_parse(config, text, strlen(text), "two_stage", true), DF_OK, "%s", df_error());
    cr_assert_eq(df_model_new(model, df_config_root(*config)), DF_OK, "%s", df_error());
    cr_assert_eq(df_model_init(*model, 5), DF_OK);
    cr_assert_eq(nn_model_train(df_model_weights(*model)), DF_OK);
}

/* One picture with two objects, one with a polygon and one with runs. */
typedef struct {
    float boxes[2][4];
    int labels[2];
    DfPolygon polygon;
    double xy[8];
    uint32_t runs[3];
    DfObjectMask masks[2];
    DfAnnotations objects;
    DfImageMeta meta;
    DfLossBatch batch;
} Scene;

static void scene_init(Scene *s)
{
    *s = (Scene){
        .boxes = { { 4, 6, 30, 40 }, { 36, 20, 60, 56 } },
        .labels = { 0, 2 },
        .xy = { 4, 6, 30, 6, 30, 40, 17, 23 },
        .runs = { 36 * SIDE, 24 * SIDE, 4 * SIDE },
        .meta = { SIDE, SIDE, SIDE, SIDE, SIDE, SIDE, { 1, 1, 1, 1 }, false, false },
    };
    s->polygon = (DfPolygon){ 4, s->xy };
    s->masks[0] = (DfObjectMask){ .form = DF_MASK_POLYGONS, .n_polygons = 1, .polygons = &s->polygon };
    s->masks[1] = (DfObjectMask){ .form = DF_MASK_RUNS, .runs = { SIDE, SIDE, 3, s->runs } };
    s->objects = (DfAnnotations){ .n = 2, .boxes = s->boxes[0], .labels = s->labels, .masks = s->masks };
    s->batch = (DfLossBatch){ .n = 1, .metas = &s->meta, .objects = &s->objects };
}

static DfTensor *picture(DfCtx *c, const Scene *s)
{
    DfTensor *image = df_zeros(c, DF_SHAPE(1, SIDE, SIDE, 3));
    DfRandom random = df_random(1, 0);
    for (int y = 0; !c->err && y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            for (int k = 0; k < 3; k++) {
                float v = 0.3f * (float)df_normal(&random);
                for (int o = 0; o < 2; o++) {
                    const float *b = s->boxes[o];
                    if ((float)x >= b[0] && (float)x < b[2] && (float)y >= b[1] && (float)y < b[3])
                        v += k == s->labels[o] ? 2 : -1;
                }
                image->data[(y * SIDE + x) * 3 + k] = v;
            }
    return image;
}

static int learn(const DfModel *model, DfCtx *c, const Scene *s, uint64_t at, DfLosses *losses)
{
    df_reset(c);
    c->recording = c->training = true;
    df_ctx_seed(c, 7, at, 0);
    nn_model_zero_gradients(df_model_weights((DfModel *)(uintptr_t)model));
    if (df_model_losses(model, c, picture(c, s), &s->batch, losses) == DF_OK)
        df_backward(c, losses->total, NULL);
    return df_ctx_error(c);
}

/* ---- learnt by heart ---------------------------------------------------------------------------------------------------- */

static void learn_by_heart(Net net, int steps, double limit)
{
    DfConfig *config;
    DfModel *model;
    DfPool *pool;
    DfCtx *c;
    Scene s;
    static DfLosses losses;
    make(&config, &model, &net);
    scene_init(&s);
    cr_assert_eq(df_pool_new(&pool, 2), DF_OK);
    cr_assert_eq(df_ctx_new(&c, pool), DF_OK);
    NnModel *weights = df_model_weights(model);
    const size_t n = nn_model_trained(weights).n;
    float *m = df_calloc(n, sizeof *m), *v = df_calloc(n, sizeof *v);
    for (int i = 1; i <= steps; i++) {
        cr_assert_eq(learn(model, c, &s, (uint64_t)i, &losses), DF_OK, "%s", df_error());
        training_adam(weights, m, v, i, 2e-3f * (1 + cosf(3.14159f * (float)i / (float)steps)));
    }
    for (int i = 0; i < losses.n; i++)
        if (losses.v[i].loss)
            cr_expect_lt((double)losses.v[i].loss->data[0], limit, "%s is %g", losses.v[i].name,
                         (double)losses.v[i].loss->data[0]);
    df_free(m);
    df_free(v);
    df_ctx_free(c);
    df_pool_free(pool);
    df_model_free(model);
    df_config_free(config);
}

Test(learnt_by_heart, faster_rcnn) { learn_by_heart((Net){ 0 }, 400, 0.05); }
Test(learnt_by_heart, mask_rcnn) { learn_by_heart((Net){ .masks = true }, 400, 0.05); }
Test(learnt_by_heart, cascade_mask_rcnn) { learn_by_heart((Net){ .cascade = true, .masks = true }, 400, 0.05); }

/* ---- nothing there ------------------------------------------------------------------------------------------------------ */

static const DfLoss *find(const DfLosses *losses, const char *name)
{
    for (int i = 0; i < losses->n; i++)
        if (strcmp(losses->v[i].name, name) == 0)
            return &losses->v[i];
    return NULL;
}

/* All losses are there, all gradients too, and all are finite; those of masks and boxes are exactly 0. */
static void expect_zero(const DfModel *model, const DfLosses *losses, bool cascade, const char *what)
{
    static const char *const plain[] = { "loss_bbox", "loss_mask" }, *const staged[] = { "s2.loss_bbox", "s2.loss_mask" };
    for (int i = 0; i < 2; i++) {
        const DfLoss *l = find(losses, (cascade ? staged : plain)[i]);
        cr_assert(l && l->loss, "%s: no loss", what);
        cr_expect_eq(l->loss->data[0], 0, "%s: %g", what, (double)l->loss->data[0]);
    }
    const NnModel *weights = df_model_weights((DfModel *)(uintptr_t)model);
    for (int i = 0; i < nn_model_count(weights); i++) {
        const NnParam *p = nn_model_at(weights, i);
        if (!nn_is_trained(p))
            continue;
        cr_expect(p->tensor->reached, "%s: nothing flows back to %s", what, p->name);
        const bool silent = strstr(p->name, "mask_head") || strstr(p->name, "fc_reg");
        for (size_t k = 0; k < df_count(p->shape); k++)
            cr_assert(isfinite(p->tensor->grad[k]) && (!silent || p->tensor->grad[k] == 0), "%s: %s", what, p->name);
    }
}

static void nothing(Net net, bool objects, const char *what)
{
    DfConfig *config;
    DfModel *model;
    DfCtx *c;
    Scene s;
    static DfLosses losses;
    net.masks = true;
    make(&config, &model, &net);
    scene_init(&s);
    if (!objects)
        s.objects.n = 0;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    cr_assert_eq(learn(model, c, &s, 0, &losses), DF_OK, "%s: %s", what, df_error());
    expect_zero(model, &losses, net.cascade, what);
    df_ctx_free(c);
    df_model_free(model);
    df_config_free(config);
}

#define WITHOUT_OBJECTS_ADDED \
    "dict(assigner=dict(type='MaxIoUAssigner', pos_iou_thr=1.0, neg_iou_thr=0.9, match_low_quality=False),\n" \
    "     sampler=dict(type='RandomSampler', num=48, pos_fraction=0.25, add_gt_as_proposals=False), mask_size=14)"

Test(two_stage_training, nothing_there)
{
    for (int cascade = 0; cascade < 2; cascade++) {
        nothing((Net){ .cascade = cascade }, false, "no objects");
        nothing((Net){ .cascade = cascade, .rcnn = WITHOUT_OBJECTS_ADDED }, true, "no positive regions");
        nothing((Net){ .cascade = cascade, .rcnn = WITHOUT_OBJECTS_ADDED, .proposals = ", min_bbox_size=1000" }, true, "no proposals");
        nothing((Net){ .cascade = cascade, .proposals = ", min_bbox_size=1000" }, false, "no regions at all");
    }
}

/* ---- what is refused ---------------------------------------------------------------------------------------------------- */

static void refused(const char *sentence, void (*spoil)(Scene *), Net net)
{
    DfConfig *config;
    DfModel *model;
    DfCtx *c;
    Scene s;
    static DfLosses losses;
    net.masks = true;
    make(&config, &model, &net);
    scene_init(&s);
    spoil(&s);
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    cr_expect_lt(learn(model, c, &s, 0, &losses), 0);
    cr_expect(strstr(df_error(), sentence), "%s", df_error());
    df_ctx_free(c);
    df_model_free(model);
    df_config_free(config);
}

static void spoil_nothing(Scene *s) { (void)s; }
static void spoil_label(Scene *s) { s->labels[1] = 3; }
static void spoil_box(Scene *s) { s->boxes[0][2] = 4; }
static void spoil_number(Scene *s) { s->boxes[1][0] = NAN; }
static void spoil_masks(Scene *s) { s->objects.masks = NULL; }
static void spoil_size(Scene *s) { s->masks[1].runs.height = 32; }

Test(two_stage_training, refused)
{
    const Net usual = { 0 };
    refused("object 1 of image 0 has the label 3: want 0 to 2", spoil_label, usual);
    refused("object 0 of image 0 has the box 4 6 4 40: want x1 < x2 and y1 < y2", spoil_box, usual);
    refused("object 1 of image 0 has the box nan", spoil_number, usual);
    refused("of image 0 has no mask, and the network learns masks", spoil_masks, usual);
    refused("image 0 of the batch is 64 x 64 and has masks of 32 x 64 (height x width)", spoil_size, usual);
    refused("train_cfg.rcnn.mask_size is 28 x 28, the mask head gives 14 x 14", spoil_nothing,
            (Net){ .rcnn = "dict(assigner=dict(type='MaxIoUAssigner', pos_iou_thr=0.5, neg_iou_thr=0.5),\n"
                           "     sampler=dict(type='RandomSampler', num=48, pos_fraction=0.25), mask_size=28)" });
    refused("want an assigner and a sampler", spoil_nothing, (Net){ .rcnn = "None" });
}

/* ---- memory, threads ---------------------------------------------------------------------------------------------------- */

static void gradients_of(Net net, int threads, float **out, size_t *n)
{
    DfConfig *config;
    DfModel *model;
    DfPool *pool;
    DfCtx *c;
    Scene s;
    static DfLosses losses;
    make(&config, &model, &net);
    scene_init(&s);
    cr_assert_eq(df_pool_new(&pool, threads), DF_OK);
    cr_assert_eq(df_ctx_new(&c, pool), DF_OK);
    cr_assert_eq(learn(model, c, &s, 3, &losses), DF_OK, "%s", df_error());
    const NnTrained t = nn_model_trained(df_model_weights(model));
    *n = t.n;
    *out = df_malloc(t.n * sizeof **out);
    memcpy(*out, t.gradients, t.n * sizeof **out);
    df_ctx_free(c);
    df_pool_free(pool);
    df_model_free(model);
    df_config_free(config);
}

Test(two_stage_training, the_same_bits_for_any_number_of_threads)
{
    float *one, *three;
    size_t n, m;
    const Net net = { .cascade = true, .masks = true };
    gradients_of(net, 1, &one, &n);
    gradients_of(net, 3, &three, &m);
    cr_assert_eq(n, m);
    cr_expect_eq(memcmp(one, three, n * sizeof *one), 0);
    df_free(one);
    df_free(three);
}

/* Two extractors that are the same read what one of them reads. */
Test(two_stage_training, masks_share_the_extractor_of_boxes)
{
    float *own, *shared;
    size_t n, m;
    double worst = 0, largest = 0;
    gradients_of((Net){ .masks = true }, 1, &own, &n);
    gradients_of((Net){ .masks = true, .shared = true }, 1, &shared, &m);
    cr_assert_eq(n, m);
    for (size_t i = 0; i < n; i++) {
        worst = fmax(worst, fabs((double)own[i] - (double)shared[i]));
        largest = fmax(largest, fabs((double)own[i]));
    }
    cr_expect(worst <= 1e-5 * largest && largest > 0, "%g off, of %g", worst, largest);
    df_free(own);
    df_free(shared);
}

/* Shapes and memory alone: nothing is known of regions, so there are as many as can be. */
Test(two_stage_training, in_a_dry_pass)
{
    DfConfig *config;
    DfModel *model;
    DfCtx *c;
    Scene s;
    static DfLosses losses;
    make(&config, &model, &(Net){ .cascade = true, .masks = true });
    scene_init(&s);
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    c->dry = c->recording = c->training = true;
    DfTensor *image = df_zeros(c, DF_SHAPE(1, SIDE, SIDE, 3));
    cr_assert_eq(df_model_losses(model, c, image, &s.batch, &losses), DF_OK, "%s", df_error());
    cr_expect_not_null(find(&losses, "s2.loss_mask"));
    cr_expect_gt(c->peak, 0);
    df_ctx_free(c);
    df_model_free(model);
    df_config_free(config);
}

Test(two_stage_training, survives_failing_allocations)
{
    DfConfig *config;
    DfModel *model;
    Scene s;
    static DfLosses losses;
    int failures = 0;
    size_t used = SIZE_MAX;
    const size_t before = df_memory().now;
    make(&config, &model, &(Net){ .cascade = true, .masks = true });
    scene_init(&s);
    for (size_t n = 1; n <= used; n += 1 + n / 20) {
        DfCtx *c;
        cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
        const size_t calls = df_memory().calls;
        df_memory_fail_at(n, false);
        const int error = learn(model, c, &s, 0, &losses);
        df_memory_fail_at(0, false);
        used = error == DF_OK ? df_memory().calls - calls : used; /* some failures are made up for */
        cr_expect(error == DF_OK || error == DF_ENOMEM, "%s", df_error());
        failures += error != DF_OK;
        df_ctx_free(c);
    }
    cr_expect_gt(failures, 20);
    df_model_free(model);
    df_config_free(config);
    cr_expect_eq(df_memory().now, before);
}
