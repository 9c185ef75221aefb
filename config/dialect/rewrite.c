/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/rewrite.c -- removes, renames and sets keys of a tree.
 */
#include "config/dialect/rewrite.h"

#include "config/readers.h"

#include <string.h>

DfNode *df_rewrite_take(DfNode *dict, const char *key)
{
    DfNode *value = df_tree_get(dict, key);
    if (value)
        df_tree_remove(value);
    return value;
}

void df_rewrite_drop(DfNode *dict, const char *key)
{
    df_rewrite_take(dict, key);
}

void df_rewrite_set(DfRewrite *r, DfNode *dict, const char *key, DfNode *value)
{
    if (r->error == DF_OK && dict && value)
        r->error = df_tree_set(r->tree, dict, key, value);
}

void df_rewrite_add(DfRewrite *r, DfNode *dict, const char *key, DfNode *value)
{
    if (!df_tree_get(dict, key))
        df_rewrite_set(r, dict, key, value);
}

void df_rewrite_move(DfRewrite *r, DfNode *from, const char *old, DfNode *to, const char *new)
{
    if (r->error == DF_OK)
        df_rewrite_set(r, to, new, df_rewrite_take(from, old));
}

void df_rewrite_rename(DfRewrite *r, DfNode *dict, const char *old, const char *new)
{
    df_rewrite_move(r, dict, old, dict, new);
}

static DfNode *kept(DfRewrite *r, DfNode *node)
{
    if (!node && r->error == DF_OK)
        r->error = r->tree->error ? r->tree->error : DF_EVALUE;
    return node;
}

DfNode *df_rewrite_dict(DfRewrite *r, DfNode *parent, const char *key)
{
    DfNode *dict = df_tree_get(parent, key);
    if (r->error < 0 || (dict && dict->kind == DF_NODE_DICT))
        return dict;
    dict = kept(r, df_tree_new(r->tree, DF_NODE_DICT, parent->file, parent->line));
    df_rewrite_set(r, parent, key, dict);
    return dict;
}

DfNode *df_rewrite_value(DfRewrite *r, const DfNode *at, const char *text)
{
    return r->error < 0 ? NULL : kept(r, df_read_value(r->tree, text, strlen(text), at->file, at->line));
}

DfNode *df_rewrite_text(DfRewrite *r, const DfNode *at, const char *text)
{
    return r->error < 0 ? NULL : kept(r, df_tree_text(r->tree, text, strlen(text), at->file, at->line));
}

const char *df_rewrite_type(const DfNode *dict)
{
    return df_node_text(df_node_get(dict, "type"), "");
}

bool df_rewrite_is(const DfNode *dict, const char *type)
{
    return strcmp(df_rewrite_type(dict), type) == 0;
}
