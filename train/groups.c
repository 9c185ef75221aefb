/* SPDX-License-Identifier: Apache-2.0
 *
 * train/groups.c -- the learning rate and the weight decay of each parameter: `paramwise_cfg` as the constructors of
 * mmcv and mmengine read it, and the groups of the official DETR programs.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/groups.h"

/* ---- paramwise_cfg ----------------------------------------------------------------------------------------------- */

static const DfOpt opts[] = {
    DF_OPT_DICT(DfParamwise, custom_keys, "None", "lr_mult and decay_mult of parameters whose names contain a key"),
    DF_OPT_FLOAT(DfParamwise, bias_lr_mult, None, 0, 1e9,
                 "factor of the rate of biases, but for those of norms and offsets"),
    DF_OPT_FLOAT(DfParamwise, bias_decay_mult, None, 0, 1e9,
                 "factor of the decay of biases, but for those of norms and offsets"),
    DF_OPT_FLOAT(DfParamwise, norm_decay_mult, None, 0, 1e9, "factor of the decay of norms"),
    DF_OPT_FLOAT(DfParamwise, dwconv_decay_mult, None, 0, 1e9, "factor of the decay of depthwise convolutions"),
    DF_OPT_FLOAT(DfParamwise, flat_decay_mult, None, 0, 1e9, "factor of the decay of other lists of numbers"),
    DF_OPT_FLOAT(DfParamwise, dcn_offset_lr_mult, None, 0, 1e9,
                 "factor of the rate of what moves the points of deformable convolutions"),
    DF_OPT_UNUSED(bypass_duplicate, "a parameter with two names is one"),
    DF_OPT_FLOAT(DfParamwise, num_layers, None, 1, 1e6, "layer-wise decay: blocks of the backbone"),
    DF_OPT_FLOAT(DfParamwise, decay_rate, None, 0, 1, "layer-wise decay: factor from layer to layer"),
    DF_OPT_FLOAT(DfParamwise, layer_decay_rate, None, 0, 1, "the same"),
    DF_OPT_TEXT(DfParamwise, decay_type, "'layer_wise'", "layer_wise or stage_wise"),
    DF_OPT_END
};

static const DfOpt key_opts[] = {
    DF_OPT_FLOAT(DfCustomKey, lr_mult, 1, 0, 1e9, "factor of the rate"),
    DF_OPT_FLOAT(DfCustomKey, decay_mult, 1, 0, 1e9, "factor of the decay"),
    DF_OPT_END
};

/* Sorts keys by length, longest first, then alphabetically; the first one that a name contains applies. */
static int compare_keys(const void *a, const void *b)
{
    const DfCustomKey *p = a, *q = b;
    const size_t m = strlen(p->key), n = strlen(q->key);
    if (m != n)
        return m > n ? -1 : 1;
    return strcmp(p->key, q->key);
}

static int read_keys(DfParamwise *p, DfArena *arena)
{
    const int n = p->custom_keys ? p->custom_keys->n : 0;
    p->keys = df_arena_alloc(arena, (size_t)n + 1, sizeof *p->keys);
    if (!p->keys)
        return df_fail_memory("paramwise_cfg");
    int error = DF_OK;
    for (const DfNode *at = n ? p->custom_keys->first : NULL; at && error == DF_OK; at = at->next) {
        error = df_bind(at, key_opts, &p->keys[p->n_keys], arena, at->key);
        p->keys[p->n_keys++].key = at->key;
    }
    qsort(p->keys, (size_t)p->n_keys, sizeof *p->keys, compare_keys);
    return error;
}

static int read_paramwise(DfParamwise *p, const DfNode *dict, DfArena *arena)
{
    *p = (DfParamwise){ 0 };
    const int error = df_bind(dict, opts, p, arena, "paramwise_cfg");
    return error == DF_OK ? read_keys(p, arena) : error;
}

static double factor(double multiplier)
{
    return isnan(multiplier) ? 1 : multiplier;
}

