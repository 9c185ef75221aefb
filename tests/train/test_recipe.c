/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/train/test_recipe.c -- what configs say of training, in three dialects; and what makes no sense.
 */
#include <criterion/criterion.h>
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/train.h"

static DfConfig *parse(const char *text)
{
    DfConfig *config;
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "text", true), DF_OK, "%s", df_error());
    return config;
}

static DfRecipe read_recipe(DfConfig *config)
{
    DfRecipe r;
    cr_assert_eq(df_recipe_read(&r, df_config_root(config)), DF_OK, "%s", df_error());
    return r;
}

/* Swin-Transformer-Object-Detection's and DAT's, as they stand. */
Test(recipe, of_mmcv)
{
    DfConfig *config = parse(
        "optimizer = dict(type='AdamW', lr=0.0001, betas=(0.9, 0.999), weight_decay=0.05,\n"
        "                 paramwise_cfg=dict(custom_keys={'absolute_pos_embed': dict(decay_mult=0.), 'norm': dict(decay_mult=0.)}))\n"
        "lr_config = dict(policy='step', warmup='linear', warmup_iters=500, warmup_ratio=0.001, step=[27, 33])\n"
        "runner = dict(type='EpochBasedRunnerAmp', max_epochs=36)\n"
        "fp16 = None\n"
        "optimizer_config = dict(type='DistOptimizerHook', update_interval=4, grad_clip=None, coalesce=True, bucket_size_mb=-1, use_fp16=True)\n"
        "custom_hooks = [dict(type='NumClassCheckHook'), dict(type='EMAHook', momentum=0.01, warm_up=50)]\n");
    const DfRecipe r = read_recipe(config);
    cr_expect(r.dialect == DF_RECIPE_MMCV && r.rule.kind == DF_ADAMW && r.rule.beta2 == 0.999 && r.rule.weight_decay == 0.05);
    cr_expect(r.epochs == 36 && r.iterations == 0 && r.accumulation == 4 && r.clip.kind == DF_CLIP_NONE && r.half);
    cr_expect(r.ema.kind == DF_EMA_MMCV && r.ema.gamma == 50 && r.ema.momentum == 0.01);
    cr_expect(r.paramwise && r.schedule);
    df_config_free(config);
}

/* mmseg's: by iterations. */
Test(recipe, of_mmcv_by_iterations)
{
    DfConfig *config = parse("optimizer = dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=0.0005)\n"
                             "optimizer_config = dict(grad_clip=dict(max_norm=35, norm_type=2))\n"
                             "lr_config = dict(policy='poly', power=0.9, min_lr=1e-4, by_epoch=False)\n"
                             "runner = dict(type='IterBasedRunner', max_iters=80000)\n");
    const DfRecipe r = read_recipe(config);
    cr_expect(r.rule.kind == DF_SGD && r.rule.momentum == 0.9 && r.clip.kind == DF_CLIP_NORM && r.clip.most == 35);
    cr_expect(r.epochs == 0 && r.iterations == 80000 && !r.half && r.accumulation == 1);
    df_config_free(config);
}

Test(recipe, of_mmengine)
{
    DfConfig *config = parse(
        "optim_wrapper = dict(type='AmpOptimWrapper', loss_scale='dynamic', accumulative_counts=2,\n"
        "    optimizer=dict(type='Adam', lr=0.001, amsgrad=True), clip_grad=dict(type='value', clip_value=0.1),\n"
        "    paramwise_cfg=dict(norm_decay_mult=0))\n"
        "param_scheduler = [dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=500)]\n"
        "train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=12, val_interval=1)\n"
        "custom_hooks = [dict(type='EMAHook', ema_type='ExpMomentumEMA', momentum=0.0002, update_buffers=True, priority=49)]\n");
    const DfRecipe r = read_recipe(config);
    cr_expect(r.dialect == DF_RECIPE_MMENGINE && r.rule.kind == DF_ADAM && r.rule.amsgrad && r.clip.kind == DF_CLIP_VALUE);
    cr_expect(r.accumulation == 2 && r.half && r.epochs == 12 && r.iterations == 0);
    cr_expect(r.ema.kind == DF_EMA_EXPONENTIAL && r.ema.buffers && r.ema.gamma == 2000);
    df_config_free(config);
}

