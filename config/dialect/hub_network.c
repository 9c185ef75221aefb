/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/hub_network.c -- functions that the translators of classifiers and backbones share.
 */
#include "config/dialect/hub_network.h"

#include <stdlib.h>
#include <string.h>

const char *df_hub_truth(bool value)
{
    return value ? "True" : "False";
}

void df_hub_write_list(DfHub *hub, const char *key, const int *v, int n)
{
    df_textbuf_add(&hub->out, ", %s=", key);
    df_hub_write_ints(hub, v, n);
}

/* ---- activations ------------------------------------------------------------------------------------------------- */

/* transformers' ACT2FN. Several of its names are one function, computed in several ways. */
static const struct {
    const char *theirs, *ours;
} activations[] = {
    { "relu",              "ReLU"         },
    { "gelu",              "GELU"         },
    { "gelu_python",       "GELU"         },
    { "gelu_new",          "GELUTanh"     },
    { "gelu_fast",         "GELUTanh"     },
    { "gelu_accurate",     "GELUTanh"     },
    { "gelu_pytorch_tanh", "GELUTanh"     },
    { "gelu_python_tanh",  "GELUTanh"     },
    { "gelu_10",           "ClippedGELU"  },
    { "quick_gelu",        "QuickGELU"    },
    { "silu",              "SiLU"         },
    { "swish",             "SiLU"         },
    { "mish",              "Mish"         },
    { "hardswish",         "Hardswish"    },
    { "relu2",             "ReLUSquared"  },
    { "relu6",             "ReLU6"        },
    { "leaky_relu",        "LeakyReLU"    },
    { "sigmoid",           "Sigmoid"      },
    { "tanh",              "Tanh"         },
    { "laplace",           "Laplace"      },
    { "sqrtsoftplus",      "SqrtSoftplus" },
    { "linear",            "Identity"     },
};

const char *df_hub_activation(const DfNode *dict, const char *key, const char *usual)
{
    const DfNode *node = df_node_get(dict, key);
    const char *name = df_node_text(node, NULL);
    if (!node || node->kind == DF_NODE_NONE)
        return usual;
    for (size_t i = 0; name && i < sizeof activations / sizeof *activations; i++)
        if (strcmp(activations[i].theirs, name) == 0)
            return activations[i].ours;
    df_node_fail(node, DF_EVALUE, "activation '%s' is not built in: want one of transformers' that has no weights of "
                 "its own, such as relu, gelu, gelu_new, quick_gelu or silu", name ? name : "(no text)");
    return NULL;
}

/* ---- which maps -------------------------------------------------------------------------------------------------- */

/* 0 for "stage1" or 1, the last one for -1; -1 for the stem, or for what is none of the two. */
static int stage_of(const DfNode *item, int stages)
{
    static const char *const words[] = { "stage", "layer" }; /* of transformers and of timm */
    if (item->kind == DF_NODE_INT && item->integer >= 1 && item->integer <= DF_HUB_STAGES)
        return (int)item->integer - 1;
    if (item->kind == DF_NODE_INT && item->integer < 0 && item->integer >= -stages)
        return stages + (int)item->integer;
    for (size_t i = 0; item->kind == DF_NODE_TEXT && i < sizeof words / sizeof *words; i++)
        if (df_starts_with(item->text, words[i]))
            return atoi(item->text + strlen(words[i])) - 1;
    return -1;
}

static int add_stage(DfHubMaps *maps, const DfNode *item, int stages)
{
    const int stage = stage_of(item, stages);
    const int before = maps->n ? maps->stage[maps->n - 1] : -1;
    if (stage <= before || stage >= stages)
        return df_node_fail(item, DF_EVALUE, "want stages in rising order, 'stage1' to 'stage%d'", stages);
    maps->index[maps->n] = maps->n;
    maps->stage[maps->n++] = stage;
    return DF_OK;
}

int df_hub_maps(const DfNode *dict, DfHubMaps *maps, int stages)
{
    const DfNode *named = df_node_get(dict, "out_features");
    const DfNode *list = named && named->kind == DF_NODE_LIST ? named : df_node_get(dict, "out_indices");
    int error = DF_OK;
    *maps = (DfHubMaps){ .n = 0 };
    if (!list || list->kind != DF_NODE_LIST || list->n == 0) {
        maps->stage[maps->n++] = stages - 1;
        return DF_OK;
    }
    for (const DfNode *item = list->first; item && error == DF_OK; item = item->next)
        error = add_stage(maps, item, stages);
    return error;
}

/* ---- classes ----------------------------------------------------------------------------------------------------- */

int df_hub_classifier_classes(const DfHub *hub, const char *weight)
{
    const int64_t stated = df_node_int(df_node_get(hub->config, "num_labels"), 0);
    const int usual = stated > 0 && stated <= 1000000 ? (int)stated : df_hub_classes(hub);
    return df_hub_size(hub, 0, usual, "%s", weight);
}

/* ---- data -------------------------------------------------------------------------------------------------------- */

int df_hub_write_classifier_data(DfHub *hub, const char *usual)
{
    df_textbuf_add(&hub->out, "data = dict(test=dict(type='ImageNet', pipeline=");
    const int error = df_hub_write_pipeline(hub, usual);
    df_textbuf_add(&hub->out, "))\n");
    return error;
}
