/* SPDX-License-Identifier: Apache-2.0
 *
 * train/plan.c -- reads the length of a run and its intervals from a config, in the keys of mmcv's runners and of
 * mmengine's loops.
 */
#include "train/plan.h"

#include <string.h>

#define LOGGER_WHY "log.jsonl has everything"

/* ---- length ------------------------------------------------------------------------------------------------------ */

typedef struct {
    int max_epochs, max_iters, val_interval, val_begin;
} Runner;

static const DfOpt runner_opts[] = {
    DF_OPT_INT(Runner, max_epochs, None, 0, 1000000, "passes over the training set"),
    DF_OPT_INT(Runner, max_iters, None, 0, 2000000000, "steps, of a run that is counted in steps"),
    DF_OPT_INT(Runner, val_interval, 0, 0, 2000000000, "epochs or steps between two evaluations; 0: as `evaluation`"),
    DF_OPT_INT(Runner, val_begin, 1, 0, 2000000000, "the first epoch or step that is evaluated"),
    DF_OPT_UNUSED(dynamic_intervals, "the interval stays as it is"),
    DF_OPT_UNUSED(meta, "described by the config"),
    DF_OPT_END
};

/* The dict that says how long a run is. In 2.x `train_cfg` may be the model's, which has no such keys. */
static const DfNode *runner_of(const DfNode *root)
{
    const DfNode *runner = df_node_get(root, "runner");
    const DfNode *loop = df_node_get(root, "train_cfg");
    if (runner)
        return runner;
    return df_node_get(loop, "max_epochs") || df_node_get(loop, "max_iters") ? loop : NULL;
}

static int read_length(DfPlan *plan, Runner *runner, const DfNode *root, DfArena *arena)
{
    const DfNode *dict = runner_of(root);
    int error = df_bind(dict, runner_opts, runner, arena, "the runner");
    if (error < 0)
        return error;
    plan->epochs = runner->max_epochs;
    plan->iterations = runner->max_iters;
    if (!dict) {
        plan->epochs = df_node_int(df_node_get(root, "total_epochs"), 0);
        plan->iterations = df_node_int(df_node_get(root, "total_iters"), 0);
    }
    if (plan->epochs > 0 && plan->iterations > 0)
        return df_node_fail(dict ? dict : root, DF_EVALUE,
                            "has max_epochs and max_iters: want one of them, and None for the other");
    return DF_OK;
}

/* ---- evaluation, checkpoints, log -------------------------------------------------------------------------------- */

typedef struct {
    int interval, start;
    const char *save_best;
    const DfNode *by_epoch;
} Evaluation;

static const DfOpt evaluation_opts[] = {
    DF_OPT_INT(Evaluation, interval, 1, 1, 2000000000, "epochs (or steps) between two evaluations"),
    DF_OPT_INT(Evaluation, start, 0, 0, 2000000000, "the first epoch (or step) that is evaluated"),
    DF_OPT_TEXT(Evaluation, save_best, "None",
                "the score of the best checkpoint, as 'bbox_mAP'; None, 'auto': the first"),
    DF_OPT_NODE(Evaluation, by_epoch, "None", "the interval counts epochs; default: as the runner"),
    DF_OPT_UNUSED(metric, "every score that the network has is computed"),
    DF_OPT_UNUSED(rule, "of all scores the greater is better"),
    DF_OPT_UNUSED(pre_eval, "results are always scored picture by picture"),
    DF_OPT_UNUSED(classwise, "said by `deformer eval --per-class`"),
    DF_OPT_UNUSED(iou_thrs, "COCO's ten thresholds"),
    DF_OPT_UNUSED(iou_thr, "PASCAL VOC: read where results are scored"),
    DF_OPT_UNUSED(eval_mode, "PASCAL VOC: area or 11points; read where results are scored"),
    DF_OPT_UNUSED(proposal_nums, "COCO's limits"),
    DF_OPT_UNUSED(metric_items, "all twelve numbers of COCO"),
    DF_OPT_UNUSED(metric_options, "top-1 and top-5"),
    DF_OPT_UNUSED(efficient_test, "memory of the Python code"),
    DF_OPT_UNUSED(gpu_collect, "runs on a CPU"),
    DF_OPT_UNUSED(broadcast_bn_buffer, "one process"),
    DF_OPT_UNUSED(jsonfile_prefix, "results are kept by `deformer eval --out`"),
    DF_OPT_UNUSED(out_dir, "files are in the work dir"),
    DF_OPT_UNUSED(priority, "order of the Python code's hooks"),
    DF_OPT_UNUSED(dynamic_intervals, "the interval stays as it is"),
    DF_OPT_END
};

typedef struct {
    int interval, max_keep_ckpts;
    const char *save_best;
    bool by_epoch;
} Checkpoint;

