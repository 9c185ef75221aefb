/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/models/test_overfit.c -- small networks learn one picture by heart: what is learnt by goes to nearly nothing. A
 * loss, a target or a gradient that is wrong somewhere does not let it.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "models/models.h"

enum { SIDE = 64, OBJECTS = 2 };

typedef struct {
    const char *config;
    int steps;
    double rate, part; /* what may be left of the first loss */
} Case;

typedef struct {
    DfConfig *config;
    DfModel *model;
    DfCtx *c;
    NnTrained trained;
    float *moments; /* both of Adam's */
} Learner;

/* Coloured rectangles on noise, and what they are: two boxes, a label map, a class. */
typedef struct {
    float image[SIDE * SIDE * 3], boxes[OBJECTS * 4];
    int labels[OBJECTS];
    uint8_t map[SIDE * SIDE];
    DfAnnotations objects;
    DfImageMeta meta;
} Picture;

static void fill(Picture *p, int object, int class)
{
    const float *b = p->boxes + 4 * object;
    for (int y = (int)b[1]; y < (int)b[3]; y++)
        for (int x = (int)b[0]; x < (int)b[2]; x++) {
            p->map[y * SIDE + x] = (uint8_t)class;
            for (int k = 0; k < 3; k++)
                p->image[(y * SIDE + x) * 3 + k] += k == object ? 2 : -1;
        }
    p->labels[object] = class - 1;
}

static void draw(Picture *p)
{
    static const float boxes[OBJECTS * 4] = { 6, 10, 30, 36, 34, 20, 58, 60 };
    DfRandom random = df_random(3, 0);
    memset(p, 0, sizeof *p);
    memcpy(p->boxes, boxes, sizeof boxes);
    for (size_t i = 0; i < sizeof p->image / sizeof *p->image; i++)
        p->image[i] = (float)df_uniform(&random) - 0.5f;
    fill(p, 0, 1);
    fill(p, 1, 3);
    p->meta = (DfImageMeta){ SIDE, SIDE, SIDE, SIDE, SIDE, SIDE, { 1, 1, 1, 1 }, false, false };
    p->objects = (DfAnnotations){ .n = OBJECTS, .unit = DF_BOXES_PIXELS, .boxes = p->boxes, .labels = p->labels,
                                  .map = { SIDE, SIDE, p->map, NULL }, .has_class = true, .image_class = 2 };
}

/* ---- learning ----------------------------------------------------------------------------------------------------------- */

static void open_learner(Learner *l, const char *text)
{
    *l = (Learner){ 0 };
    cr_assert_eq(df_config_parse(&l->config, text, strlen(text), "overfit", true), DF_OK, "%s", df_error());
    cr_assert_eq(df_model_new(&l->model, df_config_root(l->config)), DF_OK, "%s", df_error());
    cr_assert_eq(df_model_init(l->model, 1), DF_OK);
    cr_assert_eq(nn_model_train(df_model_weights(l->model)), DF_OK);
    cr_assert_eq(df_ctx_new(&l->c, NULL), DF_OK);
    l->trained = nn_model_trained(df_model_weights(l->model));
    l->moments = df_calloc(2 * l->trained.n, sizeof *l->moments);
    l->c->recording = l->c->training = true;
}

static void close_learner(Learner *l)
{
    df_free(l->moments);
    df_ctx_free(l->c);
    df_model_free(l->model);
    df_config_free(l->config);
}

/* Adam (Kingma and Ba, ICLR 2015). */
static void update(Learner *l, double rate, int step)
{
    const double scale = rate * sqrt(1 - pow(0.99, step)) / (1 - pow(0.9, step));
    float *m = l->moments, *v = l->moments + l->trained.n;
    for (size_t i = 0; i < l->trained.n; i++) {
        const float g = l->trained.gradients[i];
        m[i] = 0.9f * m[i] + 0.1f * g;
        v[i] = 0.99f * v[i] + 0.01f * g * g;
        l->trained.weights[i] -= (float)(scale * (double)m[i] / (sqrt((double)v[i]) + 1e-8));
    }
    nn_model_changed(df_model_weights(l->model));
}

static double learn(Learner *l, const Picture *p, double rate, int step)
{
    const DfLossBatch batch = { .n = 1, .metas = &p->meta, .objects = &p->objects };
    DfLosses losses;
    df_reset(l->c);
    nn_model_zero_gradients(df_model_weights(l->model));
    DfTensor *image = df_from(l->c, DF_SHAPE(1, SIDE, SIDE, 3), p->image);
    cr_assert_eq(df_model_losses(l->model, l->c, image, &batch, &losses), DF_OK, "%s", df_error());
    df_backward(l->c, losses.total, NULL);
    nn_model_take_statistics(df_model_weights(l->model), l->c);
    cr_assert_eq(df_ctx_error(l->c), DF_OK, "%s", df_error());
    update(l, rate, step);
    return (double)losses.total->data[0];
}

static void overfit(const Case *k)
{
    Learner l;
    Picture *p = df_malloc(sizeof *p);
    draw(p);
    open_learner(&l, k->config);
    double first = 0, last = 0;
    for (int step = 1; step <= k->steps; step++) {
        const double progress = (double)step / k->steps;
        last = learn(&l, p, k->rate * (1 - 0.9 * progress), step);
        first = step == 1 ? last : first;
    }
    cr_expect_leq(last, k->part * first, "%g is left of %g after %d steps:\n%s", last, first, k->steps, k->config);
    close_learner(&l);
    df_free(p);
}

/* ---- networks ----------------------------------------------------------------------------------------------------------- */

#define RESNET(out) \
    "backbone=dict(type='ResNet', depth=18, stem_channels=8, base_channels=8, num_stages=4, out_indices=" out ",\n" \
    "        norm_cfg=dict(type='BN', requires_grad=True), norm_eval=False, frozen_stages=-1, style='pytorch')"
