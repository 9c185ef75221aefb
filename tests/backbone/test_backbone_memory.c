/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/backbone/test_backbone_memory.c -- forward passes that fail. Model code asks nothing and frees
 * nothing: after a failure ops return &c->nil, whose sizes are 0. So every backbone runs here on a context
 * that is poisoned already, and while its first, its second, ... allocation fails. Each time the error stays
 * what it was, scopes are left, and no memory is kept.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "backbone/backbone.h"

/* ---- small networks ---------------------------------------------------------------------------------------------------- */

#define PVT_SMALL "embed_dims=[8, 8, 16], num_heads=[1, 2, 2], mlp_ratios=[2, 2, 2], depths=[1, 2, 1], sr_ratios=[2, 2, 1], num_stages=3, img_size=64, patch_size=4, "
#define PVT_MMDET "embed_dims=4, num_heads=[1, 2, 2, 2], num_layers=[1, 2, 1, 1], mlp_ratios=[2, 2, 2, 2], "
#define PVT_ROW(name) { name, PVT_SMALL, 70, 60 }
#define PVT_CLASSES(name) { name, PVT_SMALL "style='classification', num_classes=3, drop_rate=0.1", 64, 64 }
#define SWIN_SMALL "embed_dim=8, depths=[2, 2], num_heads=[2, 2], window_size=4, out_indices=[0, 1], ape=True, drop_rate=0.1, "
#define FOCAL_SMALL SWIN_SMALL "focal_levels=[2, 2], focal_windows=[3, 3], expand_sizes=[2, 2], use_shift=True, img_size=64, "
#define RESNET_SMALL "base_channels=4, num_stages=3, stage_blocks=[2, 2, 1], strides=[1, 2, 2], dilations=[1, 1, 1], out_indices=[0, 1, 2], "
#define DCN(type) "dcn=dict(type='" type "', deform_groups=2), stage_with_dcn=[False, True, True], "
#define PLUGIN(type_and_options, n) "dict(cfg=dict(type=" type_and_options "), position='after_conv" #n "')"
#define DAT_SMALL \
    "img_size=64, expansion=2, dim_stem=8, dims=[8, 16, 32, 64], heads=[1, 2, 2, 4], window_sizes=[3, 3, 3, 3], drop_rate=0.1, " \
    "groups=[1, 1, 2, 2], strides=[8, 4, 2, 1], ksizes=[3, 3, 3, 3], nat_ksizes=[3, 3, 5, 3], sr_ratios=[4, 2, 2, 1], "
#define ALL(value) "[" value ", " value ", " value ", " value "]"

typedef struct {
    const char *type, *options;
    int height, width; /* of the image */
} Case;