/* The train_cfg of an older network is no loop. */
Test(recipe, of_mmengine_by_iterations)
{
    DfConfig *config = parse("optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1))\n"
                             "train_cfg = dict(type='IterBasedTrainLoop', max_iters=160000, val_interval=16000)\n");
    DfRecipe r = read_recipe(config);
    cr_expect(r.epochs == 0 && r.iterations == 160000 && r.schedule == NULL);
    df_config_free(config);
    config = parse("optimizer = dict(type='SGD', lr=0.1)\ntotal_epochs = 24\ntrain_cfg = dict(rpn=dict(pos_weight=-1))\n");
    r = read_recipe(config);
    cr_expect_eq(r.epochs, 24);
    df_config_free(config);
}

Test(recipe, of_detr)
{
    DfConfig *config = parse("type = 'DeformableDETR'\nargs = dict(lr=1e-3, sgd=True, lr_drop=2, epochs=6, clip_max_norm=0, num_feature_levels=4)\n");
    const DfRecipe r = read_recipe(config);
    cr_expect(r.dialect == DF_RECIPE_DETR && r.rule.kind == DF_SGD && r.rule.momentum == 0.9 && r.clip.kind == DF_CLIP_NONE && r.epochs == 6);
    const DfRunLength run = { 6, 10, 60 };
    const double base = 1e-3;
    DfSchedule *s;
    cr_assert_eq(df_recipe_schedule(&s, &r, &run, &base, 1), DF_OK, "%s", df_error());
    df_config_free(config);
    df_schedule_seek(s, 19);
    cr_expect_eq(df_schedule_rates(s)[0], 1e-3);
    df_schedule_seek(s, 40);
    cr_expect_float_eq(df_schedule_rates(s)[0], 1e-5, 1e-17);
    df_schedule_free(s);
}

Test(recipe, of_nobody)
{
    DfConfig *config = parse("model = dict(type='RetinaNet')\n");
    const DfRecipe r = read_recipe(config);
    cr_expect(r.dialect == DF_RECIPE_NONE && r.accumulation == 1 && r.ema.kind == DF_EMA_NONE);
    df_config_free(config);
}

