/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/mmengine_evaluator.c -- translates test_evaluator, which describes how a test set is scored, to
 * `evaluation`. It also stays in the tree, for the code that warns of settings without effect.
 */
#include "config/dialect/mmengine.h"

static void copy(DfRewrite *r, DfNode *to, const char *as, const DfNode *from, const char *key)
{
    const DfNode *value = df_node_get(from, key);
    if (value && value->kind != DF_NODE_NONE && r->error == DF_OK)
        df_rewrite_add(r, to, as, df_tree_copy(r->tree, value));
}

/* A dict, or the first of a list. */
static const DfNode *evaluator_of(const DfNode *root, const char *key)
{
    const DfNode *evaluator = df_node_get(root, key);
    if (evaluator && evaluator->kind == DF_NODE_LIST)
        evaluator = evaluator->first;
    return evaluator && evaluator->kind == DF_NODE_DICT ? evaluator : NULL;
}

/* In every dataset that others hold. */
static void ignore_label(DfRewrite *r, DfNode *dataset, const DfNode *evaluator)
{
    DfNode *inner = df_tree_get(dataset, "dataset");
    DfNode *several = df_tree_get(dataset, "datasets");
    if (!dataset || dataset->kind != DF_NODE_DICT)
        return;
    if (inner)
        ignore_label(r, inner, evaluator);
    for (DfNode *one = several ? several->first : NULL; one; one = one->next)
        ignore_label(r, one, evaluator);
    if (inner || several)
        return;
    df_rewrite_drop(dataset, "ignore_index");
    copy(r, dataset, "ignore_index", evaluator, "ignore_index");
}

/* mmseg's datasets have an ignore_index, too; the metric does not ask for it. */
static void label_maps(DfRewrite *r, const char *key, const char *part)
{
    const DfNode *evaluator = evaluator_of(r->tree->root, key);
    if (evaluator && df_rewrite_is(evaluator, "IoUMetric"))
        ignore_label(r, df_tree_get(df_tree_get(r->tree->root, "data"), part), evaluator);
}

/* VOCMetric takes eleven points where it is told nothing, whatever the year. */
void df_mmengine_evaluator(DfRewrite *r)
{
    DfNode *root = r->tree->root;
    const DfNode *evaluator = evaluator_of(root, "test_evaluator");
    label_maps(r, "val_evaluator", "val");
    label_maps(r, "test_evaluator", "test");
    if (!evaluator)
        return;
    DfNode *evaluation = df_rewrite_dict(r, root, "evaluation");
    if (r->error < 0)
        return;
    copy(r, evaluation, "classwise", evaluator, "classwise");
    if (!df_rewrite_is(evaluator, "VOCMetric"))
        return;
    copy(r, evaluation, "iou_thr", evaluator, "iou_thrs");
    copy(r, evaluation, "eval_mode", evaluator, "eval_mode");
    df_rewrite_add(r, evaluation, "eval_mode", df_rewrite_text(r, evaluation, "11points"));
}
