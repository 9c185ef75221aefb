/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/train/test_train_memory.c -- every allocation of a recipe and of a trainer
 * fails once: DF_ENOMEM, and nothing is left behind.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "train/train.h"

static const char *const text =
    "model = dict(type='RetinaNet',\n"
    "    backbone=dict(type='ResNet', depth=18, base_channels=4, num_stages=4, out_indices=(0, 1, 2, 3), frozen_stages=1, style='pytorch'),\n"
    "    neck=dict(type='FPN', in_channels=[4, 8, 16, 32], out_channels=8, start_level=1, add_extra_convs='on_input', num_outs=5),\n"
    "    bbox_head=dict(type='RetinaHead', num_classes=3, in_channels=8, feat_channels=8, stacked_convs=1))\n"
    "optimizer = dict(type='AdamW', lr=0.001, amsgrad=True, paramwise_cfg=dict(custom_keys={'norm': dict(decay_mult=0.)}))\n"
    "optimizer_config = dict(grad_clip=dict(max_norm=1))\n"
    "lr_config = dict(policy='step', step=[1, 2], warmup='linear', warmup_iters=3)\n"
    "custom_hooks = [dict(type='EMAHook', momentum=0.01)]\n"
    "runner = dict(type='EpochBasedRunner', max_epochs=3)\n";

static int build(DfModel *model, const DfNode *root)
{
    DfRecipe recipe;
    DfTrainer *trainer = NULL;
    const DfRunLength run = { 3, 4, 12 };
    int error = df_recipe_read(&recipe, root);
    if (error == DF_OK)
        error = df_trainer_new(&trainer, model, &recipe, &run);
    df_trainer_free(trainer);
    return error;
}

Test(train_memory, every_allocation_fails_once)
{
    DfConfig *config;
    DfModel *model;
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "text", true), DF_OK, "%s", df_error());
    cr_assert_eq(df_model_new(&model, df_config_root(config)), DF_OK, "%s", df_error());
    cr_assert_eq(df_model_init(model, 1), DF_OK);
    cr_assert_eq(build(model, df_config_root(config)), DF_OK, "%s", df_error());
    const size_t before = df_memory().now;
    size_t n = 1;
    for (;; n++) {
        df_memory_fail_at(n, false);
        const int error = build(model, df_config_root(config));
        df_memory_fail_at(0, false);
        if (error == DF_OK)
            break;
        cr_assert_eq(error, DF_ENOMEM, "allocation %zu: %s", n, df_error());
        cr_assert_eq(df_memory().now, before, "allocation %zu leaves %zu bytes", n, df_memory().now - before);
    }
    cr_expect_gt(n, 30);
    df_model_free(model);
    df_config_free(config);
}
