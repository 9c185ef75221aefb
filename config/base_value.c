/* SPDX-License-Identifier: Apache-2.0
 *
 * config/base_value.c -- {{ _base_.model.neck }} in a .py or .json file: a value of its bases, as in mmcv.Config.
 *
 * mmcv replaces it by a unique quoted word, reads the file and its bases, and then replaces every text equal to that
 * word by the value. So a base value is always a whole value, and a file cannot compute with it. Where mmcv would
 * leave pieces of the word in the config (inside a longer text, in a key), this is an error here.
 */
#include "config/base_value.h"

#include <string.h>

/* ---- in the text of a file ------------------------------------------------------------------------------------- */

/* Letters, digits, underscores and points: [\w.] in mmcv's pattern. Any byte outside ASCII counts as part of a
 * letter. */
static bool in_key(char c)
{
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
    return letter || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

size_t df_base_value_length(const char *p, const char *end, const char **key, size_t *key_length)
{
    static const char before[] = "_base_.";
    const size_t n = sizeof before - 1;
    if (end - p < 4 || p[0] != '{' || p[1] != '{')
        return 0;
    const char *at = df_skip_white(p + 2, end);
    if ((size_t)(end - at) < n || memcmp(at, before, n) != 0)
        return 0;
    const char *last = at += n;
    while (last < end && in_key(*last))
        last++;
    const char *close = df_skip_white(last, end);
    if (last == at || end - close < 2 || close[0] != '}' || close[1] != '}')
        return 0;
    *key = at;
    *key_length = (size_t)(last - at);
    return (size_t)(close + 2 - p);
}

DfNode *df_base_value_new(DfConfig *tree, const char *key, size_t length, const char *file, int line)
{
    DfNode *node = df_tree_text(tree, key, length, file, line);
    if (node)
        node->kind = DF_NODE_BASE_VALUE;
    return node;
}

/* Copies the file with quotes around its base values; gives the length. With `out` NULL it only counts.
 * *inside: the line of a base value that is part of a text, or 0. */
static size_t quote(char *out, const char *text, size_t size, int *inside)
{
    bool quoted = false;
    int line = 1;
    size_t n = 0;
    *inside = 0;
    for (const char *p = text, *end = text + size; p < end;) {
        const char *key;
        size_t key_length;
        size_t length = df_base_value_length(p, end, &key, &key_length);
        const bool found = length > 0;
        if (found && quoted && !*inside)
            *inside = line;
        if (!found)
            length = quoted && *p == '\\' && p + 1 < end ? 2 : 1;
        quoted ^= *p == '"';
        if (out && found)
            out[n] = out[n + length + 1] = '"';
        n += found;
        for (size_t i = 0; i < length; i++, n++, p++) {
            line += *p == '\n';
            if (out)
                out[n] = found && *p >= '\t' && *p <= '\r' ? ' ' : *p; /* no line breaks in a text */
        }
        n += found;
    }
    return n;
}

int df_base_values_quoted(char **out, size_t *out_size, const char *text, size_t size, const char *file)
{
    int inside;
    *out = NULL;
    *out_size = quote(NULL, text, size, &inside);
    if (inside)
        return df_fail_at(file, inside, DF_EFORMAT, "{{ _base_.key }} inside a string, want it alone, without quotes");
    if (*out_size == size)
        return DF_OK;
    *out = df_malloc(*out_size);
    if (!*out)
        return df_fail_memory("a config");
    quote(*out, text, size, &inside);
    return DF_OK;
}

/* ---- in a tree ------------------------------------------------------------------------------------------------- */

static const DfNode *no_key(const DfNode *wanted, const DfNode *at, const char *key)
{
    const char *near = df_tree_nearest(at, key);
    if (at->kind != DF_NODE_DICT)
        df_node_fail(wanted, DF_EVALUE, "{{ _base_.%s }}: '%s' of %s, want a key of a dict (%s:%d)", wanted->text, key,
                     df_node_kind_name(at), at->file, at->line);
    else if (near)
        df_node_fail(wanted, DF_EVALUE, "{{ _base_.%s }}: no base has the key '%s'; did you mean '%s'?", wanted->text,
                     key, near);
    else
        df_node_fail(wanted, DF_EVALUE, "{{ _base_.%s }}: no base has the key '%s'", wanted->text, key);
    return NULL;
}

/* The value of the bases at "model.neck": keys of dicts alone. NULL after df_fail(). */
static const DfNode *find(DfConfig *tree, DfNode *bases, const DfNode *wanted)
{
    DfNode *at = bases;
    for (const char *name = wanted->text;; name++) {
        const size_t length = strcspn(name, ".");
        const char *key = df_arena_copy(tree->arena, name, length);
        if (!key) {
            tree->error = df_fail_memory("a config");
            return NULL;
        }
        DfNode *next = df_tree_get(at, key);
        if (!next)
            return no_key(wanted, at, key);
        at = next;
        name += length;
        if (!*name)
            return at;
    }
}

static int fill_one(DfConfig *tree, DfNode *node, DfNode *bases)
{
    if (!bases)
        return df_node_fail(node, DF_EVALUE, "{{ _base_.%s }}: the file names no _base_", node->text);
    const DfNode *value = find(tree, bases, node);
    DfNode *copy = value ? df_tree_copy(tree, value) : NULL;
    if (!copy)
        return tree->error ? tree->error : DF_EVALUE;
    df_tree_replace(node, copy);
    return DF_OK;
}

/* An error if a base value is only part of a text or key. */
static int check_text(const DfNode *node, const char *text)
{
    const char *key, *end = text + strlen(text);
    size_t length;
    for (const char *p = text; (p = strstr(p, "{{")); p++)
        if (df_base_value_length(p, end, &key, &length))
            return df_node_fail(node, DF_EFORMAT,
                                "{{ _base_.%.*s }} inside a string or key, want it alone, as a whole value",
                                (int)length, key);
    return DF_OK;
}

int df_base_values_fill(DfConfig *tree, DfNode *node, DfNode *bases)
{
    int error = DF_OK;
    for (DfNode *child = node->first, *next; child && error == DF_OK; child = next) {
        next = child->next;
        if (child->key)
            error = check_text(child, child->key);
        if (error == DF_OK && child->kind == DF_NODE_TEXT)
            error = check_text(child, child->text);
        else if (error == DF_OK)
            error = child->kind == DF_NODE_BASE_VALUE ? fill_one(tree, child, bases)
                                                      : df_base_values_fill(tree, child, bases);
    }
    return error;
}
