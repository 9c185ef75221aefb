/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/train/test_groups.c -- rate and decay of every parameter: by mmengine's constructor, by mmcv's, by the official
 * DETR programs, and from layer to layer; rules that fit no network.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "models/models.h"
#include "train/train.h"

typedef struct {
    DfModel *model;
    DfGroups groups;
} Built;

static void build(Built *b, const DfNode *root, const DfRecipe *recipe)
{
    cr_assert_eq(df_model_new(&b->model, root), DF_OK, "%s", df_error());
    cr_assert_eq(df_model_init(b->model, 0), DF_OK, "%s", df_error());
    cr_assert_eq(nn_model_train(df_model_weights(b->model)), DF_OK, "%s", df_error());
    cr_assert_eq(df_groups_new(&b->groups, df_model_weights(b->model), recipe), DF_OK, "%s", df_error());
}

static void destroy(Built *b)
{
    df_groups_done(&b->groups);
    df_model_free(b->model);
}

static const DfSlot *slot_of(const Built *b, const char *name)
{
    for (int i = 0; i < b->groups.n; i++)
        if (strcmp(b->groups.params[i]->name, name) == 0)
            return &b->groups.slots[i];
    return NULL;
}

static void expect(const Built *b, const char *name, double rate, double decay)
{
    const DfSlot *slot = slot_of(b, name);
    cr_assert_not_null(slot, "%s is not trained", name);
    const double r = b->groups.rates[slot->group], d = b->groups.decays[slot->group];
    cr_expect(fabs(r - rate) <= 1e-12 * rate, "%s: rate %.17g, want %.17g", name, r, rate);
    cr_expect(fabs(d - decay) <= 1e-12 * decay, "%s: decay %.17g, want %.17g", name, d, decay);
}

/* ---- mmengine's ------------------------------------------------------------------------------------------------------ */

static void run_case(const DfNode *one)
{
    Built b;
    DfRecipe recipe = { .dialect = DF_RECIPE_MMENGINE, .paramwise = df_node_get(one, "paramwise_cfg") };
    cr_assert_eq(df_optimizer_rule(&recipe.rule, df_node_get(one, "optimizer")), DF_OK, "%s", df_error());
    build(&b, one, &recipe);
    int n = 0;
    for (const DfNode *row = df_node_get(one, "params")->first; row; row = row->next, n++) {
        const DfNode *rate = row->first->next;
        expect(&b, row->first->text, rate->number, rate->next->number);
    }
    cr_expect_eq(b.groups.n, n, "%s", df_node_text(df_node_get(one, "name"), ""));
    for (const DfNode *name = df_node_get(one, "skipped")->first; name; name = name->next)
        cr_expect_null(slot_of(&b, name->text), "%s is frozen", name->text);
    destroy(&b);
}

Test(groups, of_mmengine)
{
    DfConfig *config;
    int n = 0;
    cr_assert_eq(df_config_read(&config, DF_TEST_DATA "/train/groups.json", NULL, 0), DF_OK, "%s", df_error());
    for (const DfNode *one = df_node_get(df_config_root(config), "cases")->first; one; one = one->next, n++)
        run_case(one);
    cr_expect_eq(n, 5);
    df_config_free(config);
}

/* ---- the other rules ------------------------------------------------------------------------------------------------- */

#define PVT2 "backbone = dict(type='pvt_v2_b0', embed_dims=[8, 8, 8, 8], num_heads=[1, 1, 2, 2], mlp_ratios=[2, 2, 2, 2], depths=[1, 1, 1, 1])\n"
#define SWIN "backbone = dict(type='SwinTransformer', embed_dim=8, depths=[1, 2, 1, 1], num_heads=[1, 2, 2, 4], window_size=4)\n"

static void build_text(Built *b, DfConfig **config, const char *text)
{
    DfRecipe recipe;
    cr_assert_eq(df_config_parse(config, text, strlen(text), "text", true), DF_OK, "%s", df_error());
    cr_assert_eq(df_recipe_read(&recipe, df_config_root(*config)), DF_OK, "%s", df_error());
    build(b, df_config_root(*config), &recipe);
}

