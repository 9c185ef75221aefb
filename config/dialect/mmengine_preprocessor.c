/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/mmengine_preprocessor.c -- translates data_preprocessor: in mmengine the model normalises and pads
 * its pictures, in our form a pipeline does. So its dict becomes the last step of each pipeline.
 */
#include "config/dialect/mmengine.h"

/* In testing mmseg pads to what test_cfg says, and to nothing else. */
static void for_testing(DfRewrite *r, DfNode *step)
{
    static const char *const sizes[] = { "size", "size_divisor" };
    DfNode *test = df_rewrite_take(step, "test_cfg");
    df_rewrite_drop(step, "batch_augments");
    if (!df_rewrite_is(step, "SegDataPreProcessor"))
        return;
    for (int i = 0; i < 2; i++) {
        df_rewrite_drop(step, sizes[i]);
        df_rewrite_move(r, test, sizes[i], step, sizes[i]);
    }
}

/* mmpretrain's mixtures of pictures have a place of their own here, the model's train_cfg. The augments of mmdet and
 * mmseg stay in the dict of training, which says that they are not built in. */
static void take_mixtures(DfRewrite *r, DfNode *preprocessor)
{
    DfNode *augments = df_tree_get(preprocessor, "batch_augments");
    if (df_node_get(augments, "augments"))
        df_rewrite_move(r, preprocessor, "batch_augments", df_rewrite_dict(r, r->tree->root, "model"), "train_cfg");
}

static void append(DfRewrite *r, DfNode *pipeline, const DfNode *preprocessor, bool training)
{
    DfNode *step = pipeline->kind == DF_NODE_LIST && r->error == DF_OK ? df_tree_copy(r->tree, preprocessor) : NULL;
    if (!step)
        return;
    if (training)
        df_rewrite_drop(step, "test_cfg");
    else
        for_testing(r, step);
    df_tree_append(pipeline, step);
}

/* The pipeline that a picture leaves last: that of the outermost dataset which has one. */
static void each_dataset(DfRewrite *r, DfNode *dataset, const DfNode *preprocessor, bool training)
{
    DfNode *pipeline = df_tree_get(dataset, "pipeline");
    DfNode *several = df_tree_get(dataset, "datasets");
    if (!dataset)
        return;
    if (pipeline) {
        append(r, pipeline, preprocessor, training);
        return;
    }
    each_dataset(r, df_tree_get(dataset, "dataset"), preprocessor, training);
    for (DfNode *one = several ? several->first : NULL; one; one = one->next)
        each_dataset(r, one, preprocessor, training);
}

/* In a pipeline of several views it is the last step of each. */
static void to_views(DfRewrite *r, DfNode *pipeline, const DfNode *preprocessor)
{
    DfNode *last = pipeline && pipeline->kind == DF_NODE_LIST ? pipeline->first : NULL;
    while (last && last->next)
        last = last->next;
    if (last && df_rewrite_is(last, "MultiScaleFlipAug"))
        append(r, df_tree_get(last, "transforms"), preprocessor, false);
}

void df_mmengine_preprocessor(DfRewrite *r)
{
    DfNode *root = r->tree->root;
    DfNode *shared = df_rewrite_take(root, "data_preprocessor");
    DfNode *own = df_rewrite_take(df_tree_get(root, "model"), "data_preprocessor");
    DfNode *preprocessor = own && own->kind == DF_NODE_DICT ? own : shared;
    DfNode *data = df_tree_get(root, "data");
    if (!preprocessor || preprocessor->kind != DF_NODE_DICT)
        return;
    df_rewrite_add(r, preprocessor, "type", df_rewrite_value(r, preprocessor, "'DetDataPreprocessor'"));
    take_mixtures(r, preprocessor);
    each_dataset(r, df_tree_get(data, "train"), preprocessor, true);
    each_dataset(r, df_tree_get(data, "val"), preprocessor, false);
    each_dataset(r, df_tree_get(data, "test"), preprocessor, false);
    DfNode *pipeline = df_tree_get(root, "test_pipeline");
    if (pipeline && !df_node_at(root, "data.test"))
        append(r, pipeline, preprocessor, false);
    to_views(r, df_tree_get(root, "tta_pipeline"), preprocessor);
}
