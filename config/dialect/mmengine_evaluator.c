/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/mmengine_evaluator.c -- test_evaluator says how a test set is scored; before, `evaluation` did. It
 * stays in the tree too, for whoever tells what it says in vain.
 */
#include "config/dialect/mmengine.h"

static void copy(DfRewrite *r, DfNode *to, const char *as, const DfNode *from, const char *key)
{
    const DfNode *value = df_node_get(from, key);
    if (value && value->kind != DF_NODE_NONE && r->error == DF_OK)
        df_rewrite_add(r, to, as, df_tree_copy(r->tree, value));
}

/* VOCMetric takes eleven points where it is told nothing, whatever the year. */
void df_mmengine_evaluator(DfRewrite *r)
{
    DfNode *root = r->tree->root;
    const DfNode *evaluator = df_node_get(root, "test_evaluator");
    if (evaluator && evaluator->kind == DF_NODE_LIST)
        evaluator = evaluator->first;
    if (!evaluator || evaluator->kind != DF_NODE_DICT)
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
