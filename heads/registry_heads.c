/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/registry_heads.c -- list.def as a table, and what heads give.
 */
#include "heads/heads.h"

#define DF_PLUGIN(name) extern const DfHead df_head_##name;
#include "heads/list.def"
#undef DF_PLUGIN

const DfHead *const df_heads[] = {
#define DF_PLUGIN(name) &df_head_##name,
#include "heads/list.def"
#undef DF_PLUGIN
    NULL
};

const DfHead *df_head_find(const char *type)
{
    return df_plugin_find("head", type, df_heads);
}

void df_detections_free(DfDetections *found)
{
    for (size_t i = 0; found->masks && i < found->n; i++)
        df_mask_done(&found->masks[i]);
    df_free(found->masks);
    df_free(found->v);
    *found = (DfDetections){ 0 };
}

void df_proposals_free(DfProposals *proposals)
{
    df_free(proposals->v);
    *proposals = (DfProposals){ 0 };
}
