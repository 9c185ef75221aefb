/* SPDX-License-Identifier: Apache-2.0
 *
 * train/recipe.c -- reads the training settings of a config (DfRecipe) in three dialects: mmcv's, mmengine's, and that
 * of the DETR programs.
 */
#include "train/recipe.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const DfNode *dict_at(const DfNode *root, const char *key)
{
    const DfNode *node = df_node_get(root, key);
    return node && node->kind == DF_NODE_DICT ? node : NULL;
}

/* ---- mmcv: optimizer, optimizer_config, lr_config, runner -------------------------------------------------------- */

typedef struct {
    const DfNode *grad_clip;
    int cumulative_iters, update_interval;
} OptimizerConfig;

static const DfOpt optimizer_config_opts[] = {
    DF_OPT_DICT(OptimizerConfig, grad_clip, "None", "what cuts off a gradient that is too long"),
    DF_OPT_INT(OptimizerConfig, cumulative_iters, 1, 1, 1e6, "batches of a step"),
    DF_OPT_INT(OptimizerConfig, update_interval, 1, 1, 1e6, "the same, of the hook of apex"),
    DF_OPT_UNUSED(coalesce, "gradients of several processes are always added up together"),
    DF_OPT_UNUSED(bucket_size_mb, "in pieces of their own size"),
    DF_OPT_UNUSED(use_fp16, "everything is float32 here"),
    DF_OPT_UNUSED(loss_scale, "float32 needs none"),
    DF_OPT_UNUSED(distributed, "several processes: mpirun"),
    DF_OPT_UNUSED(detect_anomalous_params, "parameters without a gradient are not searched for"),
    DF_OPT_END
};

static bool known_hook(const char *type)
{
    static const char *const names[] = {
        "OptimizerHook",      "GradientCumulativeOptimizerHook",     "DistOptimizerHook",
        "Fp16OptimizerHook",  "GradientCumulativeFp16OptimizerHook", NULL,
    };
    for (int i = 0; names[i]; i++)
        if (strcmp(names[i], type) == 0)
            return true;
    return false;
}

static int read_optimizer_config(DfRecipe *r, const DfNode *root, DfArena *arena)
{
    const DfNode *dict = dict_at(root, "optimizer_config");
    const char *type = df_node_text(df_node_get(dict, "type"), "OptimizerHook");
    OptimizerConfig read = { 0 };
    if (!known_hook(type))
        return df_node_fail(dict, DF_EVALUE, "optimizer_config of type '%s' is not built in", type);
    int error = df_bind(dict, optimizer_config_opts, &read, arena, "optimizer_config");
    if (error == DF_OK)
        error = df_clip(&r->clip, read.grad_clip ? read.grad_clip : dict_at(root, "grad_clip"));
    if (error < 0)
        return error;
    r->accumulation = read.cumulative_iters > 1 ? read.cumulative_iters : read.update_interval;
    r->half = strstr(type, "Fp16") || dict_at(root, "fp16") || df_node_bool(df_node_get(dict, "use_fp16"), false);
    return DF_OK;
}

typedef struct {
    double max_epochs, max_iters;
} Runner;

static const DfOpt runner_opts[] = {
    DF_OPT_FLOAT(Runner, max_epochs, None, 1, 1e9, "epochs of the run"),
    DF_OPT_FLOAT(Runner, max_iters, None, 1, 1e12, "iterations of the run"),
    DF_OPT_UNUSED(meta, "written into checkpoints by mmcv"),
    DF_OPT_END
};

static int read_runner(DfRecipe *r, const DfNode *root, DfArena *arena)
{
    Runner read = { .max_epochs = NAN, .max_iters = NAN };
    const DfNode *runner = dict_at(root, "runner");
    if (runner) {
        const int error = df_bind(runner, runner_opts, &read, arena, "runner");
        if (error < 0)
            return error;
    }
    r->epochs = isnan(read.max_epochs) ? df_node_int(df_node_get(root, "total_epochs"), 0) : (int64_t)read.max_epochs;
    r->iterations = isnan(read.max_iters) ? df_node_int(df_node_get(root, "total_iters"), 0) : (int64_t)read.max_iters;
    return DF_OK;
}

