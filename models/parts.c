/* SPDX-License-Identifier: Apache-2.0
 *
 * models/parts.c -- from a dict with a `type` to a module that runs in its scope.
 */
#include "models/parts.h"

#include <stdio.h>

static const char *type_of(NnScope s, const DfNode *dict)
{
    const char *type = df_node_text(df_node_get(dict, "type"), NULL);
    if (!type)
        nn_fail(s, DF_EVALUE, "its dict has no key 'type'");
    return type;
}

void df_part_init(NnScope s, Part *part, PartKind kind, const DfNode *dict, const DfNode *test_cfg)
{
    const char *type = type_of(s, dict);
    if (!type)
        return;
    part->backbone = kind == PART_BACKBONE ? df_backbone_find(type) : NULL;
    part->neck = kind == PART_NECK ? df_neck_find(type) : NULL;
    part->head = kind == PART_HEAD ? df_head_find(type) : NULL;
    if (!part->backbone && !part->neck && !part->head) {
        char sentence[256];
        snprintf(sentence, sizeof sentence, "%s", df_error());
        df_node_fail(df_node_get(dict, "type"), DF_EVALUE, "%s", sentence);
        nn_fail((NnScope){ s.model, "" }, DF_EVALUE, "%s", df_error());
        return;
    }
    const size_t size = part->backbone ? part->backbone->size : part->neck ? part->neck->size : part->head->size;
    const DfOpt *opts = part->backbone ? part->backbone->opts : part->neck ? part->neck->opts : part->head->opts;
    part->self = nn_alloc(s, 1, size);
    if (!part->self || !nn_configure(s, dict, opts, part->self, type))
        return;
    if (part->backbone)
        part->backbone->init(s, part->self);
    else if (part->neck)
        part->neck->init(s, part->self);
    else
        part->head->init(s, part->self, test_cfg);
}

void df_part_backbone(DfCtx *c, const Part *part, const char *scope, DfTensor *image, DfMaps *out)
{
    const DfMark m = scope ? df_enter(c, scope, -1) : (DfMark){ 0 };
    part->backbone->forward(c, part->self, image, out);
    if (c->err)
        *out = (DfMaps){ 0 };
    if (scope)
        df_leave_all(c, m, out->map, out->n);
}

void df_part_head(DfCtx *c, const Part *part, const char *scope, const DfMaps *in, DfDense *out)
{
    const DfMark m = df_enter(c, scope, -1);
    part->head->forward(c, part->self, in, out);
    if (c->err)
        *out = (DfDense){ 0 };
    DfTensor *keep[2 * DF_LEVELS];
    for (int i = 0; i < out->n; i++) {
        keep[2 * i] = out->cls_score[i];
        keep[2 * i + 1] = out->bbox_pred[i];
    }
    df_leave_all(c, m, keep, 2 * out->n);
}

/* ---- the trunk ------------------------------------------------------------------------------------------------------ */

const DfNode *df_trunk_test_cfg(const Trunk *trunk, const DfNode *root)
{
    return trunk->test_cfg ? trunk->test_cfg : df_node_get(root, "test_cfg");
}

void df_trunk_init(NnScope s, Trunk *trunk)
{
    df_part_init(nn_at(s, "backbone"), &trunk->backbone, PART_BACKBONE, trunk->backbone_cfg, NULL);
    if (trunk->neck_cfg)
        df_part_init(nn_at(s, "neck"), &trunk->neck, PART_NECK, trunk->neck_cfg, NULL);
}

static void run_neck(DfCtx *c, const Part *part, const DfMaps *in, DfMaps *out)
{
    const DfMark m = df_enter(c, "neck", -1);
    part->neck->forward(c, part->self, in, out);
    if (c->err)
        *out = (DfMaps){ 0 };
    df_leave_all(c, m, out->map, out->n);
}

void df_trunk_pyramid(DfCtx *c, const Trunk *trunk, DfTensor *image, DfMaps *out)
{
    DfMaps maps;
    df_part_backbone(c, &trunk->backbone, "backbone", image, &maps);
    for (int i = 0; i < maps.n; i++)
        df_observe(c, maps.map[i], "backbone_", i);
    *out = maps;
    if (!trunk->neck.self)
        return;
    run_neck(c, &trunk->neck, &maps, out);
    for (int i = 0; i < out->n; i++)
        df_observe(c, out->map[i], "fpn_", i);
}

const char *const *df_trunk_ignorable(const void *self)
{
    const Trunk *trunk = self;
    return trunk->backbone.backbone->ignorable;
}
