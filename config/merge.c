/* SPDX-License-Identifier: Apache-2.0
 *
 * config/merge.c -- merges a config over its base, by the rules of mmcv.Config, and applies single overrides.
 */
#include "config/merge.h"
#include "config/readers.h"

#include <string.h>

enum { PLACE = 300 };

/* Takes `_delete_` out of a dict and says whether it was set. */
static bool take_delete(DfNode *dict)
{
    DfNode *mark = df_tree_get(dict, "_delete_");
    if (!mark)
        return false;
    df_tree_remove(mark);
    if (mark->kind == DF_NODE_INT)
        return mark->integer != 0;
    return mark->kind == DF_NODE_BOOL && mark->boolean;
}

/* The item of a list whose number is `key`: "0", "1", ...; NULL if there is none. */
static DfNode *item_of_key(DfNode *list, const char *key)
{
    const size_t length = strlen(key);
    int64_t index = 0;
    if (length < 1 || length > 9)
        return NULL;
    for (; *key; key++) {
        if (*key < '0' || *key > '9')
            return NULL;
        index = index * 10 + (*key - '0');
    }
    return df_tree_item(list, index);
}

/* Where a value was written, in brackets behind a sentence about another. */
static const char *place(char out[PLACE], const DfNode *node)
{
    if (node->line)
        df_snprintf(out, PLACE, "%s:%d", node->file, node->line);
    else
        df_snprintf(out, PLACE, "%s", node->file);
    return out;
}

/* One value of `over` onto what the base has in its place. */
static int merge_one(DfConfig *tree, DfNode *old, DfNode *value, bool lists)
{
    char where[PLACE];
    if (value->kind == DF_NODE_DICT && !take_delete(value)) {
        if (old->kind == DF_NODE_DICT || (lists && old->kind == DF_NODE_LIST))
            return df_merge(tree, old, value, lists);
        return df_node_fail(value, DF_EVALUE,
                            "a dict, but the base has %s here (%s); _delete_=True in the dict replaces it",
                            df_node_kind_name(old), place(where, old));
    }
    df_tree_replace(old, value);
    return DF_OK;
}

int df_merge(DfConfig *tree, DfNode *base, DfNode *over, bool lists)
{
    char where[PLACE];
    for (DfNode *value = over->first, *next; value; value = next) {
        next = value->next;
        const bool in_list = base->kind == DF_NODE_LIST;
        DfNode *old = in_list ? item_of_key(base, value->key) : df_tree_get(base, value->key);
        if (in_list && !old)
            return df_node_fail(value, DF_EVALUE, "want a number below %d: the base has a list here (%s)", base->n,
                                place(where, base));
        const int error = old ? merge_one(tree, old, value, lists) : df_tree_set(tree, base, value->key, value);
        if (error < 0)
            return error;
    }
    return DF_OK;
}

/* ---- overrides ------------------------------------------------------------------------------------------------- */

/* Parts that any config may have: setting one that this config lacks is no typing error. */
static bool is_common_part(const char *key)
{
    static const char *const parts[] = {
        "data", "evaluation", "runner", "optimizer", "optimizer_config", "lr_config", "momentum_config",
        "param_scheduler", "optim_wrapper", "checkpoint_config", "log_config", "train_cfg",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strcmp(key, parts[i]) == 0)
            return true;
    return false;
}

/* An override may make new keys. But where the first missing key of its path is near to a known one, it is likely
 * a typing error. (The last key may be anything here: check_last() or the options of its part look at it.) */
static int check_path(const DfNode *root, const DfNode *over)
{
    const DfNode *at = root;
    if (is_common_part(over->first->key))
        at = df_node_get(root, over->first->key) ? root : NULL;
    for (const DfNode *step = over->first; step && step->kind == DF_NODE_DICT; step = step->first) {
        if (!at || at->kind != DF_NODE_DICT)
            break;
        const DfNode *next = df_node_get(at, step->key);
        const char *near = next ? NULL : df_tree_nearest(at, step->key);
        if (near)
            return df_node_fail(step, DF_EVALUE, "there is no such key; did you mean '%s'?", near);
        at = next;
    }
    return DF_OK;
}