static int read_mmcv(DfRecipe *r, const DfNode *root, DfArena *arena)
{
    const DfNode *optimizer = dict_at(root, "optimizer");
    int error = DF_OK;
    if (optimizer) {
        r->dialect = DF_RECIPE_MMCV;
        error = df_optimizer_rule(&r->rule, optimizer);
        r->paramwise = dict_at(optimizer, "paramwise_cfg");
        r->constructor = df_node_text(df_node_get(optimizer, "constructor"), NULL);
    }
    r->schedule = dict_at(root, "lr_config");
    if (error == DF_OK)
        error = read_optimizer_config(r, root, arena);
    if (error == DF_OK)
        error = read_runner(r, root, arena);
    return error;
}

/* ---- mmengine: optim_wrapper, param_scheduler, train_cfg --------------------------------------------------------- */

typedef struct {
    const DfNode *optimizer, *clip_grad, *paramwise_cfg;
    int accumulative_counts;
    const char *constructor;
} Wrapper;

static const DfOpt wrapper_opts[] = {
    DF_OPT_DICT(Wrapper, optimizer, NULL, "SGD, Adam or AdamW, and its options"),
    DF_OPT_DICT(Wrapper, clip_grad, "None", "what cuts off a gradient that is too long"),
    DF_OPT_DICT(Wrapper, paramwise_cfg, "None", "rates and decays of some parameters"),
    DF_OPT_INT(Wrapper, accumulative_counts, 1, 1, 1e6, "batches of a step"),
    DF_OPT_TEXT(Wrapper, constructor, "None", "who reads paramwise_cfg"),
    DF_OPT_UNUSED(loss_scale, "float32 needs none"),
    DF_OPT_UNUSED(dtype, "everything is float32 here"),
    DF_OPT_UNUSED(use_fsdp, "for GPUs"),
    DF_OPT_END
};

static int read_wrapper(DfRecipe *r, const DfNode *dict, DfArena *arena)
{
    const char *type = df_node_text(df_node_get(dict, "type"), "OptimWrapper");
    Wrapper read = { 0 };
    if (strcmp(type, "OptimWrapper") != 0 && strcmp(type, "AmpOptimWrapper") != 0)
        return df_node_fail(dict, DF_EVALUE, "optim_wrapper of type '%s': want OptimWrapper or AmpOptimWrapper", type);
    int error = df_bind(dict, wrapper_opts, &read, arena, "optim_wrapper");
    if (error == DF_OK)
        error = df_optimizer_rule(&r->rule, read.optimizer);
    if (error == DF_OK)
        error = df_clip(&r->clip, read.clip_grad);
    r->dialect = DF_RECIPE_MMENGINE;
    r->half = strcmp(type, "AmpOptimWrapper") == 0;
    r->paramwise = read.paramwise_cfg;
    r->constructor = df_node_text(df_node_get(dict, "constructor"), NULL);
    r->accumulation = read.accumulative_counts;
    return error;
}

typedef struct {
    bool by_epoch;
    double max_epochs, max_iters;
} Loop;

static const DfOpt loop_opts[] = {
    DF_OPT_BOOL(Loop, by_epoch, False, "counts epochs"),
    DF_OPT_FLOAT(Loop, max_epochs, None, 1, 1e9, "epochs of the run"),
    DF_OPT_FLOAT(Loop, max_iters, None, 1, 1e12, "iterations of the run"),
    DF_OPT_UNUSED(val_interval, "when the run is evaluated: read by the run"),
    DF_OPT_UNUSED(val_begin, "first epoch after which the run is evaluated"),
    DF_OPT_UNUSED(dynamic_intervals, "evaluation intervals that change during the run"),
    DF_OPT_END
};

/* train_cfg at the root is a loop if it says so: in old configs it belongs to the network. */
static bool is_loop(const DfNode *dict)
{
    const char *type = df_node_text(df_node_get(dict, "type"), "");
    return strstr(type, "TrainLoop") || df_node_get(dict, "by_epoch") || df_node_get(dict, "max_epochs") ||
           df_node_get(dict, "max_iters");
}

