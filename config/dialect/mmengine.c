/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/mmengine.c -- configs of mmdetection 3.x and mmsegmentation 1.x, which run on mmengine.
 */
#include "config/dialect/dialect.h"
#include "config/dialect/mmengine.h"

static bool tells(const DfNode *root)
{
    static const char *const signs[] = { "train_dataloader", "val_dataloader", "test_dataloader", "default_scope",
                                         "data_preprocessor" };
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (df_node_get(root, signs[i]))
            return true;
    return df_node_at(root, "model.data_preprocessor") != NULL;
}

/* `_scope_` says in whose registry a type is looked up; a type may say so itself: 'mmdet.ResNet'. Here a name means one
 * thing. */
static void drop_scopes(DfRewrite *r, DfNode *node)
{
    df_rewrite_drop(node, "_scope_");
    for (DfNode *child = node->first; child; child = child->next)
        drop_scopes(r, child);
}

static int translate(DfConfig *tree)
{
    DfRewrite r = { .tree = tree };
    df_rewrite_drop(tree->root, "default_scope");
    drop_scopes(&r, tree->root);
    df_mmengine_data(&r);
    df_mmengine_preprocessor(&r);
    return r.error;
}

const DfDialect df_dialect_mmengine = {
    .name = "mmdetection 3.x and mmsegmentation 1.x",
    .tells = tells,
    .translate = translate,
};
