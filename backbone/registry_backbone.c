/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/registry_backbone.c -- the backbones of list.def as a table.
 */
#include <string.h>

#include "backbone/backbone.h"

#define DF_PLUGIN(name) extern const DfBackbone df_backbone_##name;
#include "backbone/list.def"
#undef DF_PLUGIN

const DfBackbone *const df_backbones[] = {
#define DF_PLUGIN(name) &df_backbone_##name,
#include "backbone/list.def"
#undef DF_PLUGIN
    NULL
};

const DfBackbone *df_backbone_find(const char *type)
{
    return df_plugin_find("backbone", type, df_backbones);
}

const DfBackbone *df_backbone_for(const DfNode *dict)
{
    const char *type = df_node_text(df_node_get(dict, "type"), "");
    const DfBackbone *best = df_backbone_find(type);
    for (int i = 0; best && df_backbones[i]; i++) {
        const DfBackbone *other = df_backbones[i];
        const bool same = strcmp(other->name, type) == 0;
        if (same && df_bind_misfits(dict, other->opts) < df_bind_misfits(dict, best->opts))
            best = other;
    }
    return best;
}
