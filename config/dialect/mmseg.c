/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/mmseg.c -- sets the defaults of parts that mmsegmentation has under mmdetection's names. Its ResNets
 * have a stem of 64 channels for any base width, and batch norms that use batch statistics in training; its FPN makes
 * extra outputs from the last output, mmdetection's from the backbone's last map.
 */
#include "config/dialect/dialect.h"
#include "config/dialect/rewrite.h"

static const struct {
    const char *part, *type, *key, *value;
    const char *only_with; /* another key, which has to be True */
} defaults[] = {
    { "backbone", "ResNet",   "stem_channels",         "64",    NULL              },
    { "backbone", "ResNet",   "norm_eval",             "False", NULL              },
    { "backbone", "ResNetV1", "stem_channels",         "64",    NULL              },
    { "backbone", "ResNetV1", "norm_eval",             "False", NULL              },
    { "backbone", "ResNeXt",  "stem_channels",         "64",    NULL              },
    { "backbone", "ResNeXt",  "norm_eval",             "False", NULL              },
    { "neck",     "FPN",      "extra_convs_on_inputs", "False", "add_extra_convs" },
};
enum { DEFAULTS = sizeof defaults / sizeof *defaults };

/* V1 stands for V1c and V1d. */
static bool is_type(const DfNode *part, const char *type)
{
    return df_rewrite_is(part, type) || (df_ends_with(type, "V1") && df_starts_with(df_rewrite_type(part), type));
}

/* Whether default i is to be written into its part of the model. */
static bool lacks(const DfNode *model, int i)
{
    const DfNode *part = df_node_get(model, defaults[i].part);
    if (!part || part->kind != DF_NODE_DICT || !is_type(part, defaults[i].type) || df_node_get(part, defaults[i].key))
        return false;
    return !defaults[i].only_with || df_node_bool(df_node_get(part, defaults[i].only_with), false);
}

static bool tells(const DfNode *root)
{
    const DfNode *model = df_node_get(root, "model");
    bool any = false;
    for (int i = 0; i < DEFAULTS && model && df_rewrite_is(model, "EncoderDecoder"); i++)
        any = any || lacks(model, i);
    return any;
}

static int translate(DfConfig *tree)
{
    DfRewrite r = { .tree = tree };
    DfNode *model = df_tree_get(tree->root, "model");
    for (int i = 0; i < DEFAULTS; i++)
        if (lacks(model, i)) {
            DfNode *part = df_tree_get(model, defaults[i].part);
            df_rewrite_set(&r, part, defaults[i].key, df_rewrite_value(&r, part, defaults[i].value));
        }
    return r.error;
}

const DfDialect df_dialect_mmseg = {
    .name = "mmsegmentation",
    .tells = tells,
    .translate = translate,
};