/* Keys that configs have at their root and in `data`, where no table of options tells a slip. */
static const char *const root_keys[] = {
    "type", "args", "model", "backbone", "resnet", "num_classes", "classes", "palette", "img_size",
    "data", "data_root", "dataset_type", "data_preprocessor", "train_pipeline", "test_pipeline", "tta_pipeline",
    "tta_model", "aug_test", "train_dataloader", "val_dataloader", "test_dataloader", "val_evaluator", "test_evaluator",
    "train_cfg", "val_cfg", "test_cfg", "optimizer", "optimizer_config", "optim_wrapper", "lr_config",
    "momentum_config", "param_scheduler", "runner", "total_epochs", "total_iters", "max_epochs", "max_iters",
    "auto_scale_lr", "fp16", "evaluation", "checkpoint_config", "log_config", "log_level", "log_processor", "workflow",
    "load_from", "resume_from", "resume", "work_dir", "seed", "randomness", "custom_hooks", "custom_imports",
    "default_hooks", "default_scope", "env_cfg", "visualizer", "vis_backends", "launcher", "device", "gpu_ids",
    "dist_params", "cudnn_benchmark", "find_unused_parameters", "mp_start_method", "opencv_num_threads",
    "mmdet_version", "mmseg_version", NULL,
};
static const char *const data_keys[] = {
    "train", "val", "test", "samples_per_gpu", "imgs_per_gpu", "workers_per_gpu", "persistent_workers", "pin_memory",
    "shuffle", "drop_last", "prefetch_factor", "train_dataloader", "val_dataloader", "test_dataloader", NULL,
};

static int check_last(const DfNode *root, const DfNode *over)
{
    const DfNode *key = over->first;
    const char *const *known = root_keys;
    const DfNode *dict = root;
    if (strcmp(key->key, "data") == 0 && key->kind == DF_NODE_DICT && key->first) {
        dict = df_node_get(root, "data");
        key = key->first;
        known = data_keys;
    }
    if (key->kind == DF_NODE_DICT || df_node_get(dict, key->key))
        return DF_OK;
    size_t n = 0;
    for (; known[n]; n++)
        if (strcmp(known[n], key->key) == 0)
            return DF_OK;
    const char *near = df_nearest_name(key->key, known, n);
    return near ? df_node_fail(key, DF_EVALUE, "there is no such key; did you mean '%s'?", near) : DF_OK;
}

/* The value in Python syntax; true and false as in JSON; anything else that does not look like a list, dict or
 * quoted text is the text itself. */
static DfNode *override_value(DfConfig *tree, const char *text, const char *option)
{
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
        return df_tree_bool(tree, *text == 't', option, 0);
    DfNode *value = df_read_value(tree, text, strlen(text), option, 0);
    if (!value && !tree->error && (!*text || !strchr("[({'\"", *text)))
        value = df_tree_text(tree, text, strlen(text), option, 0);
    return value;
}

/* The dict {a: {b: {c: value}}} of the path a.b.c, which is `length` letters long: from its end, as each dict
 * holds the one before. */
static DfNode *nest(DfConfig *tree, const char *path, size_t length, DfNode *value, int depth)
{
    size_t end = length;
    while (end > 0 && path[end - 1] != '.')
        end--;
    if (end == length || depth > MAX_DEPTH) {
        df_fail_at(value->file, value->line, DF_EVALUE, "want keys separated by dots: a.b.c=value");
        return NULL;
    }
    DfNode *dict = df_tree_new(tree, DF_NODE_DICT, value->file, value->line);
    char *key = dict ? df_tree_bytes(tree, length - end) : NULL;
    if (!key)
        return NULL;
    memcpy(key, path + end, length - end);
    if (df_tree_set(tree, dict, key, value) < 0)
        return NULL;
    return end > 0 ? nest(tree, path, end - 1, dict, depth + 1) : dict;
}

const char *df_override_path(const char *override)
{
    const size_t option = df_starts_with(override, "--") ? strcspn(override, " =") : 0;
    return override[option] == ' ' ? override + option + 1 : override;
}

/* The option that said it, which lives as long as the tree. */
static const char *override_option(DfConfig *tree, const char *override)
{
    const char *path = df_override_path(override);
    const size_t length = path == override ? 0 : (size_t)(path - override) - 1;
    char *option = length ? df_tree_bytes(tree, length) : NULL;
    if (!length)
        return "--set";
    return option ? memcpy(option, override, length) : NULL;
}

int df_override(DfConfig *tree, DfNode *root, const char *override)
{
    const char *option = override_option(tree, override);
    const char *path = df_override_path(override);
    const char *equals = strchr(path, '=');
    if (!option)
        return tree->error ? tree->error : DF_EVALUE;
    if (!equals)
        return df_fail(DF_EVALUE, "%s %s: want key=value", option, path);
    DfNode *value = override_value(tree, equals + 1, option);
    DfNode *over = value ? nest(tree, path, (size_t)(equals - path), value, 1) : NULL;
    if (!over)
        return tree->error ? tree->error : DF_EVALUE;
    int error = check_path(root, over);
    if (error == DF_OK)
        error = check_last(root, over);
    return error < 0 ? error : df_merge(tree, root, over, true);
}
