/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/models/test_detr_dialects.c -- the same DETR and Deformable DETR by the arguments of the official programs
 * and by mmdet's dicts: with the same weights they must give the same bits, whatever the parameters are called,
 * and with the same coefficients the same losses. (That the official form is right, test_detr.c asks the code of
 * its authors.) And what the dicts must not say.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/models/detr_networks.h"

/* ---- a pass --------------------------------------------------------------------------------------------------------- */

static bool only_official(const NnParam *param)
{
    const size_t length = strlen(param->name);
    return strncmp(param->name, "input_proj.", 11) == 0 && length > 7 && strcmp(param->name + length - 7, ".0.bias") == 0;
}

/* The weights of every form are registered in the same order. Some start as
 * zeros: all get noise, so that nothing cancels. */
static void same_weights(Run *first, Run *second)
{
    NnModel *a = df_model_weights(first->model), *b = df_model_weights(second->model);
    DfRandom random = df_random(3, 0);
    const bool deformable = nn_model_find(a, "input_proj.0.1.weight") != NULL; /* of DETR both have the bias */
    int at = 0;
    for (int i = 0; i < nn_model_count(a); i++) {
        const NnParam *p = nn_model_at(a, i);
        const size_t n = df_count(p->shape);
        if (deformable && only_official(p)) {
            memset(p->tensor->data, 0, n * sizeof(float));
            continue;
        }
        cr_assert_lt(at, nn_model_count(b));
        const NnParam *q = nn_model_at(b, at++);
        cr_assert(df_same_shape(p->shape, q->shape), "%s and %s differ", p->name, q->name);
        cr_expect(p->frozen == q->frozen && p->buffer == q->buffer, "%s and %s differ", p->name, q->name);
        for (size_t j = 0; !p->buffer && j < n; j++)
            p->tensor->data[j] += (float)(0.05 * df_normal(&random));
        memcpy(q->tensor->data, p->tensor->data, n * sizeof(float));
    }
    cr_assert_eq(at, nn_model_count(b));
}

static void listen_to(Run *r, DfDetections found[N])
{
    df_listen(r->c, hear, false, r);
    cr_assert_eq(df_model_detect(r->model, r->c, image(r->c), r->metas, N, true, found), DF_OK, "%s", df_error());
    df_listen(r->c, NULL, false, NULL);
}

/* The official program gives more detections of Deformable DETR, and mmdet's boxes end at the picture. */
static void same_detections(const DfDetections *official, const DfDetections *mmdet)
{
    cr_expect_eq(mmdet->n, 9);
    cr_assert_geq(official->n, mmdet->n);
    for (size_t i = 0; i < mmdet->n; i++) {
        cr_expect_eq(hash(&mmdet->v[i].score, sizeof(float)), hash(&official->v[i].score, sizeof(float)));
        cr_expect_eq(mmdet->v[i].label, official->v[i].label);
        cr_expect_eq(mmdet->v[i].index, official->v[i].index);
    }
}

static void same_bits(const char *official, const char *mmdet)
{
    Run a, b;
    DfDetections found[2][N] = { { { 0 } } };
    open_run(&a, official);
    open_run(&b, mmdet);
    same_weights(&a, &b);
    listen_to(&a, found[0]);
    listen_to(&b, found[1]);
    cr_assert_eq(a.n, b.n);
    cr_expect_geq(a.n, 10);
    for (int i = 0; i < a.n; i++) {
        cr_expect_str_eq(b.heard[i].name, a.heard[i].name);
        cr_expect_eq(b.heard[i].hash, a.heard[i].hash, "%s differs", a.heard[i].name);
    }
    for (int n = 0; n < N; n++) {
        same_detections(&found[0][n], &found[1][n]);
        df_detections_free(&found[0][n]);
        df_detections_free(&found[1][n]);
    }
    close_run(&a);
    close_run(&b);
}

#define REFINE ", with_box_refine=True"
#define TWO_STAGE ", with_box_refine=True, as_two_stage=True"