#define NORM "norm_cfg=dict(type='BN', requires_grad=True)"
#define CE "loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False)"

Test(overfit, upernet)
{
    overfit(&(Case){ "model = dict(type='EncoderDecoder', " RESNET("(0, 1, 2, 3)") ",\n"
        "    decode_head=dict(type='UPerHead', in_channels=[8, 16, 32, 64], in_index=[0, 1, 2, 3], pool_scales=[1, 2], channels=16,\n"
        "        dropout_ratio=0.0, num_classes=4, " NORM ", align_corners=False, " CE "),\n"
        "    auxiliary_head=dict(type='FCNHead', in_channels=8, in_index=0, channels=16, num_convs=1, concat_input=False,\n"
        "        dropout_ratio=0.0, num_classes=4, " NORM ", " CE "), train_cfg=dict(), test_cfg=dict(mode='whole'))\n", 120, 0.01, 0.05 });
}

Test(overfit, semantic_fpn)
{
    overfit(&(Case){ "model = dict(type='EncoderDecoder', " RESNET("(0, 1, 2, 3)") ",\n"
        "    neck=dict(type='FPN', in_channels=[8, 16, 32, 64], out_channels=16, num_outs=4),\n"
        "    decode_head=dict(type='FPNHead', in_channels=[16, 16, 16, 16], in_index=[0, 1, 2, 3], feature_strides=[4, 8, 16, 32],\n"
        "        channels=16, dropout_ratio=0.0, num_classes=4, " NORM ",\n"
        "        loss_decode=[dict(type='CrossEntropyLoss'), dict(type='DiceLoss', use_sigmoid=False, loss_weight=1.0)]),\n"
        "    train_cfg=dict(), test_cfg=dict(mode='whole'))\n", 120, 0.01, 0.05 });
}

Test(overfit, classifier)
{
    overfit(&(Case){ "backbone = dict(type='SwinTransformer', style='classification', img_size=64, embed_dim=8, depths=[1, 1, 1, 1],\n"
        "    num_heads=[1, 2, 2, 2], window_size=4, num_classes=5, drop_path_rate=0.0)\n", 40, 0.01, 0.01 });
    overfit(&(Case){ "model = dict(type='ImageClassifier', " RESNET("(3,)") ", neck=dict(type='GlobalAveragePooling'),\n"
        "    head=dict(type='LinearClsHead', num_classes=5, in_channels=64, loss=dict(type='CrossEntropyLoss')))\n", 40, 0.01, 0.01 });
}

#define BOX_LOSSES \
    "loss_bbox=dict(type='L1Loss', loss_weight=5.0), loss_iou=dict(type='GIoULoss', loss_weight=2.0)"
#define SINE "positional_encoding=dict(type='SinePositionalEncoding', num_feats=16, normalize=True)"
#define SELF_ATTENTION "dict(type='MultiheadAttention', embed_dims=32, num_heads=2, dropout=0.0)"
#define DEFORMABLE_ATTENTION "dict(type='MultiScaleDeformableAttention', embed_dims=32, num_heads=2, dropout=0.0)"
#define FFN "feedforward_channels=64, ffn_dropout=0.0"

Test(overfit, detr)
{
    overfit(&(Case){ "model = dict(type='DETR', " RESNET("(3,)") ",\n"
        "    bbox_head=dict(type='DETRHead', num_classes=3, in_channels=64, num_query=6,\n"
        "        transformer=dict(type='Transformer',\n"
        "            encoder=dict(type='DetrTransformerEncoder', num_layers=1, transformerlayers=dict(type='BaseTransformerLayer',\n"
        "                attn_cfgs=[" SELF_ATTENTION "], " FFN ", operation_order=('self_attn', 'norm', 'ffn', 'norm'))),\n"
        "            decoder=dict(type='DetrTransformerDecoder', return_intermediate=True, num_layers=2,\n"
        "                transformerlayers=dict(type='DetrTransformerDecoderLayer', attn_cfgs=" SELF_ATTENTION ", " FFN ",\n"
        "                    operation_order=('self_attn', 'norm', 'cross_attn', 'norm', 'ffn', 'norm')))),\n"
        "        " SINE ",\n"
        "        loss_cls=dict(type='CrossEntropyLoss', bg_cls_weight=0.1, use_sigmoid=False, loss_weight=1.0, class_weight=1.0),\n"
        "        " BOX_LOSSES "))\n", 200, 0.003, 0.05 });
}

Test(overfit, deformable_detr)
{
    overfit(&(Case){ "model = dict(type='DeformableDETR', " RESNET("(1, 2, 3)") ",\n"
        "    neck=dict(type='ChannelMapper', in_channels=[16, 32, 64], kernel_size=1, out_channels=32, act_cfg=None,\n"
        "        norm_cfg=dict(type='GN', num_groups=8), num_outs=4),\n"
        "    bbox_head=dict(type='DeformableDETRHead', num_query=6, num_classes=3, with_box_refine=True, as_two_stage=True,\n"
        "        transformer=dict(two_stage_num_proposals=6, encoder=dict(num_layers=1, transformerlayers=dict(attn_cfgs=" DEFORMABLE_ATTENTION ", " FFN ")),\n"
        "            decoder=dict(num_layers=2, transformerlayers=dict(attn_cfgs=[" SELF_ATTENTION ", " DEFORMABLE_ATTENTION "], " FFN "))),\n"
        "        " SINE ",\n"
        "        loss_cls=dict(type='FocalLoss', use_sigmoid=True, gamma=2.0, alpha=0.25, loss_weight=2.0), " BOX_LOSSES "))\n",
        250, 0.003, 0.05 });
}
