/* SPDX-License-Identifier: Apache-2.0
 *
 * config/tree.c -- nodes: creating, inserting, copying and finding them.
 */
#include "config/tree.h"

#include <limits.h>
#include <string.h>

/* ---- making ---------------------------------------------------------------------------------------------------- */

DfNode *df_tree_new(DfConfig *tree, DfNodeKind kind, const char *file, int line)
{
    if (++tree->nodes > MAX_NODES) {
        df_fail_at(file, line, DF_EVALUE, "the config has more than %d values", MAX_NODES);
        return NULL;
    }
    DfNode *node = df_arena_alloc(tree->arena, 1, sizeof *node);
    if (!node) {
        tree->error = df_fail_memory("a config");
        return NULL;
    }
    *node = (DfNode){ .kind = kind, .file = file, .line = line };
    return node;
}

DfNode *df_tree_int(DfConfig *tree, int64_t value, const char *file, int line)
{
    DfNode *node = df_tree_new(tree, DF_NODE_INT, file, line);
    if (node) {
        node->integer = value;
        node->number = (double)value;
    }
    return node;
}

DfNode *df_tree_float(DfConfig *tree, double value, const char *file, int line)
{
    DfNode *node = df_tree_new(tree, DF_NODE_FLOAT, file, line);
    if (node)
        node->number = value;
    return node;
}

DfNode *df_tree_bool(DfConfig *tree, bool value, const char *file, int line)
{
    DfNode *node = df_tree_new(tree, DF_NODE_BOOL, file, line);
    if (node)
        node->boolean = value;
    return node;
}

char *df_tree_bytes(DfConfig *tree, size_t length)
{
    if (length >= MAX_TEXT - tree->bytes) {
        df_fail(DF_EVALUE, "the strings of the config are longer than %d bytes together", MAX_TEXT);
        return NULL;
    }
    char *bytes = df_arena_alloc(tree->arena, length + 1, 1);
    if (bytes)
        tree->bytes += length + 1;
    else
        tree->error = df_fail_memory("a config");
    return bytes;
}

static char *keep(DfConfig *tree, const char *text, size_t length)
{
    char *copy = df_tree_bytes(tree, length);
    if (copy)
        memcpy(copy, text, length);
    return copy;
}

DfNode *df_tree_text(DfConfig *tree, const char *text, size_t length, const char *file, int line)
{
    const char *copy = keep(tree, text, length);
    DfNode *node = copy ? df_tree_new(tree, DF_NODE_TEXT, file, line) : NULL;
    if (node)
        node->text = copy;
    return node;
}

static DfNode *copy_below(DfConfig *tree, const DfNode *node, int depth)
{
    if (depth > MAX_DEPTH) {
        df_fail_at(node->file, node->line, DF_EVALUE, "the value is nested more than %d deep", MAX_DEPTH);
        return NULL;
    }
    DfNode *copy = df_tree_new(tree, node->kind, node->file, node->line);
    if (!copy)
        return NULL;
    *copy = *node;
    copy->first = copy->last = copy->next = copy->parent = NULL;
    copy->n = 0;
    for (const DfNode *child = node->first; child; child = child->next) {
        DfNode *below = copy_below(tree, child, depth + 1);
        if (!below)
            return NULL;
        df_tree_append(copy, below);
    }
    return copy;
}

DfNode *df_tree_copy(DfConfig *tree, const DfNode *node)
{
    DfNode *copy = copy_below(tree, node, 1);
    if (copy)
        copy->key = NULL;
    return copy;
}

/* ---- placing --------------------------------------------------------------------------------------------------- */

void df_tree_append(DfNode *list, DfNode *child)
{
    child->parent = list;
    child->next = NULL;
    if (list->last)
        list->last->next = child;
    else
        list->first = child;
    list->last = child;
    list->n++;
}

/* The pointer that points at a child: its parent's `first` or the `next` of the child before it. There are no
 * links back: dicts are short and lists rarely change, so a walk from the front does. */
static DfNode **link_to(DfNode *child, DfNode **before)
{
    DfNode **link = &child->parent->first;
    *before = NULL;
    for (; *link != child; link = &(*link)->next)
        *before = *link;
    return link;
}

void df_tree_replace(DfNode *old, DfNode *value)
{
    DfNode *before;
    DfNode **link = link_to(old, &before);
    DfNode *parent = old->parent;
    value->key = old->key;
    value->parent = parent;
    value->next = old->next;
    *link = value;
    if (parent->last == old)
        parent->last = value;
    old->next = old->parent = NULL;
}

void df_tree_remove(DfNode *child)
{
    DfNode *before;
    DfNode **link = link_to(child, &before);
    DfNode *parent = child->parent;
    *link = child->next;
    if (parent->last == child)
        parent->last = before;
    parent->n--;
    child->next = child->parent = NULL;
    child->key = NULL;
}

int df_tree_set(DfConfig *tree, DfNode *dict, const char *key, DfNode *value)
{
    DfNode *old = df_tree_get(dict, key);
    if (old) {
        df_tree_replace(old, value);
        return DF_OK;
    }
    if (dict->n >= MAX_KEYS)
        return df_fail_at(value->file, value->line, DF_EVALUE, "the dict has more than %d keys", MAX_KEYS);
    value->key = keep(tree, key, strlen(key));
    if (!value->key)
        return DF_ENOMEM;
    df_tree_append(dict, value);
    return DF_OK;
}

/* ---- finding --------------------------------------------------------------------------------------------------- */

DfNode *df_tree_get(DfNode *dict, const char *key)
{
    if (!dict || dict->kind != DF_NODE_DICT)
        return NULL;
    for (DfNode *child = dict->first; child; child = child->next)
        if (strcmp(child->key, key) == 0)
            return child;
    return NULL;
}

DfNode *df_tree_item(DfNode *list, int64_t index)
{
    if (index < 0)
        index += list->n;
    if (index < 0 || index >= list->n)
        return NULL;
    DfNode *child = list->first;
    while (index-- > 0)
        child = child->next;
    return child;
}

const char *df_tree_nearest(const DfNode *dict, const char *key)
{
    const char *keys[MAX_KEYS];
    size_t n = 0;
    for (const DfNode *child = dict->first; child && child->key && n < MAX_KEYS; child = child->next)
        keys[n++] = child->key;
    return df_nearest_name(key, keys, n);
}
