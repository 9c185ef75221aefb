/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/detectron2.c -- the YAML files of detectron2: Faster R-CNN, Mask R-CNN and RetinaNet with a ResNet
 * and an FPN. They contain the differences from detectron2's defaults, which are in detectron2_values.c.
 *
 * An unknown key is an error, and so is a value that would change the network in a way that is not built in.
 */
#include "config/dialect/detectron2.h"

#include <string.h>

#include "config/readers.h"

/* ---- keys -------------------------------------------------------------------------------------------------------- */

static bool is_number(const DfNode *node)
{
    return node->kind == DF_NODE_INT || node->kind == DF_NODE_FLOAT;
}

static int put_over(DfConfig *, DfNode *values, const DfNode *met);

/* One key over the value that detectron2 gives it, which says its kind. None stands for what nothing here reads. */
static int put_key(DfConfig *tree, DfNode *value, const DfNode *key)
{
    const bool fits = key->kind == value->kind || (is_number(key) && is_number(value));
    if (value->kind == DF_NODE_NONE)
        return DF_OK;
    if (!fits)
        return df_node_fail(key, DF_EVALUE, "%s, want %s", df_node_kind_name(key), df_node_kind_name(value));
    if (value->kind == DF_NODE_DICT)
        return put_over(tree, value, key);
    DfNode *copy = df_tree_copy(tree, key);
    if (copy)
        df_tree_replace(value, copy);
    return copy ? DF_OK : DF_EVALUE;
}

