/* SPDX-License-Identifier: Apache-2.0
 *
 * models/parts.c -- creates a module from a dict with a `type`, and runs it in its scope.
 */
#include "models/parts.h"

#include <stdio.h>

/* ---- parts ------------------------------------------------------------------------------------------------------- */

static const char *type_of(const DfNode *dict)
{
    return df_node_text(df_node_get(dict, "type"), "");
}

/* Whether a record was found. If not, the sentence that says so is given the place of the type in its file. */
static bool found(NnScope s, const void *record, const DfNode *dict)
{
    if (record)
        return true;
    if (!type_of(dict)[0]) {
        nn_fail(s, DF_EVALUE, "its dict has no key 'type'");
        return false;
    }
    char sentence[256];
    snprintf(sentence, sizeof sentence, "%s", df_error());
    df_node_fail(df_node_get(dict, "type"), DF_EVALUE, "%s", sentence);
    nn_fail((NnScope){ s.model, "" }, DF_EVALUE, "%s", df_error());
    return false;
}

/* The struct of a part, its options read from the dict; NULL after a failure. */
static void *configured(NnScope s, const DfNode *dict, size_t size, const DfOpt *opts)
{
    void *self = nn_alloc(s, 1, size);
    return self && nn_configure(s, dict, opts, self, type_of(dict)) ? self : NULL;
}

void df_backbone_part(NnScope s, BackbonePart *part, const DfNode *dict)
{
    part->record = df_backbone_for(dict);
    if (found(s, part->record, dict))
        part->self = configured(s, dict, part->record->size, part->record->opts);
    if (part->self)
        part->record->init(s, part->self);
}

void df_neck_part(NnScope s, NeckPart *part, const DfNode *dict)
{
    part->record = df_neck_find(type_of(dict));
    if (found(s, part->record, dict))
        part->self = configured(s, dict, part->record->size, part->record->opts);
    if (part->self)
        part->record->init(s, part->self);
}

void df_dense_part(NnScope s, DensePart *part, const DfNode *dict, DfHeadSettings settings)
{
    part->record = df_dense_head_find(type_of(dict));
    if (found(s, part->record, dict))
        part->self = configured(s, dict, part->record->size, part->record->opts);
    if (part->self)
        part->record->init(s, part->self, settings);
}

void df_region_part(NnScope s, RegionPart *part, const DfNode *dict, DfHeadSettings settings)
{
    part->record = df_region_head_find(type_of(dict));
    if (found(s, part->record, dict))
        part->self = configured(s, dict, part->record->size, part->record->opts);
    if (part->self)
        part->record->init(s, part->self, settings);
}

void df_pixel_part(NnScope s, PixelPart *part, const DfNode *dict)
{
    part->record = df_pixel_head_find(type_of(dict));
    if (found(s, part->record, dict))
        part->self = configured(s, dict, part->record->size, part->record->opts);
    if (part->self)
        part->record->init(s, part->self);
}

void df_set_part(NnScope s, SetPart *part, const DfNode *dict, DfHeadSettings settings)
{
    part->record = df_set_head_find(type_of(dict));
    if (found(s, part->record, dict))
        part->self = configured(s, dict, part->record->size, part->record->opts);
    if (part->self)
        part->record->init(s, part->self, settings);
}

/* ---- running a part ---------------------------------------------------------------------------------------------- */

/* Something that failed may have filled its maps in part. What comes after it looks at the maps that there are:
 * none. */
static void forget_failed(const DfCtx *c, DfMaps *out)
{
    if (c->err)
        *out = (DfMaps){ 0 };
}

/* Maps without numbers would look like a picture without objects. */
static void take_maps(DfCtx *c, DfMaps *out)
{
    for (int i = 0; !c->err && i < out->n; i++)
        df_want_numbers(c, out->map[i], "map", i);
    if (!c->err && out->logits)
        df_want_numbers(c, out->logits, "the logits", -1);
    forget_failed(c, out);
}

void df_run_backbone(DfCtx *c, const BackbonePart *part, const char *scope, DfTensor *image, DfMaps *out)
{
    const DfMark m = scope ? df_enter(c, scope, -1) : (DfMark){ 0 };
    part->record->forward(c, part->self, image, out);
    take_maps(c, out);
    if (scope)
        df_leave_all(c, m, out->map, out->n);
}

void df_run_neck(DfCtx *c, const NeckPart *part, const DfMaps *in, DfMaps *out)
{
    const DfMark m = df_enter(c, "neck", -1);
    part->record->forward(c, part->self, in, out);
    take_maps(c, out);
    df_leave_all(c, m, out->map, out->n);
}

void df_run_dense(DfCtx *c, const DensePart *part, const char *scope, const DfMaps *in, DfDense *out)
{
    const DfMark m = df_enter(c, scope, -1);
    part->record->forward(c, part->self, in, out);
    DfTensor *keep[2 * DF_LEVELS];
    for (int i = 0; i < out->n; i++) {
        keep[2 * i] = out->cls_score[i];
        keep[2 * i + 1] = out->bbox_pred[i];
        df_want_numbers(c, out->cls_score[i], "cls_score", i);
        df_want_numbers(c, out->bbox_pred[i], "bbox_pred", i);
    }
    df_leave_all(c, m, keep, 2 * out->n);
}

/* ---- the trunk --------------------------------------------------------------------------------------------------- */

const DfNode *df_trunk_train_cfg(const Trunk *trunk, const DfNode *root)
{
    return trunk->train_cfg ? trunk->train_cfg : df_node_get(root, "train_cfg");
}

const DfNode *df_trunk_test_cfg(const Trunk *trunk, const DfNode *root)
{
    return trunk->test_cfg ? trunk->test_cfg : df_node_get(root, "test_cfg");
}

bool df_trunk_is_before(const DfNode *root, int minor)
{
    const int release = df_config_mmdet_release(root);
    return release > 0 && release < minor;
}

void df_trunk_init(NnScope s, Trunk *trunk)
{
    df_backbone_part(nn_at(s, "backbone"), &trunk->backbone, trunk->backbone_cfg);
    if (trunk->neck_cfg)
        df_neck_part(nn_at(s, "neck"), &trunk->neck, trunk->neck_cfg);
}

void df_trunk_pyramid(DfCtx *c, const Trunk *trunk, DfTensor *image, DfMaps *out)
{
    DfMaps maps;
    df_run_backbone(c, &trunk->backbone, "backbone", image, &maps);
    for (int i = 0; i < maps.n; i++)
        df_observe(c, maps.map[i], "backbone_", i);
    *out = maps;
    if (!trunk->neck.self)
        return;
    df_run_neck(c, &trunk->neck, &maps, out);
    for (int i = 0; i < out->n; i++)
        df_observe(c, out->map[i], "fpn_", i);
}

const char *const *df_trunk_ignorable(const void *self)
{
    const Trunk *trunk = self;
    return trunk->backbone.record->ignorable;
}
