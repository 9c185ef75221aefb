/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole prediction, from a config file to a drawn picture, while the first, the second, ... allocation fails: each
 * time an error with a sentence, no crash, and nothing kept. Run it under AddressSanitizer too.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "datasets/datasets.h"
#include "models/models.h"
#include "tests/whole/tiny.h"

typedef struct {
    DfConfig *config;
    DfPipeline *pipeline;
    DfModel *model;
    DfCtx *c;
    DfSample sample;
    DfDetections found;
} Run;

static int detect(Run *r)
{
    const DfView *view = &r->sample.views.view[0];
    DfTensor *image = df_borrow(r->c, DF_SHAPE(1, view->meta.pad_h, view->meta.pad_w, 3), view->pixels);
    return df_model_detect(r->model, r->c, image, &view->meta, 1, true, &r->found);
}

static int draw(Run *r, const char *path)
{
    static const char *const classes[] = { "one", "two", "three", "four", "five", "six", "seven" };
    DfDrawnBox boxes[64] = { 0 };
    cr_assert_leq(r->found.n, 64);
    for (size_t i = 0; i < r->found.n; i++) {
        memcpy(boxes[i].box, r->found.v[i].box, sizeof boxes[i].box);
        boxes[i].label = r->found.v[i].label;
        boxes[i].score = r->found.v[i].score;
    }
    const int error = df_draw_boxes(&r->sample.image, boxes, (int)r->found.n, classes, 7);
    return error < 0 ? error : df_image_write(&r->sample.image, path, 90);
}

static int run_steps(Run *r, const Tiny *t, const char *picture)
{
    int error = df_config_read(&r->config, t->config, NULL, 0);
    if (error == DF_OK)
        error = df_pipeline_new(&r->pipeline, df_node_at(df_config_root(r->config), "data.test.pipeline"));
    if (error == DF_OK)
        error = df_model_new(&r->model, df_config_root(r->config));
    if (error == DF_OK)
        error = df_model_load(r->model, t->weights, NULL);
    if (error == DF_OK)
        error = df_ctx_new(&r->c, NULL);
    if (error == DF_OK) {
        df_sample_load(&r->sample, r->pipeline, picture, true);
        error = r->sample.error;
    }
    if (error == DF_OK)
        error = detect(r);
    if (error == DF_OK)
        error = draw(r, t->drawn);
    return error;
}

/* Returns the code; `sum` tells one result from another. */
static int predict(const Tiny *t, const char *picture, double *sum)
{
    Run r = { 0 };
    const int error = run_steps(&r, t, picture);
    *sum = 0;
    for (size_t i = 0; error == DF_OK && i < r.found.n; i++)
        for (int k = 0; k < 4; k++)
            *sum += (double)r.found.v[i].box[k] * (double)(i + 1) * (double)r.found.v[i].score;
    df_detections_free(&r.found);
    df_sample_free(&r.sample);
    df_ctx_free(r.c);
    df_model_free(r.model);
    df_pipeline_free(r.pipeline);
    df_config_free(r.config);
    return error;
}

static void write_weights(const Tiny *t)
{
    DfConfig *config;
    DfModel *model;
    cr_assert_eq(df_config_read(&config, t->config, NULL, 0), DF_OK, "%s", df_error());
    cr_assert_eq(df_model_new(&model, df_config_root(config)), DF_OK, "%s", df_error());
    cr_assert_eq(df_model_init(model, 5), DF_OK, "%s", df_error());
    cr_assert_eq(nn_model_save(df_model_weights(model), t->weights, NULL, 0), DF_OK, "%s", df_error());
    df_model_free(model);
    df_config_free(config);
}