static void undo(Built *b, DfConfig *config)
{
    destroy(b);
    df_config_free(config);
}

/* A name of the backbone that contains `part`. */
static void expect_like(const Built *b, const char *part, double rate, double decay)
{
    for (int i = 0; i < b->groups.n; i++)
        if (strstr(b->groups.params[i]->name, part)) {
            expect(b, b->groups.params[i]->name, rate, decay);
            return;
        }
    cr_expect(false, "no parameter is called like %s", part);
}

#define DCN "backbone = dict(type='ResNet', depth=50, base_channels=8, dcn=dict(type='DCNv2', deform_groups=1),\n" \
            "    stage_with_dcn=(False, False, False, True))\n"

/* mmcv and mmengine: the offsets have a rate of their own, and no rule of biases or flat lists means their bias. */
Test(groups, offsets_of_deformable_convolutions)
{
    static const char *const recipes[] = {
        "optimizer = dict(type='SGD', lr=1, weight_decay=0.1, paramwise_cfg=dict(dcn_offset_lr_mult=0.25,\n"
        "    bias_lr_mult=2, bias_decay_mult=0.5))\n",
        "optim_wrapper = dict(optimizer=dict(type='SGD', lr=1, weight_decay=0.1), paramwise_cfg=dict(\n"
        "    dcn_offset_lr_mult=0.25, bias_lr_mult=2, bias_decay_mult=0.5, flat_decay_mult=0))\n",
    };
    for (int i = 0; i < 2; i++) {
        char text[1024];
        Built b;
        DfConfig *config;
        snprintf(text, sizeof text, DCN "%s", recipes[i]);
        build_text(&b, &config, text);
        expect_like(&b, "layer4.1.conv2.weight", 1, 0.1);
        expect_like(&b, "layer4.1.conv2.conv_offset.weight", 0.25, 0.1);
        expect_like(&b, "layer4.1.conv2.conv_offset.bias", 0.25, 0.1);
        undo(&b, config);
    }
}

Test(groups, depthwise_and_flat)
{
    Built b;
    DfConfig *config;
    build_text(&b, &config, PVT2 "optim_wrapper = dict(optimizer=dict(type='SGD', lr=1, weight_decay=0.1),\n"
                                 "    paramwise_cfg=dict(dwconv_decay_mult=0.0, norm_decay_mult=0.5, flat_decay_mult=0.25, bias_lr_mult=2))\n");
    expect_like(&b, "patch_embed1.proj.weight", 1, 0.1);
    expect_like(&b, "patch_embed1.proj.bias", 2, 0.025);
    expect_like(&b, "patch_embed1.norm.bias", 1, 0.05);
    expect_like(&b, "dwconv.dwconv.weight", 1, 0);
    expect_like(&b, "dwconv.dwconv.bias", 2, 0);
    cr_expect_eq(b.groups.n_groups, 5);
    undo(&b, config);
}

/* mmcv asks for depthwise convolutions before biases, and for norms before both. */
Test(groups, of_mmcv)
{
    Built b;
    DfConfig *config;
    build_text(&b, &config, PVT2 "optimizer = dict(type='SGD', lr=1, weight_decay=0.1, paramwise_cfg=dict(bias_decay_mult=0.0, norm_decay_mult=0.5))\n");
    expect_like(&b, "patch_embed1.proj.bias", 1, 0);
    expect_like(&b, "patch_embed1.norm.bias", 1, 0.05);
    expect_like(&b, "dwconv.dwconv.bias", 1, 0.1);
    undo(&b, config);
}

Test(groups, keys_that_begin_with_a_dot)
{
    Built b;
    DfConfig *config;
    build_text(&b, &config, SWIN "optimizer = dict(type='SGD', lr=1, weight_decay=0.1, paramwise_cfg=dict(\n"
                                 "    custom_keys={'.patch_embed': dict(lr_mult=0.5), '.norm1': dict(decay_mult=0), 'norm': dict(decay_mult=0.5)}))\n");
    expect_like(&b, "patch_embed.norm.weight", 0.5, 0.1);
    expect_like(&b, "blocks.0.norm1.bias", 1, 0);
    expect_like(&b, "blocks.0.norm2.bias", 1, 0.05);
    undo(&b, config);
}