Test(detr_dialects, transformer_head) { same_bits(OFFICIAL("pre_norm=False"), DETR(DETR_211, "")); }
Test(detr_dialects, detr_head) { same_bits(OFFICIAL("pre_norm=False"), DETR(DETR_LATER, "")); }
Test(detr_dialects, deformable) { same_bits(OFFICIAL(""), DEFORMABLE_DETR(MAPPER, "")); }
Test(detr_dialects, deformable_refined) { same_bits(OFFICIAL("with_box_refine=True"), DEFORMABLE_DETR(MAPPER, REFINE)); }
Test(detr_dialects, deformable_in_two_stages)
{
    same_bits(OFFICIAL("with_box_refine=True, two_stage=True"), DEFORMABLE_DETR(MAPPER, TWO_STAGE));
}

/* ---- losses --------------------------------------------------------------------------------------------------------- */

/* Boxes in pixels are divided by the size of the picture, without its padding. */
Test(dialects, boxes_in_pixels_give_the_losses_of_their_shares)
{
    float pixels[N][8] = { { 10, 20, 50, 60.5f, 30, 5, 100, 90 }, { 4, 6, 60, 70 } }, shares[N][8] = { { 0 } };
    Run a, b;
    open_run(&a, OFFICIAL("with_box_refine=True"));
    open_run(&b, OFFICIAL("with_box_refine=True"));
    for (int n = 0; n < N; n++)
        for (int i = 0; i < 2; i++) {
            const float *p = pixels[n] + 4 * i;
            const float width = (float)a.metas[n].img_w, height = (float)a.metas[n].img_h;
            const float share[4] = { (p[0] + p[2]) / 2 / width, (p[1] + p[3]) / 2 / height, (p[2] - p[0]) / width, (p[3] - p[1]) / height };
            memcpy(shares[n] + 4 * i, share, sizeof share);
        }
    DfLosses *of_pixels = losses_with(&a, DF_BOXES_PIXELS, pixels), *of_shares = losses_with(&b, DF_BOXES_RELATIVE, shares);
    cr_assert(of_pixels->n == of_shares->n && of_pixels->n > 0);
    for (int i = 0; i < of_pixels->n; i++)
        if (of_pixels->v[i].loss)
            cr_expect_eq(of_pixels->v[i].loss->data[0], of_shares->v[i].loss->data[0], "%s", of_pixels->v[i].name);
    cr_expect_eq(of_pixels->total->data[0], of_shares->total->data[0]);
    df_free(of_pixels);
    df_free(of_shares);
    close_run(&a);
    close_run(&b);
}

static const DfLoss *named(const DfLosses *losses, const char *name)
{
    for (int i = 0; i < losses->n; i++)
        if (strcmp(losses->v[i].name, name) == 0)
            return &losses->v[i];
    cr_assert_fail("no loss is called %s", name);
    return NULL;
}

/* loss_cls, d1.loss_cls or enc_loss_cls is loss_ce, loss_ce_1 or loss_ce_enc, times its weight. */
static const DfLoss *official_of(const DfLosses *official, const char *name)
{
    char wanted[48], tail[16] = "";
    int layer;
    if (sscanf(name, "d%d.", &layer) == 1)
        snprintf(tail, sizeof tail, "_%d", layer);
    else if (strncmp(name, "enc_", 4) == 0)
        snprintf(tail, sizeof tail, "_enc");
    const char *kind = strstr(name, "loss_cls") ? "loss_ce" : strstr(name, "loss_iou") ? "loss_giou" : "loss_bbox";
    snprintf(wanted, sizeof wanted, "%s%s", kind, tail);
    return named(official, wanted);
}