/* The recipe of every ready config, and its schedule. */
Test(recipe, of_every_ready_config)
{
    glob_t found;
    int with_optimizer = 0;
    cr_assert_eq(glob(DF_ROOT "/configs/[a-z]*/*.py", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        DfConfig *config;
        DfRecipe r;
        DfSchedule *s;
        const DfRunLength run = { 12, 100, 1200 };
        const double base = 1;
        cr_assert_eq(df_config_read(&config, found.gl_pathv[i], NULL, 0), DF_OK, "%s", df_error());
        cr_assert_eq(df_recipe_read(&r, df_config_root(config)), DF_OK, "%s", df_error());
        cr_assert_eq(df_recipe_schedule(&s, &r, &run, &base, 1), DF_OK, "%s: %s", found.gl_pathv[i], df_error());
        with_optimizer += r.dialect != DF_RECIPE_NONE;
        df_schedule_free(s);
        df_config_free(config);
    }
    cr_expect_gt(with_optimizer, 50);
    globfree(&found);
}

static void refuse(const char *text, const char *sentence)
{
    DfConfig *config = parse(text);
    DfRecipe r;
    cr_expect_eq(df_recipe_read(&r, df_config_root(config)), DF_EVALUE, "%s", text);
    cr_expect(strstr(df_error(), sentence), "%s", df_error());
    df_config_free(config);
}

Test(recipe, refused)
{
    refuse("optimizer = dict(type='SGD', lr=1)\noptimizer_config = dict(grad_clp=None)\n", "did you mean 'grad_clip'?");
    refuse("optimizer = dict(type='SGD', lr=1)\noptimizer_config = dict(type='GanHook')\n", "'GanHook' is not built in");
    refuse("optimizer = dict(type='SGD', lr=1)\nrunner = dict(type='EpochBasedRunner', max_epoch=3)\n", "did you mean 'max_epochs'?");
    refuse("optim_wrapper = dict(type='OptimWrapper')\n", "requires the key 'optimizer'");
    refuse("optim_wrapper = dict(type='ZeroOptimWrapper', optimizer=dict(type='SGD'))\n", "want OptimWrapper");
    refuse("optim_wrapper = dict(optimizer=dict(type='SGD'), acumulative_counts=2)\n", "did you mean 'accumulative_counts'?");
    refuse("optim_wrapper = dict(optimizer=dict(type='SGD'))\ntrain_cfg = dict(by_epoch=True, max_epoch=2)\n", "did you mean 'max_epochs'?");
}

/* ---- beyond the recipe ----------------------------------------------------------------------------------------- */

static void expect_check(const char *text, int want, const char *sentence)
{
    DfConfig *config = parse(text);
    cr_expect_eq(df_recipe_check(df_config_root(config)), want, "%s", text);
    if (want < 0)
        cr_expect_not_null(strstr(df_error(), sentence), "%s", df_error());
    df_config_free(config);
}

Test(recipe, settings_that_a_run_cannot_obey)
{
    expect_check("resume_from = None\nmomentum_config = None\nresume = False\n", DF_OK, NULL);
    expect_check("momentum_config = dict(policy='cyclic', target_ratio=(0.85 / 0.95, 1))\n", DF_EVALUE, "a momentum that changes is not built in");
    expect_check("resume_from = 'epoch_3.pth'\n", DF_EVALUE, "want None, not 'epoch_3.pth': --resume");
}

static char logged[512];
static void keep_line(void *user, DfLogLevel level, const char *line)
{
    (void)user;
    (void)level;
    strncat(logged, line, sizeof logged - strlen(logged) - 1);
}

Test(recipe, hooks_that_are_not_built_in)
{
    DfConfig *config = parse("custom_hooks = [dict(type='NumClassCheckHook'), dict(type='PipelineSwitchHook'),\n"
                             "    dict(type='EMAHook', momentum=0.001), dict(type='EMAHok')]\n");
    df_log_to(keep_line, NULL);
    df_recipe_warn(df_config_root(config));
    cr_expect_str_eq(logged, "warning: custom_hooks: 'PipelineSwitchHook' is not built in, and the run goes without it"
                             "warning: custom_hooks: 'EMAHok' is not built in, and the run goes without it");
    df_config_free(config);
}

Test(recipe, rate_that_grows_with_the_batch)
{
    DfRecipe r = { .rule = { .lr = 0.02 } };
    DfConfig *config = parse("auto_scale_lr = dict(enable=False, base_batch_size=16)\n");
    cr_expect_eq(df_recipe_scale(&r, df_config_root(config), 4), DF_OK);
    cr_expect_eq(r.rule.lr, 0.02);
    df_config_free(config);
    config = parse("auto_scale_lr = dict(enable=True, base_batch_size=16)\n");
    cr_expect_eq(df_recipe_scale(&r, df_config_root(config), 4), DF_OK);
    cr_expect_eq(r.rule.lr, 0.005);
    df_config_free(config);
    config = parse("auto_scale_lr = dict(enable=True)\n");
    cr_expect_eq(df_recipe_scale(&r, df_config_root(config), 4), DF_EVALUE);
    cr_expect_not_null(strstr(df_error(), "base_batch_size"), "%s", df_error());
    df_config_free(config);
}
