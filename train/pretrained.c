/* SPDX-License-Identifier: Apache-2.0
 *
 * train/pretrained.c -- loads the pretrained weights that a config names for its network or for a part of it.
 */
#include "train/pretrained.h"

#include <string.h>

enum { DEEP = 16 };

typedef struct {
    DfPretrainedList *list;
    DfArena *arena;
} Reader;

static int add(Reader *r, const char *file, const char *prefix, const char *module)
{
    DfPretrainedList *list = r->list;
    const char *kept = df_arena_text(r->arena, "%s", module);
    if (!kept || !df_grow((void **)&list->at, &list->capacity, list->n, sizeof *list->at))
        return df_fail_memory("the pretrained weights");
    list->at[list->n++] = (DfPretrained){ file, prefix, kept };
    return DF_OK;
}

/* A text, or NULL for None. */
static int read_text(const char **out, const DfNode *node)
{
    *out = df_node_text(node, NULL);
    if (*out || !node || node->kind == DF_NODE_NONE)
        return DF_OK;
    return df_node_fail(node, DF_EVALUE, "%s, want a text", df_node_kind_name(node));
}

/* Other types of init_cfg draw numbers, as we do anyway. */
static int read_init(Reader *r, const DfNode *init, const char *module)
{
    const char *file, *prefix;
    if (strcmp(df_node_text(df_node_get(init, "type"), ""), "Pretrained") != 0)
        return DF_OK;
    int error = read_text(&file, df_node_get(init, "checkpoint"));
    if (error == DF_OK)
        error = read_text(&prefix, df_node_get(init, "prefix"));
    return error == DF_OK && file ? add(r, file, prefix, module) : error;
}

/* One, or a list of them. */
static int read_inits(Reader *r, const DfNode *init, const char *module)
{
    int error = DF_OK;
    if (!init || init->kind != DF_NODE_LIST)
        return read_init(r, init, module);
    for (const DfNode *one = init->first; error == DF_OK && one; one = one->next)
        error = read_init(r, one, module);
    return error;
}

static bool is_of_modules(const DfNode *child)
{
    static const char *const others[] = { "init_cfg", "train_cfg", "test_cfg", "data_preprocessor" };
    for (size_t i = 0; child->key && i < sizeof others / sizeof *others; i++)
        if (strcmp(child->key, others[i]) == 0)
            return false;
    return child->kind == DF_NODE_DICT || child->kind == DF_NODE_LIST;
}

/* `module`: where the dict of a module, or the list of several, stands in the network; "": it is the network. */
static int read_module(Reader *r, const DfNode *node, const char *module, int depth)
{
    int error = DF_OK;
    int i = 0;
    for (const DfNode *child = node->first; error == DF_OK && child && depth < DEEP; child = child->next, i++) {
        char below[512];
        const char *dot = *module ? "." : "";
        if (child->key)
            df_snprintf(below, sizeof below, "%s%s%s", module, dot, child->key);
        else
            df_snprintf(below, sizeof below, "%s%s%d", module, dot, i);
        if (is_of_modules(child))
            error = read_module(r, child, below, depth + 1);
    }
    return error == DF_OK ? read_inits(r, df_node_get(node, "init_cfg"), module) : error;
}

/* mmdet up to 2.13 and mmseg up to 0.13 say model.pretrained, which is their backbone's; mmcls means the whole network.
 * Official backbones have a `pretrained` of their own. */
static int read_pretrained(Reader *r, const DfNode *model)
{
    const DfNode *backbone = df_node_get(model, "backbone");
    const bool classifier = strcmp(df_node_text(df_node_get(model, "type"), ""), "ImageClassifier") == 0;
    const char *file = df_node_text(df_node_get(model, "pretrained"), NULL);
    if (file)
        return add(r, file, NULL, classifier ? "" : "backbone");
    file = df_node_text(df_node_get(backbone, "pretrained"), NULL);
    return file ? add(r, file, NULL, "backbone") : DF_OK;
}

/* A config may be of a bare backbone. */
int df_pretrained_read(DfPretrainedList *out, const DfNode *root, DfArena *arena)
{
    Reader r = { .list = out, .arena = arena };
    const DfNode *model = df_node_get(root, "model");
    const DfNode *backbone = df_node_get(root, "backbone");
    *out = (DfPretrainedList){ 0 };
    if (!model) {
        const char *file = df_node_text(df_node_get(backbone, "pretrained"), NULL);
        const int error = file ? add(&r, file, NULL, "") : DF_OK;
        return error == DF_OK && backbone ? read_module(&r, backbone, "", 0) : error;
    }
    const int error = read_pretrained(&r, model);
    return error == DF_OK ? read_module(&r, model, "", 0) : error;
}

void df_pretrained_done(DfPretrainedList *list)
{
    df_free(list->at);
    *list = (DfPretrainedList){ 0 };
}
