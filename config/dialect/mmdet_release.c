/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/mmdet_release.c -- mmdetection 2.x: finds out which release a config belongs to, which decides how
 * heads choose boxes.
 *                     proposals of a batch   without area   candidates of RetinaNet
 *     up to 2.12      padded to one number   stay           anchors with all their classes
 *     2.13            padded                 left out       anchors
 *     2.14            as they are            stay           anchors
 *     2.15 to 2.17    as they are            left out       anchors
 *     2.18 to 2.28    as they are            left out       pairs of an anchor and a class
 * The configs that came with a release show it in part: up to 2.13 they have model.pretrained, from 2.14 on init_cfg
 * in the backbone (a few have both), and from 2.22 on their default_runtime.py has additional keys. 2.18 to 2.21
 * cannot be distinguished from 2.15 and are read as 2.15, unless mmdet_version='2.18.0' is set.
 */
#include <stdlib.h>

#include "config/dialect/dialect.h"
#include "config/dialect/rewrite.h"

static const char pairs[] = "filter_scores_and_topk", with_area[] = "drop_empty", version[] = "mmdet_version";

static bool is_dict(const DfNode *node)
{
    return node && node->kind == DF_NODE_DICT;
}

/* ---- which release ----------------------------------------------------------------------------------------------- */

/* "2.18.0": 18; "3.3.0": 28, whose heads choose the same; -1: no release. */
static int minor_of(const DfNode *node)
{
    const char *text = df_node_text(node, "");
    char *end;
    const long major = strtol(text, &end, 10);
    if (end == text || *end != '.' || major < 2 || major > 3)
        return -1;
    const char *second = end + 1;
    const long minor = strtol(second, &end, 10);
    if (end == second || *end != '.' || minor < 0 || minor > 99)
        return -1;
    return major == 3 ? 28 : (int)minor;
}

static bool has_runtime_of_222(const DfNode *root)
{
    return df_node_get(root, "mp_start_method") || df_node_get(root, "opencv_num_threads");
}

static bool has_init_cfg(const DfNode *root)
{
    return df_node_at(root, "model.backbone.init_cfg") != NULL;
}

int df_config_mmdet_release(const DfNode *root)
{
    const DfNode *said = df_node_get(root, version);
    if (said)
        return minor_of(said) < 0 ? 0 : minor_of(said);
    if (has_runtime_of_222(root))
        return 22;
    return df_node_at(root, "model.pretrained") && !has_init_cfg(root) ? 12 : 0;
}

/* ---- what it means ----------------------------------------------------------------------------------------------- */

/* A config of no release, as ours, says for itself what is left out. */
static bool leaves_out_empty(const DfNode *root)
{
    const int release = df_config_mmdet_release(root);
    return release == 0 ? has_init_cfg(root) : release == 13 || release >= 15;
}

/* Is there something to be said that was not said yet? */
static bool is_open(const DfNode *root)
{
    const DfNode *model = df_node_get(root, "model");
    const DfNode *test = df_node_get(model, "test_cfg"), *rpn = df_node_get(test, "rpn");
    if (is_dict(rpn))
        return !df_node_get(rpn, with_area) && leaves_out_empty(root);
    return df_config_mmdet_release(root) >= 18 && model && df_rewrite_is(model, "RetinaNet") && is_dict(test) &&
           !df_node_get(test, pairs);
}

static bool tells(const DfNode *root)
{
    const DfNode *said = df_node_get(root, version);
    return (said && minor_of(said) < 0) || is_open(root);
}

/* Boxes of RetinaNet without area are not left out there. */
static int translate(DfConfig *tree)
{
    DfRewrite r = { .tree = tree };
    const DfNode *said = df_node_get(tree->root, version);
    DfNode *test = df_tree_get(df_tree_get(tree->root, "model"), "test_cfg"), *rpn = df_tree_get(test, "rpn");
    if (said && minor_of(said) < 0)
        return df_node_fail(said, DF_EVALUE, "want a release of mmdetection with three numbers, such as '2.18.0'");
    if (is_dict(rpn)) {
        df_rewrite_set(&r, rpn, with_area, df_rewrite_value(&r, rpn, "True"));
        return r.error;
    }
    df_rewrite_set(&r, test, pairs, df_rewrite_value(&r, test, "True"));
    df_rewrite_set(&r, test, "min_bbox_size", df_rewrite_value(&r, test, "-1"));
    return r.error;
}

const DfDialect df_dialect_mmdet_release = {
    .name = "mmdetection 2.x",
    .tells = tells,
    .translate = translate,
};
