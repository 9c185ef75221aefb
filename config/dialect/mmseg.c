/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/mmseg.c -- parts that mmsegmentation has under mmdetection's names with another default: its FPN makes
 * extra outputs from the last output, where mmdetection's makes them from the backbone's last map.
 */
#include "config/dialect/dialect.h"
#include "config/dialect/rewrite.h"

static const char key[] = "extra_convs_on_inputs";

static const DfNode *neck(const DfNode *root)
{
    const DfNode *model = df_node_get(root, "model");
    const DfNode *fpn = model && df_rewrite_is(model, "EncoderDecoder") ? df_node_get(model, "neck") : NULL;
    return fpn && df_rewrite_is(fpn, "FPN") ? fpn : NULL;
}

static bool tells(const DfNode *root)
{
    const DfNode *fpn = neck(root);
    return fpn && df_node_bool(df_node_get(fpn, "add_extra_convs"), false) && !df_node_get(fpn, key);
}

static int translate(DfConfig *tree)
{
    DfRewrite r = { .tree = tree };
    DfNode *fpn = df_tree_get(df_tree_get(tree->root, "model"), "neck");
    df_rewrite_set(&r, fpn, key, df_rewrite_value(&r, fpn, "False"));
    return r.error;
}

const DfDialect df_dialect_mmseg = {
    .name = "mmsegmentation",
    .tells = tells,
    .translate = translate,
};