static int read_loop(DfRecipe *r, const DfNode *root, DfArena *arena)
{
    const DfNode *dict = dict_at(root, "train_cfg");
    Loop read = { 0 };
    if (!dict || !is_loop(dict))
        return DF_OK;
    const int error = df_bind(dict, loop_opts, &read, arena, "train_cfg");
    if (error < 0)
        return error;
    r->epochs = isnan(read.max_epochs) ? 0 : (int64_t)read.max_epochs;
    r->iterations = isnan(read.max_iters) ? 0 : (int64_t)read.max_iters;
    return DF_OK;
}

static int read_mmengine(DfRecipe *r, const DfNode *root, DfArena *arena)
{
    r->schedule = df_node_get(root, "param_scheduler");
    const int error = read_wrapper(r, dict_at(root, "optim_wrapper"), arena);
    return error == DF_OK ? read_loop(r, root, arena) : error;
}

/* ---- DETR: the arguments of main.py ------------------------------------------------------------------------------ */

/* DETR and Deformable DETR have other defaults: the second has `with_box_refine`, or several levels. */
static bool is_deformable(const DfNode *args, const DfNode *root)
{
    const char *type = df_node_text(df_node_get(root, "type"), "");
    return strcmp(type, "DeformableDETR") == 0 || df_node_get(args, "num_feature_levels") ||
           df_node_get(args, "with_box_refine");
}

static void read_detr(DfRecipe *r, const DfNode *args, const DfNode *root)
{
    const bool deformable = is_deformable(args, root);
    const double most = df_node_number(df_node_get(args, "clip_max_norm"), 0.1);
    r->dialect = DF_RECIPE_DETR;
    r->args = args;
    r->deformable = deformable;
    r->rule = (DfOptimizerRule){
        .kind = df_node_bool(df_node_get(args, "sgd"), false) ? DF_SGD : DF_ADAMW,
        .lr = df_node_number(df_node_get(args, "lr"), deformable ? 2e-4 : 1e-4),
        .weight_decay = df_node_number(df_node_get(args, "weight_decay"), 1e-4),
        .momentum = 0.9,
        .beta1 = 0.9,
        .beta2 = 0.999,
        .eps = 1e-8,
    };
    r->clip = (DfClip){ .kind = most > 0 ? DF_CLIP_NORM : DF_CLIP_NONE, .most = most, .p = 2 };
    r->epochs = df_node_int(df_node_get(args, "epochs"), deformable ? 50 : 300);
    r->drop_epoch = (int)df_node_int(df_node_get(args, "lr_drop"), deformable ? 40 : 200);
}

/* ---- any --------------------------------------------------------------------------------------------------------- */

int df_recipe_read(DfRecipe *out, const DfNode *root)
{
    *out = (DfRecipe){ .accumulation = 1, .clip = { .kind = DF_CLIP_NONE, .p = 2 } };
    DfArena *arena = df_arena_new();
    int error = arena ? DF_OK : df_fail_memory("the recipe of a run");
    if (error == DF_OK && dict_at(root, "optim_wrapper"))
        error = read_mmengine(out, root, arena);
    else if (error == DF_OK && dict_at(root, "args"))
        read_detr(out, dict_at(root, "args"), root);
    else if (error == DF_OK)
        error = read_mmcv(out, root, arena);
    if (error == DF_OK)
        error = df_ema_rule(&out->ema, df_node_get(root, "custom_hooks"));
    df_arena_free(arena);
    return error;
}

/* What lr_scheduler.StepLR does, as a config would say it. */
static int detr_schedule(DfSchedule **out, const DfRecipe *r, const DfRunLength *run, const double *base, int n)
{
    char text[80];
    DfConfig *config;
    const int length = snprintf(text, sizeof text, "x = dict(policy='step', step=%d, gamma=0.1)\n", r->drop_epoch);
    int error = df_config_parse(&config, text, (size_t)length, "lr_drop", true);
    if (error < 0)
        return error;
    error = df_schedule_new(out, df_node_get(df_config_root(config), "x"), run, base, n);
    df_config_free(config);
    return error;
}

int df_recipe_schedule(DfSchedule **out, const DfRecipe *r, const DfRunLength *run, const double *base, int n)
{
    if (r->dialect == DF_RECIPE_DETR && r->drop_epoch > 0)
        return detr_schedule(out, r, run, base, n);
    return df_schedule_new(out, r->schedule, run, base, n);
}