static const DfOpt checkpoint_opts[] = {
    DF_OPT_INT(Checkpoint, interval, 1, -1, 2000000000,
               "epochs (or steps) between two checkpoints; -1: the last alone"),
    DF_OPT_INT(Checkpoint, max_keep_ckpts, -1, -1, 1000000, "how many are kept; -1: all"),
    DF_OPT_TEXT(Checkpoint, save_best, "None", "as in `evaluation`, for mmengine"),
    DF_OPT_BOOL(Checkpoint, by_epoch, True, "the interval counts epochs"),
    DF_OPT_UNUSED(save_optimizer, "latest.safetensors has everything"),
    DF_OPT_UNUSED(save_param_scheduler, "rates follow from the step"),
    DF_OPT_UNUSED(save_last, "latest.safetensors is always there"),
    DF_OPT_UNUSED(out_dir, "files are in the work dir"),
    DF_OPT_UNUSED(create_symlink, "latest.safetensors is always there"),
    DF_OPT_UNUSED(filename_tmpl, "epoch_N.safetensors, iter_N.safetensors"),
    DF_OPT_UNUSED(sync_buffer, "one process"),
    DF_OPT_UNUSED(meta, "metadata says what is needed"),
    DF_OPT_UNUSED(rule, "of all scores the greater is better"),
    DF_OPT_UNUSED(published_keys, "what `deformer convert` is for"),
    DF_OPT_UNUSED(save_begin, "from the first one"),
    DF_OPT_UNUSED(priority, "order of the Python code's hooks"),
    DF_OPT_END
};

typedef struct {
    int interval;
} Logging;

static const DfOpt logging_opts[] = {
    DF_OPT_INT(Logging, interval, 50, 1, 1000000, "steps between two lines of log.jsonl"),
    DF_OPT_UNUSED(hooks, LOGGER_WHY),
    DF_OPT_UNUSED(ignore_last, LOGGER_WHY),
    DF_OPT_UNUSED(interval_exp_name, LOGGER_WHY),
    DF_OPT_UNUSED(log_metric_by_epoch, LOGGER_WHY),
    DF_OPT_UNUSED(by_epoch, LOGGER_WHY),
    DF_OPT_UNUSED(priority, "order of the Python code's hooks"),
    DF_OPT_END
};

/* `save_best` in words; None and 'auto' are NULL. */
static const char *best_of(const char *save_best)
{
    return save_best && strcmp(save_best, "auto") != 0 ? save_best : NULL;
}

static int read_scoring(DfPlan *plan, const Runner *runner, const DfNode *root, DfArena *arena)
{
    Evaluation e;
    const DfNode *dict = df_node_get(root, "evaluation");
    const int error = df_bind(dict, evaluation_opts, &e, arena, "evaluation");
    if (error < 0)
        return error;
    const bool by_epoch = df_node_bool(e.by_epoch, plan->epochs > 0);
    plan->score = (DfInterval){ e.interval, by_epoch };
    plan->first_score = e.start;
    plan->best = best_of(e.save_best);
    if (!dict && runner->val_interval) { /* mmengine: in the units of the loop */
        plan->score = (DfInterval){ runner->val_interval, plan->epochs > 0 };
        plan->first_score = runner->val_begin;
    } else if (!dict && plan->iterations > 0) {
        plan->score.every = (plan->iterations + 9) / 10;
    }
    return DF_OK;
}

static int read_keeping(DfPlan *plan, const DfNode *root, DfArena *arena)
{
    Checkpoint k;
    const DfNode *dict = df_node_get(root, "checkpoint_config");
    if (!dict)
        dict = df_node_at(root, "default_hooks.checkpoint");
    const int error = df_bind(dict, checkpoint_opts, &k, arena, "the checkpoints");
    if (error < 0)
        return error;
    plan->keep = (DfInterval){ k.interval > 0 ? k.interval : 0, k.by_epoch };
    plan->most_kept = k.max_keep_ckpts > 0 ? k.max_keep_ckpts : 0;
    if (!dict && plan->iterations > 0)
        plan->keep = (DfInterval){ 0, false };
    if (best_of(k.save_best))
        plan->best = k.save_best;
    return DF_OK;
}

static int read_logging(DfPlan *plan, const DfNode *root, DfArena *arena)
{
    Logging l;
    const DfNode *dict = df_node_get(root, "log_config");
    if (!dict)
        dict = df_node_at(root, "default_hooks.logger");
    const int error = df_bind(dict, logging_opts, &l, arena, "the log");
    plan->log_every = l.interval;
    return error;
}

/* ---- pictures and numbers ---------------------------------------------------------------------------------------- */

