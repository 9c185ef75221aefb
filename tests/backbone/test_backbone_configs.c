/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/backbone/test_backbone_configs.c -- the ready classification configs against what was published: parameters and
 * multiply-adds at 224 x 224 in the tables of the papers, which round to one decimal; every name and shape of the
 * official state_dicts (tests/data/keys, by `bench/peers/torch_backbones.py CLONES keys NAME`), and no other.
 */
#include <criterion/criterion.h>
#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backbone/backbone.h"

typedef struct {
    DfConfig *config;
    const DfBackbone *backbone;
    NnModel *weights;
    void *self;
} Network;

/* From configs/FOLDER/NAME_224.py. */
static Network build(const char *folder, const char *name)
{
    char path[512];
    Network net = { 0 };
    snprintf(path, sizeof path, DF_ROOT "/configs/%s/%s_224.py", folder, name);
    cr_assert_eq(df_config_read(&net.config, path, NULL, 0), DF_OK, "%s", df_error());
    const DfNode *dict = df_node_get(df_config_root(net.config), "backbone");
    net.backbone = df_backbone_find(df_node_text(df_node_get(dict, "type"), ""));
    cr_assert_not_null(net.backbone, "%s", df_error());
    cr_assert_eq(nn_model_new(&net.weights), DF_OK);
    const NnScope root = nn_root(net.weights);
    net.self = nn_alloc(root, 1, net.backbone->size);
    if (nn_configure(root, dict, net.backbone->opts, net.self, net.backbone->name))
        net.backbone->init(root, net.self);
    cr_assert_eq(nn_model_error(net.weights), DF_OK, "%s: %s", name, df_error());
    return net;
}

static void done(Network *net)
{
    nn_model_free(net->weights);
    df_config_free(net->config);
}

/* ---- cost ------------------------------------------------------------------------------------------------------------ */

typedef struct {
    const char *config;
    double parameters, macs; /* millions; thousand millions, 0: not reported */
} Row;

static const Row rows[] = {
    { "swin_tiny", 28.3, 4.5 },    { "swin_small", 49.6, 8.7 },   { "swin_base", 87.8, 15.4 },
    { "dat_tiny", 29, 4.6 },       { "dat_small", 50, 9.0 },      { "dat_base", 88, 15.8 },
    { "dat_pp_tiny", 24, 4.3 },    { "dat_pp_small", 53, 9.4 },   { "dat_pp_base", 93, 16.6 },
    { "pvt_tiny", 13.2, 1.9 },     { "pvt_small", 24.5, 3.8 },    { "pvt_medium", 44.2, 6.7 },   { "pvt_large", 61.4, 9.8 },
    { "pvt_v2_b0", 3.7, 0.6 },     { "pvt_v2_b1", 14.0, 2.1 },    { "pvt_v2_b2", 25.4, 4.0 },    { "pvt_v2_b2_li", 22.6, 3.9 },
    { "pvt_v2_b3", 45.2, 6.9 },    { "pvt_v2_b4", 62.6, 10.1 },   { "pvt_v2_b5", 82.0, 11.8 },
    { "focal_tiny", 28.9, 4.9 },   { "focal_small", 51.1, 9.4 },  { "focal_base", 89.8, 16.4 },
    { "resnet18", 11.7, 1.8 },     { "resnet34", 21.8, 3.7 },     { "resnet50", 25.6, 4.1 },     { "resnet101", 44.5, 7.8 },
    { "resnet152", 60.2, 11.5 },
};

/* One dry pass: the same arithmetic on shapes alone. */
static double count_macs(const DfBackbone *backbone, const void *self)
{
    DfCtx *c;
    DfMaps maps;
    const DfProfileRow *profile;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    c->dry = true;
    df_profile(c, true);
    backbone->forward(c, self, df_new(c, DF_SHAPE(1, 224, 224, 3)), &maps);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    cr_assert_gt(df_profile_rows(c, &profile), 0);
    const double macs = profile[0].macs[DF_MACS_LAYER] + profile[0].macs[DF_MACS_ATTENTION];
    df_ctx_free(c);
    return macs;
}

static void check_cost(const Row *row)
{
    Network net = build("classification", row->config);
    const double parameters = (double)nn_model_elements(net.weights, "") / 1e6, macs = count_macs(net.backbone, net.self) / 1e9;
    const double rounding = row->parameters == floor(row->parameters) ? 0.75 : 0.051; /* DAT-T has 28.3 M, in the paper 29 */
    cr_expect_lt(fabs(parameters - row->parameters), rounding, "%s: %.3f M parameters, want %.1f", row->config, parameters, row->parameters);
    cr_expect_lt(fabs(macs - row->macs), 0.1, "%s: %.3f G multiply-adds, want %.1f", row->config, macs, row->macs);
    done(&net);
}