static const Case cases[] = {
    { "SwinTransformer", SWIN_SMALL, 45, 62 },
    { "SwinTransformer", SWIN_SMALL "style='classification', img_size=32, num_classes=3", 32, 32 },
    { "SwinTransformer", "embed_dims=8, depths=[2, 1, 1], num_heads=[2, 2, 2], strides=[4, 2, 3], window_size=4, out_indices=[0, 1], use_abs_pos_embed=True, drop_rate=0.1", 45, 62 },
    { "SwinTransformerV2", SWIN_SMALL "pretrained_window_sizes=[0, 6, 0, 0]", 50, 70 },
    { "SwinTransformerV2", SWIN_SMALL "style='classification', img_size=[32, 64], num_classes=3, qkv_bias=False", 32, 64 },
    { "DAT", DAT_SMALL "depths=[2, 2, 2, 2], stage_spec=[['L', 'S'], ['N', 'D'], ['P', 'D'], ['X', 'D']], use_pes=" ALL("True") ", "
             "use_lpus=" ALL("True") ", use_dwc_mlps=" ALL("True") ", use_conv_patches=True, layer_scale_values=" ALL("0.1"), 72, 64 },
    { "DAT", DAT_SMALL "depths=[1, 1, 2, 1], stage_spec=[['D'], ['D'], ['E', 'A'], ['A']], use_pes=[True, True, False, False], "
             "fixed_pes=[True, False, False, False], log_cpb=[False, True, False, False], local_orf=" ALL("3") ", local_kv_sizes=" ALL("3") ", "
             "use_dwc_mlps=" ALL("True") ", use_cmt_mlps=" ALL("True"), 96, 64 },
    { "DAT", DAT_SMALL "depths=" ALL("1") ", stage_spec=[['A'], ['D'], ['D'], ['D']], use_pes=" ALL("True") ", dwc_pes=[False, False, True, False], "
             "no_offs=[True, True, False, False], local_orf=" ALL("3") ", local_kv_sizes=" ALL("3"), 64, 64 },
    { "DAT", DAT_SMALL "depths=" ALL("1") ", stage_spec=[['Q'], ['D'], ['Q'], ['D']], style='classification', num_classes=3, "
             "heads_q=[2, 2, 4, 4], ksize_qnas=" ALL("1") ", use_pes=" ALL("True") ", fixed_pes=[False, True, False, False]", 64, 64 },
    { "DAT", DAT_SMALL "depths=" ALL("1") ", stage_spec=[['D'], ['D'], ['D'], ['S']], code_version='2022', use_pes=" ALL("True") ", "
             "no_offs=[True, False, False, False], dwc_pes=[False, True, False, False], use_dwc_mlps=" ALL("True"), 64, 64 },
    { "ResNet", RESNET_SMALL "depth=18, norm_cfg=dict(type='GN', num_groups=2)", 70, 60 },
    { "ResNet", RESNET_SMALL "plugins=[" PLUGIN("'ContextBlock', ratio=0.5, fusion_types=['channel_add', 'channel_mul']", 1) ", "
                PLUGIN("'GeneralizedAttention', num_heads=2", 2) ", " PLUGIN("'NonLocal2d', norm_cfg=dict(type='BN')", 3) "]", 70, 60 },
    { "ResNet", RESNET_SMALL "norm_eval=False, " DCN("DCN"), 70, 60 },
    { "ResNet", RESNET_SMALL "style='torchvision', num_classes=3", 64, 64 },
    { "ResNetV1c", RESNET_SMALL DCN("DCNv2"), 70, 60 },
    { "ResNetV1d", RESNET_SMALL, 70, 60 },
    { "ResNeXt", RESNET_SMALL "groups=2", 70, 60 },
    PVT_ROW("PyramidVisionTransformer"), PVT_CLASSES("PyramidVisionTransformer"),
    PVT_ROW("pvt_tiny"), PVT_ROW("pvt_small"), PVT_ROW("pvt_small_f4"), PVT_ROW("pvt_medium"), PVT_ROW("pvt_large"), PVT_ROW("pvt_huge_v2"),
    PVT_ROW("PyramidVisionTransformerV2"), PVT_CLASSES("PyramidVisionTransformerV2"),
    PVT_ROW("pvt_v2_b0"), PVT_ROW("pvt_v2_b1"), PVT_ROW("pvt_v2_b2"), PVT_ROW("pvt_v2_b3"), PVT_ROW("pvt_v2_b4"), PVT_ROW("pvt_v2_b5"),
    PVT_ROW("pvt_v2_b2_li"), PVT_CLASSES("pvt_v2_b2_li"),
    { "PyramidVisionTransformer", PVT_MMDET "drop_rate=0.1", 70, 60 },
    { "PyramidVisionTransformer", PVT_MMDET "use_abs_pos_embed=False, use_conv_ffn=True, norm_after_stage=True, qkv_bias=False", 70, 60 },
    { "PyramidVisionTransformerV2", PVT_MMDET "drop_rate=0.1", 70, 60 },
    { "FocalTransformer", FOCAL_SMALL, 70, 60 },
    { "FocalTransformer", FOCAL_SMALL "focal_pool='conv', use_conv_embed=True, use_pre_norm=True, use_layerscale=True", 70, 60 },
    { "FocalTransformer", FOCAL_SMALL "focal_pool='mean', style='classification', num_classes=3", 64, 64 },
    { "FocalTransformer", FOCAL_SMALL "focal_pool='max', expand_layer='even'", 50, 70 },
};
enum { CASES = sizeof cases / sizeof *cases };

Test(backbone_memory, every_backbone_is_here)
{
    for (int i = 0; df_backbones[i]; i++) {
        bool found = false;
        for (int k = 0; k < CASES; k++)
            found |= strcmp(cases[k].type, df_backbones[i]->name) == 0;
        cr_expect(found, "%s has no small form in this file", df_backbones[i]->name);
    }
}

typedef struct {
    const Case *k;
    DfConfig *config;
    const DfBackbone *backbone;
    NnModel *weights;
    void *self;
    float *image;
} Network;

static Network build(const Case *k)
{
    char text[2048];
    Network net = { .k = k };
    const int length = snprintf(text, sizeof text, "backbone = dict(type='%s', %s)", k->type, k->options);
    cr_assert_eq(df_config_parse(&net.config, text, (size_t)length, k->type, true), DF_OK, "%s", df_error());
    net.backbone = df_backbone_for(df_node_get(df_config_root(net.config), "backbone"));
    cr_assert_not_null(net.backbone, "%s", df_error());
    cr_assert_eq(nn_model_new(&net.weights), DF_OK);
    const NnScope s = nn_root(net.weights);
    net.self = nn_alloc(s, 1, net.backbone->size);
    if (nn_configure(s, df_node_get(df_config_root(net.config), "backbone"), net.backbone->opts, net.self, k->type))
        net.backbone->init(s, net.self);
    cr_assert_eq(nn_model_error(net.weights), DF_OK, "%s", df_error());
    cr_assert_eq(nn_model_init(net.weights, 1), DF_OK, "%s", df_error());
    const size_t n = (size_t)(k->height * k->width * 3);
    net.image = df_malloc(n * sizeof *net.image);
    cr_assert_not_null(net.image);
    DfRandom random = df_random(1, 1);
    for (size_t i = 0; i < n; i++)
        net.image[i] = (float)df_normal(&random);
    return net;
}