static void fail_each_allocation(const Tiny *t, const char *picture)
{
    double expected, sum;
    cr_assert_eq(predict(t, picture, &expected), DF_OK, "%s", df_error()); /* what is made once for all runs is made here */
    cr_assert(isfinite(expected) && expected > 0, "nothing was detected");
    const DfMemory start = df_memory();
    cr_assert_eq(predict(t, picture, &sum), DF_OK, "%s", df_error());
    cr_assert_eq(df_memory().now, start.now, "%zu bytes are kept by a run that works", df_memory().now - start.now);
    const size_t calls = df_memory().calls - start.calls;
    size_t tolerated = 0;
    for (size_t n = 1; n <= calls; n++) {
        df_memory_fail_at(n, false);
        const int error = predict(t, picture, &sum);
        df_memory_fail_at(0, false);
        cr_assert_eq(df_memory().now, start.now, "allocation %zu of %zu: %zu bytes are kept", n, calls, df_memory().now - start.now);
        if (error == DF_OK) {
            tolerated++;
            cr_assert_eq(sum, expected, "allocation %zu of %zu failed without an error, and the result is another", n, calls);
            continue;
        }
        cr_assert_eq(error, DF_ENOMEM, "allocation %zu of %zu: code %d: %s", n, calls, error, df_error());
        cr_assert_neq(df_error()[0], 0, "allocation %zu of %zu: no sentence", n, calls);
    }
    cr_log_info("%zu allocations, %zu of them not needed", calls, tolerated);
}

Test(predict_memory, of_a_jpeg)
{
    const Tiny t = tiny_new();
    write_weights(&t);
    fail_each_allocation(&t, t.jpeg);
    tiny_remove(&t);
}

Test(predict_memory, of_a_png)
{
    const Tiny t = tiny_new();
    write_weights(&t);
    fail_each_allocation(&t, t.png);
    tiny_remove(&t);
}

/* Twice the same but for what the two programs do not share. */
#define DETR_CONFIG(more) \
    "args = dict(hidden_dim=32, nheads=2, enc_layers=1, dec_layers=2, dim_feedforward=16, num_queries=9," more ")\n" \
    "resnet = dict(layers=[1, 1, 1, 1], base_width=4)\n" \
    "num_classes = 7\n" \
    DETR_DATA
#define DETR_DATA \
    "data = dict(test=dict(type='CocoDataset', pipeline=[\n" \
    "    dict(type='LoadImageFromFile'), dict(type='DetrResize', size=96, max_size=160),\n" \
    "    dict(type='DetrNormalize', mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])]))\n"

static void fail_each_allocation_of(const char *config)
{
    const Tiny t = tiny_new_of(config);
    write_weights(&t);
    fail_each_allocation(&t, t.jpeg);
    tiny_remove(&t);
}

Test(predict_memory, of_detr) { fail_each_allocation_of(DETR_CONFIG("pre_norm=True")); }
Test(predict_memory, of_deformable_detr) { fail_each_allocation_of(DETR_CONFIG("num_feature_levels=4")); }
Test(predict_memory, of_deformable_detr_in_two_stages) { fail_each_allocation_of(DETR_CONFIG("with_box_refine=True, two_stage=True")); }

/* Deformable DETR by mmdet's dicts, whose levels are made by a neck. */
#define ATTENTION "attn_cfgs=dict(type='MultiScaleDeformableAttention', embed_dims=32, num_heads=2)"
#define MMDET_CONFIG \
    "model = dict(type='DeformableDETR',\n" \
    "    backbone=dict(type='ResNet', depth=50, stage_blocks=[1, 1, 1, 1], base_channels=4, num_stages=4, out_indices=(1, 2, 3)),\n" \
    "    neck=dict(type='ChannelMapper', in_channels=[32, 64, 128], kernel_size=1, out_channels=32, act_cfg=None,\n" \
    "              norm_cfg=dict(type='GN', num_groups=32), num_outs=4),\n" \
    "    bbox_head=dict(type='DeformableDETRHead', num_query=9, num_classes=7, with_box_refine=True,\n" \
    "        transformer=dict(encoder=dict(num_layers=1, transformerlayers=dict(" ATTENTION ", feedforward_channels=16)),\n" \
    "                         decoder=dict(num_layers=2, transformerlayers=dict(" ATTENTION ", feedforward_channels=16))),\n" \
    "        positional_encoding=dict(type='SinePositionalEncoding', normalize=True),\n" \
    "        train_cfg=dict(assigner=dict(type='HungarianAssigner', cls_cost=dict(type='FocalLossCost', weight=2.0)))))\n"

Test(predict_memory, of_deformable_detr_of_mmdet) { fail_each_allocation_of(MMDET_CONFIG DETR_DATA); }