Test(backbone_configs, cost_what_the_papers_say)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_cost(&rows[i]);
}

/* What configs/ablation changes costs parameters or multiply-adds, or neither. */
static const Row ablations[] = {
    { "dat_tiny_stages_4", 28.287, 4.491 },  { "dat_tiny_stages_234", 28.341, 4.510 }, { "dat_tiny_stages_1234", 28.386, 4.453 },
    { "dat_tiny_pyramid", 29.498, 4.510 },   { "dat_tiny_no_offsets", 28.319, 4.563 }, { "dat_tiny_no_pe", 28.289, 4.563 },
    { "dat_tiny_fixed_pe", 29.729, 4.563 },  { "dat_tiny_dwc_pe", 28.308, 4.566 },     { "dat_tiny_range_0", 28.319, 4.563 },
    { "dat_tiny_range_1", 28.319, 4.563 },   { "dat_tiny_range_4", 28.319, 4.563 },    { "dat_tiny_range_8", 28.319, 4.563 },
    { "dat_tiny_range_16", 28.319, 4.563 },
};

Test(backbone_configs, ablations_build)
{
    for (size_t i = 0; i < sizeof ablations / sizeof *ablations; i++) {
        const Row *row = &ablations[i];
        Network net = build("ablation", row->config);
        const double parameters = (double)nn_model_elements(net.weights, "") / 1e6, macs = count_macs(net.backbone, net.self) / 1e9;
        cr_expect_float_eq(parameters, row->parameters, 6e-4, "%s: %.3f M parameters", row->config, parameters);
        cr_expect_float_eq(macs, row->macs, 6e-4, "%s: %.3f G multiply-adds", row->config, macs);
        done(&net);
    }
}

/* ---- keys ------------------------------------------------------------------------------------------------------------ */

static const char *const names[] = {
    "swin_tiny", "dat_tiny", "dat_pp_tiny", "pvt_tiny", "pvt_v2_b1", "pvt_v2_b2_li", "focal_tiny", "focal_tiny_useconv", "resnet50",
};

static bool ignored(const DfBackbone *backbone, const char *key)
{
    static const char *const always[] = { "*num_batches_tracked", "*relative_position_index", "*attn_mask" };
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        if (fnmatch(always[i], key, 0) == 0)
            return true;
    for (int i = 0; backbone->ignorable[i]; i++)
        if (fnmatch(backbone->ignorable[i], key, 0) == 0)
            return true;
    return false;
}

static DfShape shape_of(const char *text)
{
    DfShape shape = { 0 };
    for (int used; shape.n < DF_DIMS && sscanf(text, "%d%n", &shape.d[shape.n], &used) == 1; text += used)
        shape.n++;
    return shape;
}

/* Every line of the file is a parameter, or known and not needed; how many were parameters. */
static int compare(const char *name, const DfBackbone *backbone, const NnModel *weights)
{
    char path[512], line[512], key[256];
    int used, found = 0;
    snprintf(path, sizeof path, DF_TEST_DATA "/keys/%s.txt", name);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s", path);
    while (fgets(line, sizeof line, file) && sscanf(line, "%255s%n", key, &used) == 1) {
        const NnParam *param = nn_model_find(weights, key);
        if (!param) {
            cr_expect(ignored(backbone, key), "%s: no parameter %s", name, key);
            continue;
        }
        found++;
        cr_expect(df_same_shape(shape_of(line + used), param->shape), "%s has another shape of %s", name, line);
    }
    fclose(file);
    return found;
}

Test(backbone_configs, have_the_official_parameters)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        Network net = build("classification", names[i]);
        cr_expect_eq(compare(names[i], net.backbone, net.weights), nn_model_count(net.weights), "%s has parameters that the official network has not",
                     names[i]);
        done(&net);
    }
}

/* ---- deformable convolutions ----------------------------------------------------------------------------------------- */

