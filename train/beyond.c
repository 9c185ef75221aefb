/* SPDX-License-Identifier: Apache-2.0
 *
 * train/beyond.c -- settings of a config that our training cannot follow: an error if ignoring one would give other
 * weights than the config means, a warning for a hook that could do anything.
 */
#include <string.h>

#include "train/recipe.h"

static bool is_given(const DfNode *node)
{
    return node && node->kind != DF_NODE_NONE;
}

int df_recipe_check(const DfNode *root)
{
    const DfNode *momentum = df_node_get(root, "momentum_config");
    const DfNode *resumed = df_node_get(root, "resume_from");
    if (is_given(momentum))
        return df_node_fail(momentum, DF_EVALUE, "want None: a momentum that changes is not built in");
    if (is_given(resumed))
        return df_node_fail(resumed, DF_EVALUE,
                            "want None, not '%s': --resume goes on with a run, and load_from or --init begins with "
                            "weights",
                            df_node_text(resumed, ""));
    return DF_OK;
}

/* Hooks that average weights are implemented (ema.c). The others check, print, draw or save, and change no weights. */
static bool is_known_hook(const char *type)
{
    static const char *const names[] = {
        "EMAHook", "ExpMomentumEMAHook", "LinearMomentumEMAHook",
        "NumClassCheckHook", "ClassNumCheckHook", "CheckInvalidLossHook", "MemoryProfilerHook", "ProfilerHook",
        "NPUProfilerHook", "EmptyCacheHook", "DistSamplerSeedHook", "SyncBuffersHook", "SyncBuffersHookV2",
        "SyncNormHook", "SetEpochInfoHook", "IterTimerHook", "RuntimeInfoHook", "ParamSchedulerHook", "LoggerHook",
        "CheckpointHook", "VisualizationHook", "DetVisualizationHook", "SegVisualizationHook", "TextLoggerHook",
        "TensorboardLoggerHook", "WandbLoggerHook", "MMDetWandbHook", "MMSegWandbHook", "MMClsWandbHook",
        "MlflowLoggerHook", "PrepareTTAHook", NULL,
    };
    for (int i = 0; names[i]; i++)
        if (strcmp(names[i], type) == 0)
            return true;
    return false;
}

void df_recipe_warn(const DfNode *root)
{
    const DfNode *hooks = df_node_get(root, "custom_hooks");
    const DfNode *hook = hooks && hooks->kind == DF_NODE_LIST ? hooks->first : NULL;
    for (; hook; hook = hook->next) {
        const char *type = df_node_text(df_node_get(hook, "type"), "");
        if (!is_known_hook(type))
            df_log(DF_LOG_WARNING, "warning: custom_hooks: '%s' is not built in, and the run goes without it", type);
    }
}

/* Goyal et al., "Accurate, Large Minibatch SGD", 2017: the learning rate is proportional to the batch size. */
int df_recipe_scale(DfRecipe *r, const DfNode *root, int batch)
{
    const DfNode *scale = df_node_get(root, "auto_scale_lr");
    if (!df_node_bool(df_node_get(scale, "enable"), false))
        return DF_OK;
    const int64_t base = df_node_int(df_node_get(scale, "base_batch_size"), 0);
    if (base < 1)
        return df_node_fail(scale, DF_EVALUE,
                            "auto_scale_lr: want base_batch_size, the batch that the rate is meant for");
    r->rule.lr *= (double)batch / (double)base;
    return DF_OK;
}
