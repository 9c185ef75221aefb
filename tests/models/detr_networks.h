/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/models/detr_networks.h -- small DETRs and Deformable DETRs, by the arguments of the official programs and by mmdet's dicts
 */
#ifndef DF_TESTS_MODELS_DETR_NETWORKS_H
#define DF_TESTS_MODELS_DETR_NETWORKS_H

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "models/models.h"

/* ---- configs: the same small networks ------------------------------------------------------------------------------- */

#define OFFICIAL(more) \
    "args = dict(hidden_dim=32, nheads=2, enc_layers=2, dec_layers=3, dim_feedforward=16, num_queries=9, " more ")\n" \
    "resnet = dict(layers=[1, 1, 1, 1], base_width=4)\n" \
    "num_classes = 7\n"

#define BACKBONE(maps) \
    "    backbone=dict(type='ResNet', depth=50, stage_blocks=[1, 1, 1, 1], base_channels=4, num_stages=4, out_indices=" maps ",\n" \
    "                  frozen_stages=1, norm_cfg=dict(type='BN', requires_grad=False), norm_eval=True, style='pytorch'),\n"

#define ATTENTION "dict(type='MultiheadAttention', embed_dims=32, num_heads=2, dropout=0.1)"
#define DEFORMABLE "dict(type='MultiScaleDeformableAttention', embed_dims=32, num_heads=2)"
#define STACK(name, layers, attention) \
    name "=dict(num_layers=" layers ", transformerlayers=dict(attn_cfgs=" attention ", feedforward_channels=16, ffn_dropout=0.1))"

#define DETR_211 \
    "type='TransformerHead', transformer=dict(embed_dims=32, num_heads=2, num_encoder_layers=2, num_decoder_layers=3,\n" \
    "        feedforward_channels=16, dropout=0.1)"
#define DETR_LATER \
    "type='DETRHead', num_query=9, transformer=dict(\n" \
    "        " STACK("encoder", "2", "[" ATTENTION "]") ",\n" \
    "        " STACK("decoder", "3", ATTENTION) ")"
#define DETR(head, more) \
    "model = dict(type='DETR',\n" BACKBONE("(3, )") \
    "    bbox_head=dict(" head ", num_classes=7, in_channels=128,\n" \
    "        positional_encoding=dict(type='SinePositionalEncoding', num_feats=16, normalize=True)" more "),\n" \
    "    test_cfg=dict(max_per_img=9))\n"

#define MAPPER "type='ChannelMapper', in_channels=[32, 64, 128], kernel_size=1, out_channels=32, act_cfg=None, norm_cfg=dict(type='GN', num_groups=32), num_outs=4"
#define DEFORMABLE_DETR(neck, head) \
    "model = dict(type='DeformableDETR',\n" BACKBONE("(1, 2, 3)") \
    "    neck=dict(" neck "),\n" \
    "    bbox_head=dict(type='DeformableDETRHead', num_query=9, num_classes=7, transformer=dict(two_stage_num_proposals=9,\n" \
    "        " STACK("encoder", "2", DEFORMABLE) ",\n" \
    "        " STACK("decoder", "3", "[" ATTENTION ", " DEFORMABLE "]") "),\n" \
    "        positional_encoding=dict(type='SinePositionalEncoding', normalize=True, offset=-0.5)" head "))\n"

/* ---- a pass --------------------------------------------------------------------------------------------------------- */

enum { N = 2, H = 96, W = 128, HEARD = 64 };

typedef struct {
    DfConfig *config;
    DfModel *model;
    DfCtx *c;
    DfImageMeta metas[N];
    int n;
    struct {
        char name[32];
        uint64_t hash;
    } heard[HEARD];
} Run;

static inline uint64_t hash(const void *data, size_t n)
{
    const unsigned char *bytes = data;
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ bytes[i]) * 0x100000001b3u;
    return h;
}

static inline void hear(void *user, const char *name, const DfTensor *x)
{
    Run *r = user;
    cr_assert_lt(r->n, HEARD);
    snprintf(r->heard[r->n].name, sizeof r->heard[r->n].name, "%s", name);
    r->heard[r->n++].hash = hash(x->data, df_size(x) * sizeof *x->data);
}

static inline void open_run(Run *r, const char *text)
{
    *r = (Run){ 0 };
    cr_assert_eq(df_config_parse(&r->config, text, strlen(text), "config.py", true), DF_OK, "%s", df_error());
    cr_assert_eq(df_model_new(&r->model, df_config_root(r->config)), DF_OK, "%s", df_error());
    cr_assert_eq(df_model_init(r->model, 1), DF_OK, "%s", df_error());
    cr_assert_eq(df_ctx_new(&r->c, NULL), DF_OK);
    for (int n = 0; n < N; n++) /* the second picture is smaller, and padded */
        r->metas[n] = (DfImageMeta){ .ori_h = 100, .ori_w = 150, .img_h = H - 20 * n, .img_w = W - 50 * n, .pad_h = H, .pad_w = W, .scale_factor = { 1, 1, 1, 1 } };
}

static inline void close_run(Run *r)
{
    df_ctx_free(r->c);
    df_model_free(r->model);
    df_config_free(r->config);
}

/* A bias that the norm behind it makes needless: the official program has it, mmdet has not. */
static inline DfTensor *image(DfCtx *c)
{
    DfRandom random = df_random(5, 0);
    DfTensor *x = df_new(c, DF_SHAPE(N, H, W, 3));
    for (size_t i = 0; i < df_size(x); i++)
        x->data[i] = (float)df_normal(&random);
    return x;
}

static inline DfLosses *losses_with(Run *r, DfBoxUnit unit, float (*boxes)[8])
{
    static int labels[N][2] = { { 1, 3 }, { 2, 0 } };
    const DfAnnotations targets[N] = { { .n = 2, .unit = unit, .labels = labels[0], .boxes = boxes[0] },
                                       { .n = 1, .unit = unit, .labels = labels[1], .boxes = boxes[1] } };
    DfLosses *losses = df_calloc(1, sizeof *losses);
    cr_assert_not_null(losses);
    r->c->recording = true;
    const DfLossBatch batch = { .n = N, .metas = r->metas, .objects = targets };
    cr_assert_eq(df_model_losses(r->model, r->c, image(r->c), &batch, losses), DF_OK, "%s", df_error());
    return losses;
}

static inline DfLosses *losses_of(Run *r)
{
    static float boxes[N][8] = { { 0.3f, 0.4f, 0.2f, 0.3f, 0.7f, 0.6f, 0.4f, 0.5f }, { 0.5f, 0.5f, 0.6f, 0.4f } };
    return losses_with(r, DF_BOXES_RELATIVE, boxes);
}

static inline void refused(const char *text, const char *sentence)
{
    DfConfig *config;
    DfModel *model;
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "config.py", true), DF_OK, "%s", df_error());
    cr_expect_eq(df_model_new(&model, df_config_root(config)), DF_EVALUE);
    cr_expect(strstr(df_error(), sentence), "says: %s", df_error());
    df_config_free(config);
}

#endif