/* Whether the first block that could have a deformable convolution has one. */
static bool first_deforms(const char *type)
{
    char text[256];
    DfConfig *config;
    NnModel *weights;
    snprintf(text, sizeof text, "backbone = dict(type='%s', depth=50, dcn=dict(type='DCN', fallback_on_stride=True), "
                                "stage_with_dcn=[False, True, True, True])\n", type);
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "dcn.py", true), DF_OK, "%s", df_error());
    const DfBackbone *backbone = df_backbone_find(type);
    cr_assert_eq(nn_model_new(&weights), DF_OK);
    const NnScope root = nn_root(weights);
    void *self = nn_alloc(root, 1, backbone->size);
    if (nn_configure(root, df_node_get(df_config_root(config), "backbone"), backbone->opts, self, type))
        backbone->init(root, self);
    cr_assert_eq(nn_model_error(weights), DF_OK, "%s", df_error());
    cr_expect_not_null(nn_model_find(weights, "layer2.1.conv2.conv_offset.weight"));
    const bool deforms = nn_model_find(weights, "layer2.0.conv2.conv_offset.weight");
    nn_model_free(weights);
    df_config_free(config);
    return deforms;
}

/* mmdet's ResNeXt looks for fallback_on_stride after ResNet has taken it away. */
Test(backbone_configs, fallback_on_stride)
{
    cr_expect_not(first_deforms("ResNet"));
    cr_expect(first_deforms("ResNeXt"));
}

/* ---- plugins of a ResNet ----------------------------------------------------------------------------------------------- */

static void plugins_refused(const char *options, const char *want)
{
    char text[512];
    DfConfig *config;
    NnModel *model;
    snprintf(text, sizeof text, "backbone = dict(type='ResNet', base_channels=4, %s)", options);
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "test.py", true), DF_OK, "%s", df_error());
    const DfBackbone *resnet = df_backbone_for(df_node_get(df_config_root(config), "backbone"));
    cr_assert_not_null(resnet);
    cr_assert_eq(nn_model_new(&model), DF_OK);
    void *net = nn_alloc(nn_root(model), 1, resnet->size);
    if (nn_configure(nn_root(model), df_node_get(df_config_root(config), "backbone"), resnet->opts, net, "ResNet"))
        resnet->init(nn_root(model), net);
    cr_expect_lt(nn_model_error(model), DF_OK, "%s passes", options);
    cr_expect_not_null(strstr(df_error(), want), "%s: %s", options, df_error());
    nn_model_free(model);
    df_config_free(config);
}

Test(backbone_configs, plugins_that_do_not_fit)
{
    plugins_refused("plugins=3", "want a list of dict(cfg=.., position=.., stages=..)");
    plugins_refused("plugins=[3]", "want a list of dict(cfg=.., position=.., stages=..)");
    plugins_refused("plugins=[dict(position='after_conv1')]", "no plugin '(none)': want ContextBlock");
    plugins_refused("plugins=[dict(cfg=dict(type='ContextBlock'))]", "position is '(none)': want after_conv1");
    plugins_refused("plugins=[dict(cfg=dict(type='ContextBlock'), position='after_conv1', stages=[True])]", "want a list of 4 values");
    plugins_refused("plugins=[dict(cfg=dict(type='ContextBlock'), position='after_conv1', stage=1)]", "no key 'stage'");
    plugins_refused("depth=18, plugins=[dict(cfg=dict(type='ContextBlock'), position='after_conv1')]", "plugins with depth = 18");
#define PLUGIN(options) "plugins=[dict(cfg=dict(" options "), position='after_conv1')]"
    plugins_refused(PLUGIN("type='ContextBlock', ratio=0.01"), "leaves none of 4 channels");
    plugins_refused(PLUGIN("type='ContextBlock', ratio=1, fusion_types=['add']"), "want channel_add and channel_mul");
    plugins_refused(PLUGIN("type='ContextBlock', ratio=1, fusion_types=[]"), "want a list of channel_add and channel_mul");
    plugins_refused(PLUGIN("type='ContextBlock', ratios=1"), "ratios");
    plugins_refused(PLUGIN("type='GeneralizedAttention', attention_type='111'"), "want four digits");
    plugins_refused(PLUGIN("type='GeneralizedAttention', num_heads=5"), "want channels for every head");
    plugins_refused(PLUGIN("type='GeneralizedAttention', num_heads=2, position_embedding_dim=6"), "a multiple of 4");
    plugins_refused(PLUGIN("type='GeneralizedAttention', spatial_range=6"), "spatial_range = 6 with 4 channels: mmcv has it for 256 and 512");
    plugins_refused(PLUGIN("type='NonLocal2d', mode='cosine'"), "mode");
    plugins_refused(PLUGIN("type='NonLocal2d', conv_cfg=dict(type='ConvWS')"), "want Conv2d");
}
