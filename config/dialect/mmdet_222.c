/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/mmdet_222.c -- mmdetection 2.22 to 2.28: our own form but for how heads choose the boxes that they
 * decode. From 2.18 on RetinaNet's are pairs of an anchor and a class above score_thr, the best nms_pre of each level;
 * before, they were anchors with all their classes. Proposals without area are left out from then on. What tells the newer releases are keys of their default_runtime.py.
 * Nothing tells configs of 2.18 to 2.21 from those of 2.12: they are read as the older ones.
 */
#include "config/dialect/dialect.h"
#include "config/dialect/rewrite.h"

static const char pairs[] = "filter_scores_and_topk", with_area[] = "drop_empty";

static bool is_dict(const DfNode *node)
{
    return node && node->kind == DF_NODE_DICT;
}

/* Is there something to be said that was not said yet? */
static bool is_open(const DfNode *model)
{
    const DfNode *test = df_node_get(model, "test_cfg"), *rpn = df_node_get(test, "rpn");
    if (is_dict(rpn))
        return !df_node_get(rpn, with_area);
    return model && df_rewrite_is(model, "RetinaNet") && is_dict(test) && !df_node_get(test, pairs);
}

static bool tells(const DfNode *root)
{
    static const char *const signs[] = { "mp_start_method", "opencv_num_threads" };
    if (!is_open(df_node_get(root, "model")))
        return false;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (df_node_get(root, signs[i]))
            return true;
    return false;
}

/* Boxes of RetinaNet without area are not left out there. */
static int translate(DfConfig *tree)
{
    DfRewrite r = { .tree = tree };
    DfNode *test = df_tree_get(df_tree_get(tree->root, "model"), "test_cfg"), *rpn = df_tree_get(test, "rpn");
    if (is_dict(rpn)) {
        df_rewrite_set(&r, rpn, with_area, df_rewrite_value(&r, rpn, "True"));
        return r.error;
    }
    df_rewrite_set(&r, test, pairs, df_rewrite_value(&r, test, "True"));
    df_rewrite_set(&r, test, "min_bbox_size", df_rewrite_value(&r, test, "-1"));
    return r.error;
}

const DfDialect df_dialect_mmdet_222 = {
    .name = "mmdetection 2.22 to 2.28",
    .tells = tells,
    .translate = translate,
};