Test(groups, from_layer_to_layer)
{
    Built b;
    DfConfig *config;
    build_text(&b, &config, SWIN "optimizer = dict(type='AdamW', lr=1, weight_decay=0.1, constructor='LayerDecayOptimizerConstructor',\n"
                                 "    paramwise_cfg=dict(num_layers=5, decay_rate=0.5))\n");
    expect_like(&b, "patch_embed.proj.weight", pow(0.5, 6), 0.1);
    expect_like(&b, "layers.0.blocks.0.attn.qkv.weight", pow(0.5, 5), 0.1);
    expect_like(&b, "layers.1.blocks.1.attn.qkv.weight", pow(0.5, 3), 0.1);
    expect_like(&b, "layers.1.blocks.1.norm1.weight", pow(0.5, 3), 0);
    expect_like(&b, "layers.1.downsample.reduction.weight", pow(0.5, 3), 0.1);
    expect_like(&b, "layers.3.blocks.0.attn.qkv.bias", 0.5, 0);
    undo(&b, config);
}

/* Names and groups of Deformable DETR's main.py: tests/data/deformable_detr has its parameters. */
Test(groups, of_detr)
{
    Built b;
    DfConfig *config;
    static const char *const set[] = { "args.lr=0.01", "args.lr_backbone=0.002", "args.lr_linear_proj_mult=0.5" };
    DfRecipe recipe;
    cr_assert_eq(df_config_read(&config, DF_TEST_DATA "/deformable_detr/plain/config.json", set, 3), DF_OK, "%s", df_error());
    cr_assert_eq(df_recipe_read(&recipe, df_config_root(config)), DF_OK, "%s", df_error());
    build(&b, df_config_root(config), &recipe);
    expect_like(&b, "backbone.0.body.layer2", 0.002, 1e-4);
    expect_like(&b, "sampling_offsets.weight", 0.005, 1e-4);
    expect_like(&b, "reference_points.bias", 0.005, 1e-4);
    expect_like(&b, "linear1.weight", 0.01, 1e-4);
    undo(&b, config);
}

static void refuse(const char *text, const char *sentence)
{
    DfConfig *config;
    DfRecipe recipe;
    DfModel *model;
    DfGroups groups;
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "text", true), DF_OK, "%s", df_error());
    cr_assert_eq(df_recipe_read(&recipe, df_config_root(config)), DF_OK, "%s", df_error());
    cr_assert_eq(df_model_new(&model, df_config_root(config)), DF_OK, "%s", df_error());
    cr_assert_eq(df_model_init(model, 0), DF_OK);
    cr_assert_eq(nn_model_train(df_model_weights(model)), DF_OK);
    cr_expect_eq(df_groups_new(&groups, df_model_weights(model), &recipe), DF_EVALUE, "%s", text);
    cr_expect(strstr(df_error(), sentence), "%s", df_error());
    df_model_free(model);
    df_config_free(config);
}

Test(groups, refused)
{
    refuse(SWIN "optimizer = dict(type='SGD', lr=1, constructor='MyConstructor')\n", "want DefaultOptimizerConstructor");
    refuse(SWIN "optimizer = dict(type='SGD', lr=1, paramwise_cfg=dict(norm_decay=0))\n", "no option 'norm_decay'");
    refuse(SWIN "optimizer = dict(type='SGD', lr=1, paramwise_cfg=dict(custom_keys={'norm': dict(decay=0)}))\n", "no option 'decay'");
    refuse(SWIN "optimizer = dict(type='SGD', lr=1, constructor='LayerDecayOptimizerConstructor', paramwise_cfg=dict(num_layers=5))\n", "want decay_rate");
    refuse(SWIN "optimizer = dict(type='SGD', lr=1, constructor='LayerDecayOptimizerConstructor', paramwise_cfg=dict(num_layers=12, decay_rate=0.9))\n",
           "the backbone has 5 blocks");
}
