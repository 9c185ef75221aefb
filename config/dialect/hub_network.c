/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/hub_network.c -- what translators of classifiers and backbones have in common.
 */
#include "config/dialect/hub_network.h"

#include <stdlib.h>
#include <string.h>

const char *df_hub_truth(bool value)
{
    return value ? "True" : "False";
}

void df_hub_write_list(DfHub *hub, const char *key, const int *v, int n)
{
    df_textbuf_add(&hub->out, ", %s=", key);
    df_hub_write_ints(hub, v, n);
}

/* ---- which maps -------------------------------------------------------------------------------------------------- */

/* 0 for "stage1" or 1; -1 for the stem, or for what is none of the two. */
static int stage_of(const DfNode *item)
{
    if (item->kind == DF_NODE_INT && item->integer >= 1 && item->integer <= DF_HUB_STAGES)
        return (int)item->integer - 1;
    if (item->kind == DF_NODE_TEXT && df_starts_with(item->text, "stage"))
        return atoi(item->text + strlen("stage")) - 1;
    return -1;
}

static int add_stage(DfHubMaps *maps, const DfNode *item, int stages)
{
    const int stage = stage_of(item);
    const int before = maps->n ? maps->stage[maps->n - 1] : -1;
    if (stage <= before || stage >= stages)
        return df_node_fail(item, DF_EVALUE, "want stages in rising order, 'stage1' to 'stage%d'", stages);
    maps->index[maps->n] = maps->n;
    maps->stage[maps->n++] = stage;
    return DF_OK;
}

int df_hub_maps(const DfNode *dict, DfHubMaps *maps, int stages)
{
    const DfNode *named = df_node_get(dict, "out_features");
    const DfNode *list = named && named->kind == DF_NODE_LIST ? named : df_node_get(dict, "out_indices");
    int error = DF_OK;
    *maps = (DfHubMaps){ .n = 0 };
    if (!list || list->kind != DF_NODE_LIST || list->n == 0) {
        maps->stage[maps->n++] = stages - 1;
        return DF_OK;
    }
    for (const DfNode *item = list->first; item && error == DF_OK; item = item->next)
        error = add_stage(maps, item, stages);
    return error;
}

/* ---- classes ----------------------------------------------------------------------------------------------------- */

int df_hub_classifier_classes(const DfHub *hub, const char *weight)
{
    const int64_t stated = df_node_int(df_node_get(hub->config, "num_labels"), 0);
    const int usual = stated > 0 && stated <= 1000000 ? (int)stated : df_hub_classes(hub);
    return df_hub_size(hub, 0, usual, "%s", weight);
}

/* ---- data -------------------------------------------------------------------------------------------------------- */

int df_hub_write_classifier_data(DfHub *hub, const char *usual)
{
    df_textbuf_add(&hub->out, "data = dict(test=dict(type='ImageNet', pipeline=");
    const int error = df_hub_write_pipeline(hub, usual);
    df_textbuf_add(&hub->out, "))\n");
    return error;
}
