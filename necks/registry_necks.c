/* SPDX-License-Identifier: Apache-2.0
 *
 * necks/registry_necks.c -- the necks of list.def as a table.
 */
#include "necks/necks.h"

#define DF_PLUGIN(name) extern const DfNeck df_neck_##name;
#include "necks/list.def"
#undef DF_PLUGIN

const DfNeck *const df_necks[] = {
#define DF_PLUGIN(name) &df_neck_##name,
#include "necks/list.def"
#undef DF_PLUGIN
    NULL
};

const DfNeck *df_neck_find(const char *type)
{
    return df_plugin_find("neck", type, df_necks);
}
