/* SPDX-License-Identifier: Apache-2.0
 *
 * config/node.c -- reading nodes: finding them by key and path, their values, and messages with their position in the
 * file.
 */
#include "config/node.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- finding --------------------------------------------------------------------------------------------------- */

const DfNode *df_node_get(const DfNode *dict, const char *key)
{
    if (!dict || dict->kind != DF_NODE_DICT)
        return NULL;
    for (const DfNode *child = dict->first; child; child = child->next)
        if (strcmp(child->key, key) == 0)
            return child;
    return NULL;
}

/* The child named by the first `length` letters of `name`: a key of a dict, a number in a list. */
static const DfNode *child_named(const DfNode *node, const char *name, size_t length)
{
    int64_t index = -1;
    if (node->kind == DF_NODE_LIST) {
        index = 0;
        for (size_t i = 0; i < length; i++) {
            if (name[i] < '0' || name[i] > '9' || index > node->n)
                return NULL;
            index = index * 10 + (name[i] - '0');
        }
    }
    for (const DfNode *child = node->first; child; child = child->next) {
        const bool here = child->key ? strlen(child->key) == length && memcmp(child->key, name, length) == 0
                                     : index-- == 0;
        if (here)
            return child;
    }
    return NULL;
}

const DfNode *df_node_at(const DfNode *node, const char *path)
{
    while (node && *path) {
        const size_t length = strcspn(path, ".");
        node = length ? child_named(node, path, length) : NULL;
        path += length + (path[length] == '.');
    }
    return node;
}

/* ---- values ---------------------------------------------------------------------------------------------------- */

const char *df_node_text(const DfNode *node, const char *fallback)
{
    return node && node->kind == DF_NODE_TEXT ? node->text : fallback;
}

int64_t df_node_int(const DfNode *node, int64_t fallback)
{
    return node && node->kind == DF_NODE_INT ? node->integer : fallback;
}

double df_node_number(const DfNode *node, double fallback)
{
    return node && (node->kind == DF_NODE_INT || node->kind == DF_NODE_FLOAT) ? node->number : fallback;
}

bool df_node_bool(const DfNode *node, bool fallback)
{
    return node && node->kind == DF_NODE_BOOL ? node->boolean : fallback;
}

const char *df_node_kind_name(const DfNode *node)
{
    static const char *const names[] = {
        [DF_NODE_NONE] = "None",
        [DF_NODE_BOOL] = "a bool",
        [DF_NODE_INT] = "an integer",
        [DF_NODE_FLOAT] = "a float",
        [DF_NODE_TEXT] = "a string",
        [DF_NODE_LIST] = "a list",
        [DF_NODE_DICT] = "a dict",
        [DF_NODE_BASE_VALUE] = "a value of a base",
    };
    return node->is_tuple ? "a tuple" : names[node->kind];
}

/* ---- messages -------------------------------------------------------------------------------------------------- */

/* Writes the path of a node from the root: "data.test.pipeline.1"; returns its length. */
static size_t write_path(char *out, size_t room, const DfNode *node)
{
    if (!node->parent)
        return 0;
    size_t n = write_path(out, room, node->parent);
    int put;
    if (node->key) {
        put = snprintf(out + n, room - n, "%s%s", n ? "." : "", node->key);
    } else {
        int index = 0;
        for (const DfNode *child = node->parent->first; child && child != node; child = child->next)
            index++;
        put = snprintf(out + n, room - n, "%s%d", n ? "." : "", index);
    }
    return put > 0 && (size_t)put < room - n ? n + (size_t)put : room - 1;
}

int df_node_fail(const DfNode *node, int code, const char *format, ...)
{
    char sentence[512], path[256] = "";
    va_list args;
    va_start(args, format);
    df_vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    const size_t length = node ? write_path(path, sizeof path, node) : 0;
    if (length == 0)
        return node ? df_fail_at(node->file, node->line, code, "%s", sentence) : df_fail(code, "%s", sentence);
    return df_fail_at(node->file, node->line, code, "key '%s': %s", path, sentence);
}