static void same_losses(const char *official, const char *mmdet, const float weight[3])
{
    Run a, b;
    open_run(&a, official);
    open_run(&b, mmdet);
    same_weights(&a, &b);
    DfLosses *x = losses_of(&a), *y = losses_of(&b);
    cr_assert_geq(y->n, 9);
    for (int i = 0; i < y->n; i++) {
        const float got = y->v[i].loss->data[0];
        const float want = official_of(x, y->v[i].name)->loss->data[0] * weight[i % 3];
        cr_expect_leq(fabsf(got - want), 1e-6f * want, "%s: %g for %g", y->v[i].name, (double)got, (double)want);
    }
    const float got = y->total->data[0], want = x->total->data[0];
    cr_expect_leq(fabsf(got - want), 1e-6f * want, "%g for %g", (double)got, (double)want);
    df_free(x);
    df_free(y);
    close_run(&a);
    close_run(&b);
}

#define COEFFICIENTS "set_cost_class=1.5, set_cost_bbox=4, set_cost_giou=3, bbox_loss_coef=6, giou_loss_coef=0.5"
#define DICTS(loss_cls, cls_cost) \
    ", loss_cls=dict(" loss_cls "), loss_bbox=dict(type='L1Loss', loss_weight=6.0), loss_iou=dict(type='GIoULoss', loss_weight=0.5),\n" \
    "        train_cfg=dict(assigner=dict(type='HungarianAssigner', cls_cost=dict(type='" cls_cost "', weight=1.5),\n" \
    "            reg_cost=dict(type='BBoxL1Cost', weight=4.0, box_format='xywh'), iou_cost=dict(type='IoUCost', iou_mode='giou', weight=3.0)))"
#define SOFTMAX "type='CrossEntropyLoss', bg_cls_weight=0.2, use_sigmoid=False, loss_weight=1.0, class_weight=1.0"
#define SIGMOID "type='FocalLoss', use_sigmoid=True, gamma=2.0, alpha=0.4, loss_weight=3.0"

Test(detr_dialects, losses_of_detr)
{
    same_losses(OFFICIAL("eos_coef=0.2, " COEFFICIENTS), DETR(DETR_LATER, DICTS(SOFTMAX, "ClassificationCost")), (float[]){ 1, 6, 0.5f });
}

Test(detr_dialects, losses_of_deformable_detr)
{
    same_losses(OFFICIAL("cls_loss_coef=3, focal_alpha=0.4, with_box_refine=True, two_stage=True, " COEFFICIENTS),
                DEFORMABLE_DETR(MAPPER, TWO_STAGE DICTS(SIGMOID, "FocalLossCost")), (float[]){ 3, 6, 0.5f });
    same_losses(OFFICIAL(""), DEFORMABLE_DETR(MAPPER, ""), (float[]){ 2, 5, 2 }); /* the same defaults */
}

/* aux_loss=False: the losses of the last layer, and those of the first of two stages, are the same; others there are not. */
static void losses_of_the_last_layer(const char *official, const char *alone, int wanted)
{
    Run a, b;
    open_run(&a, official);
    open_run(&b, alone);
    DfLosses *all = losses_of(&a), *last = losses_of(&b);
    int n = 0;
    for (int i = 0; i < last->n; i++) {
        const DfLoss *loss = &last->v[i];
        cr_expect_null(strstr(loss->name, "_0"), "%s is there", loss->name);
        if (!loss->loss)
            continue;
        cr_expect_eq(loss->loss->data[0], named(all, loss->name)->loss->data[0], "%s", loss->name);
        n++;
    }
    cr_expect_eq(n, wanted);
    df_free(all);
    df_free(last);
    close_run(&a);
    close_run(&b);
}

Test(detr_dialects, without_losses_of_earlier_layers)
{
    losses_of_the_last_layer(OFFICIAL(""), OFFICIAL("aux_loss=False"), 3);
    losses_of_the_last_layer(OFFICIAL("with_box_refine=True, two_stage=True"),
                             OFFICIAL("with_box_refine=True, two_stage=True, aux_loss=False"), 6);
}

/* ---- what is refused ------------------------------------------------------------------------------------------------ */

