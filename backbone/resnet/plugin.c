/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/resnet/plugin.c -- the plugins that a config names, and their positions in a bottleneck.
 */
#include "backbone/resnet/plugin.h"

#include <stdio.h>
#include <string.h>

static const PluginKind *const kinds[] = { &df_context_block, &df_generalized_attention, &df_non_local };

static const char *const positions[] = { "after_conv1", "after_conv2", "after_conv3" };

static const PluginKind *kind_of(const DfNode *plugin)
{
    const char *type = df_node_text(df_node_at(plugin, "cfg.type"), "");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(type, kinds[i]->type) == 0)
            return kinds[i];
    return NULL;
}

static int position_of(const DfNode *plugin)
{
    const char *position = df_node_text(df_node_get(plugin, "position"), "");
    for (int k = 0; k < 3; k++)
        if (strcmp(position, positions[k]) == 0)
            return k;
    return -1;
}

static bool is_in_stage(const DfNode *plugin, int i)
{
    const DfNode *stages = df_node_get(plugin, "stages");
    if (!stages || stages->kind == DF_NODE_NONE)
        return true;
    const DfNode *stage = stages->first;
    while (i-- > 0)
        stage = stage->next;
    return df_node_bool(stage, false);
}

static bool plugin_fits(NnScope s, const DfNode *plugin, int stages)
{
    const DfNode *given = df_node_get(plugin, "stages");
    const bool all = !given || given->kind == DF_NODE_NONE;
    if (!kind_of(plugin))
        nn_fail(s, DF_EVALUE, "plugins: no plugin '%s': want ContextBlock, GeneralizedAttention or NonLocal2d",
                df_node_text(df_node_at(plugin, "cfg.type"), "(none)"));
    else if (position_of(plugin) < 0)
        nn_fail(s, DF_EVALUE, "plugins: position is '%s': want after_conv1, after_conv2 or after_conv3",
                df_node_text(df_node_get(plugin, "position"), "(none)"));
    else if (!all && (given->kind != DF_NODE_LIST || given->n != stages))
        nn_fail(s, DF_EVALUE, "plugins: stages: want a list of %d values, one for each stage", stages);
    for (const DfNode *child = plugin->first; child && nn_ok(s); child = child->next)
        if (strcmp(child->key, "cfg") != 0 && strcmp(child->key, "position") != 0 && strcmp(child->key, "stages") != 0)
            nn_fail(s, DF_EVALUE, "plugins: no key '%s': want cfg, position and stages", child->key);
    return nn_ok(s);
}

bool df_plugins_fit(NnScope s, const DfNode *plugins, int stages)
{
    if (plugins->kind != DF_NODE_LIST)
        nn_fail(s, DF_EVALUE, "plugins: want a list of dict(cfg=.., position=.., stages=..)");
    for (const DfNode *p = plugins->first; p && nn_ok(s); p = p->next)
        if (p->kind != DF_NODE_DICT)
            nn_fail(s, DF_EVALUE, "plugins: want a list of dict(cfg=.., position=.., stages=..)");
        else
            plugin_fits(s, p, stages);
    return nn_ok(s);
}

/* Under its name with the postfix, which may be a number or a text. */
static NnScope scope_of(NnScope s, const PluginKind *kind, const DfNode *cfg)
{
    const DfNode *postfix = df_node_get(cfg, "postfix");
    if (postfix && postfix->kind == DF_NODE_INT)
        return nn_at(s, "%s%d", kind->name, (int)postfix->integer);
    return nn_at(s, "%s%s", kind->name, df_node_text(postfix, ""));
}

static Plugin *plugin_init(NnScope s, const DfNode *cfg, const PluginKind *kind, int channels)
{
    Plugin *made = nn_alloc(s, 1, sizeof *made);
    void *self = nn_alloc(s, 1, kind->size);
    if (!made || !self || !nn_configure(s, cfg, kind->opts, self, kind->type))
        return NULL;
    *made = (Plugin){ .kind = kind, .self = self };
    kind->init(scope_of(s, kind, cfg), self, channels);
    return made;
}

Plugin *df_plugins_init(NnScope s, const DfNode *plugins, int i, int k, int channels)
{
    Plugin *first = NULL, **end = &first;
    for (const DfNode *p = plugins ? plugins->first : NULL; p && nn_ok(s); p = p->next) {
        if (position_of(p) != k || !is_in_stage(p, i))
            continue;
        *end = plugin_init(s, df_node_get(p, "cfg"), kind_of(p), channels);
        if (!*end)
            break;
        end = &(*end)->next;
    }
    return first;
}

DfTensor *df_plugins(DfCtx *c, const Plugin *plugins, DfTensor *x)
{
    for (; plugins; plugins = plugins->next) {
        const DfMark m = df_enter(c, plugins->kind->name, -1);
        x = df_leave(c, m, plugins->kind->forward(c, plugins->self, x));
    }
    return x;
}