/* A whole number at the first of two places that has one. */
static int read_number(int *out, const DfNode *root, const char *place, const char *newer, int fallback, int least)
{
    const DfNode *node = df_node_at(root, place);
    if (!node)
        node = df_node_at(root, newer);
    *out = fallback;
    if (!node)
        return DF_OK;
    if (node->kind != DF_NODE_INT || node->integer < least || node->integer > 65536)
        return df_node_fail(node, DF_EVALUE, "want an integer in %d..65536", least);
    *out = (int)node->integer;
    return DF_OK;
}

static int read_seed(DfPlan *plan, const DfNode *root)
{
    const DfNode *seed = df_node_get(root, "seed");
    if (!seed)
        seed = df_node_at(root, "randomness.seed");
    if (!seed || seed->kind == DF_NODE_NONE)
        return DF_OK;
    if (seed->kind != DF_NODE_INT || seed->integer < 0)
        return df_node_fail(seed, DF_EVALUE, "want an integer of at least 0");
    plan->has_seed = true;
    plan->seed = (uint64_t)seed->integer;
    return DF_OK;
}

int df_plan_read(DfPlan *out, const DfNode *root, DfArena *arena)
{
    Runner runner = { 0 };
    *out = (DfPlan){ 0 };
    int error = read_length(out, &runner, root, arena);
    if (error == DF_OK)
        error = read_scoring(out, &runner, root, arena);
    if (error == DF_OK)
        error = read_keeping(out, root, arena);
    if (error == DF_OK)
        error = read_logging(out, root, arena);
    if (error == DF_OK)
        error = read_number(&out->pictures, root, "data.train_dataloader.samples_per_gpu",
                            "data.samples_per_gpu", 2, 1);
    if (error == DF_OK)
        error = read_number(&out->loader_threads, root, "data.train_dataloader.workers_per_gpu",
                            "data.workers_per_gpu", 2, 0);
    if (error == DF_OK)
        error = read_seed(out, root);
    out->load_from = df_node_text(df_node_get(root, "load_from"), NULL);
    return error;
}

/* ---- when -------------------------------------------------------------------------------------------------------- */

bool df_is_due(DfInterval interval, int64_t step, int64_t per_epoch)
{
    if (interval.every <= 0 || step <= 0)
        return false;
    if (!interval.by_epoch)
        return step % interval.every == 0;
    return step % per_epoch == 0 && step / per_epoch % interval.every == 0;
}

/* ---- which config it is ------------------------------------------------------------------------------------------ */

/* Data may be moved to another folder while a run rests. */
static bool is_place(const char *key)
{
    static const char *const places[] = { "ann_file",    "img_prefix", "data_root", "img_dir", "ann_dir",
                                          "data_prefix", "seg_prefix", "split" };
    for (size_t i = 0; key && i < sizeof places / sizeof *places; i++)
        if (strcmp(key, places[i]) == 0)
            return true;
    return false;
}

static uint64_t add_node(uint64_t hash, const DfNode *node)
{
    if (is_place(node->key))
        return hash;
    const char kind = (char)(node->kind == DF_NODE_INT ? DF_NODE_FLOAT : node->kind); /* 1 and 1.0 are alike */
    hash = df_hash_add_text(df_hash_add(hash, &kind, 1), node->key);
    if (node->kind == DF_NODE_BOOL)
        return df_hash_add(hash, &node->boolean, sizeof node->boolean);
    if (node->kind == DF_NODE_INT || node->kind == DF_NODE_FLOAT)
        return df_hash_add(hash, &node->number, sizeof node->number);
    if (node->kind == DF_NODE_TEXT)
        return df_hash_add_text(hash, node->text);
    for (const DfNode *child = node->first; child; child = child->next)
        hash = add_node(hash, child);
    return df_hash_add(hash, ".", 1);
}

static bool matters(const char *key)
{
    static const char *const beside[] = {
        "checkpoint_config", "log_config", "log_level", "evaluation",   "work_dir",        "load_from",
        "resume_from",       "resume",     "workflow",  "dist_params",  "cudnn_benchmark", "seed",
        "randomness",        "visualizer", "vis_backends", "env_cfg",   "log_processor",   "gpu_ids",
        "data",              "val_evaluator", "test_evaluator", "test_pipeline", "launcher",
    };
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++)
        if (strcmp(key, beside[i]) == 0)
            return false;
    return true;
}

/* What is assigned to be used elsewhere in the file (train_pipeline, data_root) is in here twice, which does no
 * harm. */
uint64_t df_plan_settings(const DfNode *root)
{
    static const char *const data[] = { "data.train", "data.samples_per_gpu", "data.train_dataloader" };
    uint64_t hash = DF_HASH_START;
    for (const DfNode *child = root->first; child; child = child->next)
        if (matters(child->key))
            hash = add_node(hash, child);
    for (size_t i = 0; i < sizeof data / sizeof *data; i++) {
        const DfNode *node = df_node_at(root, data[i]);
        if (node)
            hash = add_node(hash, node);
    }
    return hash;
}