/* Whether the rules for biases apply: not to the bias of a deformable convolution's offsets. */
static bool is_bias(const NnParam *param)
{
    const bool named = strcmp(param->name, "bias") == 0 || df_ends_with(param->name, ".bias");
    return named && param->role != NN_OF_OFFSETS;
}

/* The factor of the weight decay by the kind of module; mmcv checks for depthwise convolutions before biases. */
static double decay_factor(const DfParamwise *p, const NnParam *param, bool old)
{
    const bool depthwise = param->role == NN_OF_DEPTHWISE;
    if (param->role == NN_OF_NORM && (old || !isnan(p->norm_decay_mult)))
        return factor(p->norm_decay_mult);
    if (old && depthwise)
        return factor(p->dwconv_decay_mult);
    if (is_bias(param) && (old || !isnan(p->bias_decay_mult)))
        return factor(p->bias_decay_mult);
    if (depthwise && !isnan(p->dwconv_decay_mult))
        return p->dwconv_decay_mult;
    if (param->shape.n == 1 && param->role != NN_OF_OFFSETS)
        return factor(p->flat_decay_mult);
    return 1;
}

/* mmcv searches for a key in PATH.NAME. The path of the network itself is empty, so a key can be ".cls_token". */
static bool contains(const char *name, const char *key)
{
    return strstr(name, key) || (key[0] == '.' && df_starts_with(name, key + 1));
}

static void by_rules(const DfParamwise *p, const NnParam *param, bool old, DfParamRate *out)
{
    for (int i = 0; i < p->n_keys; i++)
        if (contains(param->name, p->keys[i].key)) {
            out->rate *= p->keys[i].lr_mult;
            out->decay *= p->keys[i].decay_mult;
            return;
        }
    if (is_bias(param) && param->role != NN_OF_NORM)
        out->rate *= factor(p->bias_lr_mult);
    if (param->role == NN_OF_OFFSETS)
        out->rate *= factor(p->dcn_offset_lr_mult);
    out->decay *= decay_factor(p, param, old);
}

/* ---- the groups of main.py --------------------------------------------------------------------------------------- */

static bool matches(const DfNode *names, const char *fallback, const char *name)
{
    if (!names)
        return fallback && strstr(name, fallback);
    for (const DfNode *at = names->first; at; at = at->next)
        if (at->kind == DF_NODE_TEXT && strstr(name, at->text))
            return true;
    return false;
}

static void by_args(const DfRecipe *r, const NnParam *param, DfParamRate *out)
{
    const DfNode *args = r->args;
    const bool deformable = r->deformable;
    const DfNode *backbone = df_node_get(args, "lr_backbone_names");
    const DfNode *linear = df_node_get(args, "lr_linear_proj_names");
    if (matches(backbone, deformable ? "backbone.0" : "backbone", param->name))
        out->rate = df_node_number(df_node_get(args, "lr_backbone"), deformable ? 2e-5 : 1e-5);
    else if (deformable && (matches(linear, "reference_points", param->name) ||
                            (!linear && strstr(param->name, "sampling_offsets"))))
        out->rate *= df_node_number(df_node_get(args, "lr_linear_proj_mult"), 0.1);
}

/* ---- groups ------------------------------------------------------------------------------------------------------ */

/* Checks the class that reads paramwise_cfg. */
static int check_constructor(const DfRecipe *r, bool *layers)
{
    static const char *const plain[] = { "DefaultOptimizerConstructor", "DefaultOptimWrapperConstructor", NULL };
    static const char *const decaying[] = {
        "LayerDecayOptimizerConstructor", "LearningRateDecayOptimizerConstructor",
        "LearningRateDecayOptimWrapperConstructor", "LayerDecayOptimWrapperConstructor", NULL,
    };
    *layers = false;
    if (!r->constructor)
        return DF_OK;
    for (int i = 0; plain[i]; i++)
        if (strcmp(plain[i], r->constructor) == 0)
            return DF_OK;
    for (int i = 0; decaying[i]; i++)
        if (strcmp(decaying[i], r->constructor) == 0) {
            *layers = true;
            return DF_OK;
        }
    return df_fail(DF_EVALUE, "constructor = '%s': want DefaultOptimizerConstructor or LayerDecayOptimizerConstructor",
                   r->constructor);
}

