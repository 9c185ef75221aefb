/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/registry_backbone.c -- list.def as a table.
 */
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