static void done(Network *net)
{
    df_free(net->image);
    nn_model_free(net->weights);
    df_config_free(net->config);
}

/* ---- one pass ------------------------------------------------------------------------------------------------------------ */

typedef struct {
    int error;
    double sum;   /* tells one result from another; 0 after an error */
    size_t calls; /* allocations                                     */
} Outcome;

static double sum_of(const DfTensor *x)
{
    double sum = 0;
    for (size_t i = 0; x && i < df_size(x); i++)
        sum += (double)x->data[i] * (double)(i % 97 + 1);
    return sum;
}

/* Weights keep packed copies, and batch norms their statistics: every pass begins with what a fresh model has. */
static void refresh(const Network *net)
{
    cr_assert_eq(nn_model_init(net->weights, 1), DF_OK, "%s", df_error());
}

/* Allocation `fail` of the pass fails (0: none does); `poison`: the context has failed before. */
static Outcome pass(const Network *net, size_t fail, bool training, bool poison)
{
    Outcome out = { 0 };
    DfCtx *c;
    DfMaps maps;
    refresh(net);
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    c->recording = c->training = training;
    df_ctx_seed(c, 7, 7, 0);
    DfTensor *image = df_borrow(c, DF_SHAPE(1, net->k->height, net->k->width, 3), net->image);
    if (poison) {
        df_ctx_fail(c, DF_EVALUE, "failed before");
        image = &c->nil;
    }
    const DfMark before = df_enter(c, NULL, -1);
    const size_t calls = df_memory().calls;
    df_memory_fail_at(fail, false);
    net->backbone->forward(c, net->self, image, &maps);
    df_memory_fail_at(0, false);
    out.calls = df_memory().calls - calls;
    out.error = df_ctx_error(c);
    for (int i = 0; out.error == DF_OK && i < maps.n; i++)
        out.sum += sum_of(maps.map[i]) * (i + 1);
    if (out.error == DF_OK)
        out.sum += sum_of(maps.logits);
    cr_expect_eq(df_enter(c, NULL, -1).depth, before.depth, "%s: a scope is still entered, allocation %zu", net->k->type, fail);
    df_leave(c, before, NULL);
    cr_expect(training || c->live == 0, "%s: %zu bytes live on, allocation %zu", net->k->type, c->live, fail);
    df_ctx_free(c);
    refresh(net);
    return out;
}

/* ---- tests --------------------------------------------------------------------------------------------------------------- */

Test(backbone_memory, a_poisoned_context_stays_as_it_is)
{
    for (int i = 0; i < 2 * CASES; i++) {
        Network net = build(&cases[i / 2]);
        const DfMemory start = df_memory();
        const Outcome out = pass(&net, 0, i % 2, true);
        cr_expect_eq(out.error, DF_EVALUE);
        cr_expect_str_eq(df_error(), "failed before", "%s", net.k->type);
        cr_expect_eq(df_memory().now, start.now, "%s keeps memory", net.k->type);
        done(&net);
    }
}

static void fail_each_allocation(const Network *net, bool training)
{
    const DfMemory start = df_memory();
    const Outcome whole = pass(net, 0, training, false);
    cr_assert_eq(whole.error, DF_OK, "%s: %s", net->k->type, df_error());
    cr_assert_neq(whole.sum, 0);
    for (size_t n = 1; n <= whole.calls; n++) {
        const Outcome out = pass(net, n, training, false);
        if (out.error == DF_OK) /* what only makes it faster */
            cr_expect_eq(out.sum, whole.sum, "%s: allocation %zu fails without an error, and the result is another", net->k->type, n);
        else
            cr_expect_eq(out.error, DF_ENOMEM, "%s: allocation %zu: %s", net->k->type, n, df_error());
        cr_assert_eq(df_memory().now, start.now, "%s: allocation %zu fails, and memory is kept", net->k->type, n);
    }
}

static void fail_each_allocation_of(int i, bool training)
{
    Network net = build(&cases[i]);
    fail_each_allocation(&net, training);
    done(&net);
}

Test(backbone_memory, every_allocation_may_fail)
{
    for (int i = 0; i < CASES; i++)
        fail_each_allocation_of(i, false);
}

Test(backbone_memory, every_allocation_may_fail_in_training)
{
    for (int i = 0; i < CASES; i++)
        fail_each_allocation_of(i, true);
}