static int put_over(DfConfig *tree, DfNode *values, const DfNode *met)
{
    int error = DF_OK;
    for (const DfNode *key = met->first; key && error == DF_OK; key = key->next) {
        DfNode *value = df_tree_get(values, key->key);
        const char *near = value ? NULL : df_tree_nearest(values, key->key);
        if (value)
            error = put_key(tree, value, key);
        else
            error = df_node_fail(key, DF_EVALUE, "detectron2 has no such key%s%s%s", near ? "; did you mean '" : "",
                                 near ? near : "", near ? "'?" : "");
    }
    return error;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static const DfNode *at(D2 *d, const char *path)
{
    return df_node_at(d->config, path);
}

double df_d2_number(D2 *d, const char *path, double low, double high)
{
    const double value = df_node_number(at(d, path), 0);
    if (d->error == DF_OK && !(value >= low && value <= high))
        d->error = df_node_fail(at(d, path), DF_EVALUE, "%g, want %g to %g", value, low, high);
    return value;
}

int df_d2_int(D2 *d, const char *path, int low, int high)
{
    const DfNode *node = at(d, path);
    if (d->error == DF_OK && (!node || node->kind != DF_NODE_INT || node->integer < low || node->integer > high))
        d->error = df_node_fail(node, DF_EVALUE, "want an integer in %d..%d", low, high);
    return d->error == DF_OK ? (int)node->integer : low;
}

bool df_d2_bool(D2 *d, const char *path)
{
    return df_node_bool(at(d, path), false);
}

bool df_d2_is(D2 *d, const char *path, const char *text)
{
    return strcmp(df_node_text(at(d, path), ""), text) == 0;
}

void df_d2_numbers(D2 *d, const char *path, int n, double *out)
{
    const DfNode *list = at(d, path);
    const DfNode *item = list->kind == DF_NODE_LIST && list->n == n ? list->first : NULL;
    bool fits = item != NULL;
    for (int i = 0; i < n; i++, item = item ? item->next : NULL) {
        fits = fits && item && is_number(item);
        out[i] = df_node_number(item, 1);
    }
    if (d->error == DF_OK && !fits)
        d->error = df_node_fail(list, DF_EVALUE, "want %d numbers", n);
}

/* ["p3", "p4"] are 2 names from p3 on. */
int df_d2_features(D2 *d, const char *path, char letter, int first, int most)
{
    const DfNode *list = at(d, path);
    const char *stem = letter == 'r' ? "res" : "p";
    bool fits = list->kind == DF_NODE_LIST && list->n >= 1 && list->n <= most;
    int level = first;
    for (const DfNode *item = fits ? list->first : NULL; item; item = item->next, level++) {
        const char *name = df_node_text(item, "");
        const size_t n = strlen(stem);
        fits = fits && strncmp(name, stem, n) == 0 && name[n] == '0' + level && !name[n + 1];
    }
    if (d->error == DF_OK && !fits)
        d->error = df_node_fail(list, DF_EVALUE, "want ['%s%d', '%s%d', ..], up to %d of them", stem, first, stem,
                                first + 1, most);
    return level - first;
}

/* ---- what is not built in ---------------------------------------------------------------------------------------- */

typedef struct {
    const char *path;
    const char *const *wanted; /* one of these; "True" and numbers as they are written */
} Limit;

#define WANT(...) (const char *const[]){ __VA_ARGS__, NULL }

static const Limit limits[] = {
    { "VERSION",                               WANT("2") },
    { "INPUT.FORMAT",                          WANT("BGR", "RGB") },
    { "MODEL.META_ARCHITECTURE",               WANT("GeneralizedRCNN", "RetinaNet") },
    { "MODEL.KEYPOINT_ON",                     WANT("False") },
    { "MODEL.LOAD_PROPOSALS",                  WANT("False") },
    { "MODEL.FPN.NORM",                        WANT("") },
    { "MODEL.FPN.FUSE_TYPE",                   WANT("sum") },
    { "MODEL.ANCHOR_GENERATOR.NAME",           WANT("DefaultAnchorGenerator") },
    { "MODEL.RESNETS.NORM",                    WANT("FrozenBN", "BN", "SyncBN", "naiveSyncBN") },
    { "MODEL.RESNETS.RES5_DILATION",           WANT("1") },
    { NULL, NULL },
};
static const Limit rcnn_limits[] = {
    { "MODEL.BACKBONE.NAME",                   WANT("build_resnet_fpn_backbone") },
    { "MODEL.PROPOSAL_GENERATOR.NAME",         WANT("RPN") },
    { "MODEL.RPN.HEAD_NAME",                   WANT("StandardRPNHead") },
    { "MODEL.ROI_HEADS.NAME",                  WANT("StandardROIHeads") },
    { "MODEL.ROI_BOX_HEAD.NAME",               WANT("FastRCNNConvFCHead") },
    { "MODEL.ROI_BOX_HEAD.NUM_CONV",           WANT("0") },
    { "MODEL.ROI_BOX_HEAD.POOLER_TYPE",        WANT("ROIAlignV2", "ROIAlign") },
    { "MODEL.ROI_BOX_HEAD.USE_SIGMOID_CE",     WANT("False") },
    { NULL, NULL },
};
static const Limit mask_limits[] = {
    { "MODEL.ROI_MASK_HEAD.NAME",              WANT("MaskRCNNConvUpsampleHead") },
    { "MODEL.ROI_MASK_HEAD.NORM",              WANT("") },
    { "MODEL.ROI_MASK_HEAD.POOLER_TYPE",       WANT("ROIAlignV2", "ROIAlign") },
    { NULL, NULL },
};
static const Limit retinanet_limits[] = {
    { "MODEL.BACKBONE.NAME",                   WANT("build_retinanet_resnet_fpn_backbone") },
    { "MODEL.RETINANET.NORM",                  WANT("") },
    { NULL, NULL },
};

static bool is_written(const DfNode *node, const char *text)
{
    if (node->kind == DF_NODE_BOOL)
        return strcmp(text, node->boolean ? "True" : "False") == 0;
    if (node->kind == DF_NODE_INT)
        return text[0] == '0' + node->integer && !text[1];
    return strcmp(df_node_text(node, "?"), text) == 0;
}

static void list_words(DfTextbuf *out, const char *const *words)
{
    for (int i = 0; words[i]; i++)
        df_textbuf_add(out, "%s%s", i ? " or " : "", words[i][0] ? words[i] : "''");
}

static int not_built_in(D2 *d, const Limit *limit, const DfNode *node, const char *wanted)
{
    const bool says = strcmp(node->file, d->config->file) != 0; /* else it is detectron2's own value */
    if (says)
        return df_node_fail(node, DF_EVALUE, "this form of the network is not built in: want %s", wanted);
    return df_fail(DF_EVALUE, "%s: does not set %s, and detectron2's default is not built in: want %s",
                   d->tree->root->file, limit->path, wanted);
}

static void keep_limits(D2 *d, const Limit *limit)
{
    for (; d->error == DF_OK && limit->path; limit++) {
        const DfNode *node = at(d, limit->path);
        bool fits = false;
        for (int i = 0; limit->wanted[i]; i++)
            fits = fits || is_written(node, limit->wanted[i]);
        DfTextbuf wanted = { 0 };
        char *list = NULL;
        if (fits)
            continue;
        list_words(&wanted, limit->wanted);
        d->error = df_textbuf_take(&wanted, &list);
        if (d->error == DF_OK)
            d->error = not_built_in(d, limit, node, list);
        df_free(list);
    }
    const DfNode *deforms = at(d, "MODEL.RESNETS.DEFORM_ON_PER_STAGE");
    for (const DfNode *stage = deforms->first; stage && d->error == DF_OK; stage = stage->next)
        if (df_node_bool(stage, true))
            d->error = df_node_fail(deforms, DF_EVALUE,
                                    "this form of the network is not built in: want False for every stage");
}

/* ---- the config -------------------------------------------------------------------------------------------------- */

static void write_ours(D2 *d)
{
    const bool retinanet = df_d2_is(d, "MODEL.META_ARCHITECTURE", "RetinaNet");
    const bool masks = !retinanet && df_d2_bool(d, "MODEL.MASK_ON");
    keep_limits(d, limits);
    keep_limits(d, retinanet ? retinanet_limits : rcnn_limits);
    if (masks)
        keep_limits(d, mask_limits);
    if (d->error < 0)
        return;
    df_d2_write_data(d, masks);
    if (retinanet)
        df_d2_write_retinanet(d);
    else
        df_d2_write_rcnn(d, masks);
}

/* The file over detectron2's own values. */
static int complete(D2 *d)
{
    DfNode *values = df_tree_new(d->tree, DF_NODE_DICT, "what detectron2 takes by itself", 1);
    int error = values ? df_read_python(d->tree, values, df_d2_values, strlen(df_d2_values), values->file) : DF_EVALUE;
    if (error == DF_OK)
        error = put_over(d->tree, values, d->tree->root);
    d->config = values;
    return error;
}

static int translate(DfConfig *tree)
{
    D2 d = { .tree = tree };
    char *text = NULL;
    int error = complete(&d);
    if (error < 0)
        return tree->error ? tree->error : error;
    write_ours(&d);
    error = df_textbuf_take(&d.out, &text);
    if (d.error < 0)
        error = d.error;
    tree->root = error == DF_OK ? df_tree_new(tree, DF_NODE_DICT, tree->root->file, 1) : tree->root;
    if (error == DF_OK)
        error = tree->root ? df_read_python(tree, tree->root, text, strlen(text), tree->root->file) : DF_EVALUE;
    df_free(text);
    return tree->error ? tree->error : error;
}

/* A YAML file of anybody else is told here that its keys are not detectron2's. */
static bool tells(const DfNode *root)
{
    const bool yaml = df_ends_with(root->file, ".yaml") || df_ends_with(root->file, ".yml");
    return yaml && !df_node_get(root, "model");
}

const DfDialect df_dialect_detectron2 = { .name = "detectron2", .tells = tells, .translate = translate };