static void by_recipe(const DfRecipe *r, const DfParamwise *p, const DfLayers *layers, const NnParam *param,
                      DfParamRate *out)
{
    *out = (DfParamRate){ r->rule.lr, r->rule.weight_decay };
    if (r->dialect == DF_RECIPE_DETR)
        by_args(r, param, out);
    else if (layers)
        df_layers_rate(layers, param, out);
    else if (r->paramwise)
        by_rules(p, param, r->dialect == DF_RECIPE_MMCV, out);
}

/* The index of the group with this rate and decay; adds one if there is none. */
static int group_of(DfGroups *g, DfParamRate rate)
{
    int i = 0;
    while (i < g->n_groups && (g->rates[i] != rate.rate || g->decays[i] != rate.decay)) /* equal formulas, equal bits */
        i++;
    if (i == g->n_groups) {
        g->rates[i] = rate.rate;
        g->decays[i] = rate.decay;
        g->n_groups++;
    }
    return i;
}

static int allocate(DfGroups *g, const NnModel *model)
{
    const size_t n = (size_t)nn_model_count(model) + 1;
    *g = (DfGroups){
        .slots = df_calloc(n, sizeof *g->slots),
        .params = df_calloc(n, sizeof *g->params),
        .rates = df_calloc(n, sizeof *g->rates),
        .decays = df_calloc(n, sizeof *g->decays),
    };
    return g->slots && g->params && g->rates && g->decays ? DF_OK : df_fail_memory("the groups of parameters");
}

static void fill(DfGroups *g, const NnModel *model, const DfRecipe *r, const DfParamwise *p, const DfLayers *layers)
{
    const NnTrained all = nn_model_trained(model);
    for (int i = 0; i < nn_model_count(model); i++) {
        const NnParam *param = nn_model_at(model, i);
        DfParamRate rate;
        if (!nn_is_trained(param))
            continue;
        by_recipe(r, p, layers, param, &rate);
        g->params[g->n] = param;
        g->slots[g->n++] = (DfSlot){
            .offset = (size_t)(param->tensor->data - all.weights),
            .n = df_size(param->tensor),
            .group = group_of(g, rate),
        };
    }
}

/* PyTorch lists the parameters that a module holds itself before those of its submodules: mmdet's Deformable DETR holds
 * its level embeddings itself. */
static int first_group(const DfGroups *g)
{
    for (int i = 0; i < g->n; i++)
        if (df_ends_with(g->params[i]->name, ".level_embeds"))
            return g->slots[i].group;
    return 0;
}

int df_groups_new(DfGroups *out, const NnModel *model, const DfRecipe *r)
{
    DfParamwise paramwise;
    DfLayers layers;
    bool by_layers;
    DfArena *arena = df_arena_new();
    int error = arena ? allocate(out, model) : df_fail_memory("the groups of parameters");
    if (!arena)
        *out = (DfGroups){ 0 };
    if (error == DF_OK)
        error = check_constructor(r, &by_layers);
    if (error == DF_OK)
        error = read_paramwise(&paramwise, r->paramwise, arena);
    if (error == DF_OK && by_layers)
        error = df_layers_read(&layers, &paramwise, model);
    if (error == DF_OK)
        fill(out, model, r, &paramwise, by_layers ? &layers : NULL);
    if (error == DF_OK)
        out->first = first_group(out);
    df_arena_free(arena);
    if (error < 0)
        df_groups_done(out);
    return error;
}

void df_groups_done(DfGroups *g)
{
    df_free(g->slots);
    df_free(g->params);
    df_free(g->rates);
    df_free(g->decays);
    *g = (DfGroups){ 0 };
}
