/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/mmengine.c -- translates configs of mmdetection 3.x and mmsegmentation 1.x, which run on mmengine.
 */
#include "config/dialect/dialect.h"
#include "config/dialect/mmengine.h"
#include "config/dialect/test_time.h"

#include <string.h>

static bool tells(const DfNode *root)
{
    static const char *const signs[] = { "train_dataloader", "val_dataloader", "test_dataloader", "default_scope",
                                         "data_preprocessor" };
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (df_node_get(root, signs[i]))
            return true;
    return df_node_at(root, "model.data_preprocessor") || df_node_at(root, "model.num_queries");
}

/* The names of classes that are registered under another one, where a class stands for itself. */
static const char *const registered[][2] = {
    { "BatchNorm2d", "BN" }, { "SyncBatchNorm",  "SyncBN" }, { "GroupNorm", "GN" },
    { "LayerNorm",   "LN" }, { "InstanceNorm2d", "IN" },
    { "DeformConv2dPack", "DCN" }, { "ModulatedDeformConv2dPack", "DCNv2" }, { "ConvWS2d", "ConvWS" },
    { "ConvTranspose2d", "deconv" }, { "PretrainedInit", "Pretrained" },
};

/* `_scope_` says in whose registry a type is looked up; a type may say so itself: 'mmdet.ResNet'. Here a name means one
 * thing. */
static void name_type(DfNode *type)
{
    static const char *const scopes[] = { "mmdet.", "mmseg.", "mmcv.", "mmengine." };
    for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++)
        if (df_starts_with(type->text, scopes[i]))
            type->text += strlen(scopes[i]);
    for (size_t i = 0; i < sizeof registered / sizeof *registered; i++)
        if (strcmp(type->text, registered[i][0]) == 0)
            type->text = registered[i][1];
}

static void name_types(DfNode *node)
{
    DfNode *type = df_tree_get(node, "type");
    df_rewrite_drop(node, "_scope_");
    if (type && type->kind == DF_NODE_TEXT)
        name_type(type);
    for (DfNode *child = node->first; child; child = child->next)
        name_types(child);
}

static void add_true(DfRewrite *r, DfNode *dict, const char *key)
{
    df_rewrite_add(r, dict, key, df_tree_bool(r->tree, true, dict->file, dict->line));
}

/* Where there are masks, boxes are suppressed before they are brought to the size of the picture. */
static void translate_masks(DfRewrite *r, DfNode *model)
{
    DfNode *rcnn = df_tree_get(df_tree_get(model, "test_cfg"), "rcnn");
    const DfNode *mask = df_node_get(df_node_get(model, "roi_head"), "mask_head");
    if (mask && (mask->kind == DF_NODE_DICT || mask->kind == DF_NODE_LIST) && rcnn && rcnn->kind == DF_NODE_DICT)
        add_true(r, rcnn, "nms_before_rescale");
}

/* Candidates are chosen in another way there: those of a dense head alone are pairs of an anchor and a class, and
 * proposals have an area. */
static void translate_model(DfRewrite *r, DfNode *model)
{
    DfNode *test = df_tree_get(model, "test_cfg");
    df_mmengine_detr(r, model);
    translate_masks(r, model);
    if (df_rewrite_is(model, "RetinaNet") && test && test->kind == DF_NODE_DICT)
        add_true(r, test, "filter_scores_and_topk");
    DfNode *rpn = df_tree_get(test, "rpn");
    if (rpn && rpn->kind == DF_NODE_DICT)
        add_true(r, rpn, "drop_empty");
}

static int translate(DfConfig *tree)
{
    DfRewrite r = { .tree = tree };
    df_rewrite_drop(tree->root, "default_scope");
    name_types(tree->root);
    df_mmengine_data(&r);
    df_mmengine_evaluator(&r);
    df_mmengine_test_time(&r);
    df_mmengine_preprocessor(&r);
    DfNode *model = df_tree_get(tree->root, "model");
    if (model && model->kind == DF_NODE_DICT)
        translate_model(&r, model);
    return r.error;
}

const DfDialect df_dialect_mmengine = {
    .name = "mmdetection 3.x and mmsegmentation 1.x",
    .tells = tells,
    .translate = translate,
};
