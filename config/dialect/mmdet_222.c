/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/mmdet_222.c -- mmdetection 2.22 to 2.28: our own form but for how RetinaNet chooses the boxes that it
 * decodes. From 2.18 on these are pairs of an anchor and a class above score_thr, the best nms_pre of each level;
 * before, they were anchors with all their classes. What tells the newer releases are keys of their default_runtime.py.
 * Nothing tells configs of 2.18 to 2.21 from those of 2.12: they are read as the older ones.
 */
#include "config/dialect/dialect.h"
#include "config/dialect/rewrite.h"

static const char key[] = "filter_scores_and_topk";

static const DfNode *test_cfg(const DfNode *root)
{
    const DfNode *model = df_node_get(root, "model");
    return model && df_rewrite_is(model, "RetinaNet") ? df_node_get(model, "test_cfg") : NULL;
}

static bool tells(const DfNode *root)
{
    static const char *const signs[] = { "mp_start_method", "opencv_num_threads" };
    const DfNode *test = test_cfg(root);
    if (!test || test->kind != DF_NODE_DICT || df_node_get(test, key))
        return false;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (df_node_get(root, signs[i]))
            return true;
    return false;
}

/* Boxes without area are not left out there. */
static int translate(DfConfig *tree)
{
    DfRewrite r = { .tree = tree };
    DfNode *test = df_tree_get(df_tree_get(tree->root, "model"), "test_cfg");
    df_rewrite_set(&r, test, key, df_rewrite_value(&r, test, "True"));
    df_rewrite_set(&r, test, "min_bbox_size", df_rewrite_value(&r, test, "-1"));
    return r.error;
}

const DfDialect df_dialect_mmdet_222 = {
    .name = "mmdetection 2.22 to 2.28",
    .tells = tells,
    .translate = translate,
};