Test(detr_dialects, refused_dicts)
{
    refused(DETR("type='RetinaHead', transformer=dict()", ""), "RetinaHead is a dense head: want a set head");
    refused(DETR(DETR_211 ", num_reg_fcs=1", ""), "num_reg_fcs = 1");
    refused(DETR(DETR_211, ", train_cfg=dict(), tset_cfg=dict()"), "did you mean 'test_cfg'");
    refused(DEFORMABLE_DETR(MAPPER, ", as_two_stage=True"), "two stages without box refinement");
    refused(DEFORMABLE_DETR("type='ChannelMapper', in_channels=[32, 64, 128], out_channels=32, conv_cfg=dict(type='DCN')", ""), "want None, Conv2d or ConvWS");
    refused(DEFORMABLE_DETR("type='ChannelMapper', in_channels=[32, 64, 128], out_channels=36, norm_cfg=dict(type='GN', num_groups=32)", ""), "36");
}

/* Levels that do not fit the head: a neck of another width, or with more of them. */
static void does_not_fit(const char *neck, const char *sentence)
{
    char text[4096];
    Run r;
    DfDetections found[N] = { { 0 } };
    snprintf(text, sizeof text, DEFORMABLE_DETR("%s", ""), neck);
    open_run(&r, text);
    cr_expect_eq(df_model_detect(r.model, r.c, image(r.c), r.metas, N, true, found), DF_ESHAPE);
    cr_expect(strstr(df_error(), sentence), "says: %s", df_error());
    close_run(&r);
}

Test(detr_dialects, levels_that_do_not_fit)
{
    does_not_fit("type='ChannelMapper', in_channels=[32, 64, 128], kernel_size=1, out_channels=64, num_outs=4, norm_cfg=dict(type='GN', num_groups=32)", "64 channels: want 32");
    does_not_fit("type='ChannelMapper', in_channels=[32, 64, 128], kernel_size=1, out_channels=32, num_outs=5, norm_cfg=dict(type='GN', num_groups=32)",
                 "5 levels: want 4");
    does_not_fit("type='FPN', in_channels=[32, 64, 128], out_channels=32, num_outs=3", "3 levels: want 4");
}

/* What only training needs does not keep a network from being built and run. */
static void not_trained(const char *text, const char *sentence)
{
    Run r;
    DfDetections found[N] = { { 0 } };
    DfLosses *losses = df_calloc(1, sizeof *losses);
    const DfAnnotations none[N] = { { 0 } };
    const DfLossBatch batch = { .n = N, .metas = r.metas, .objects = none };
    open_run(&r, text);
    cr_expect_eq(df_model_detect(r.model, r.c, image(r.c), r.metas, N, true, found), DF_OK, "%s", df_error());
    for (int n = 0; n < N; n++)
        df_detections_free(&found[n]);
    cr_expect_eq(df_model_losses(r.model, r.c, image(r.c), &batch, losses), DF_EVALUE);
    cr_expect(strstr(df_error(), sentence), "says: %s", df_error());
    df_free(losses);
    close_run(&r);
}

Test(detr_dialects, losses_that_are_not_built_in)
{
    not_trained(DETR(DETR_LATER, ", loss_cls=dict(type='CrossEntropyLoss', class_weight=[1.0, 2.0])"), "loss_cls.class_weight has 2 numbers: want one");
    not_trained(DETR(DETR_LATER, ", loss_iou=dict(type='L1Loss')"), "loss_iou has type 'L1Loss': want an overlap of boxes, such as GIoULoss");
    not_trained(DETR(DETR_LATER, ", train_cfg=dict(assigner=dict(type='MaxIoUAssigner'))"), "assigner has type 'MaxIoUAssigner': want HungarianAssigner");
    not_trained(DEFORMABLE_DETR(MAPPER, ", loss_cls=dict(type='FocalLoss', use_sigmoid=False)"), "loss_cls has type 'FocalLoss': want CrossEntropyLoss");
    not_trained(DEFORMABLE_DETR(MAPPER, ", train_cfg=dict(assigner=dict(type='HungarianAssigner', iou_cost=dict(type='IoUCost', iou_mode='diou')))"), "iou_mode");
}
