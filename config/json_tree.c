/* SPDX-License-Identifier: Apache-2.0
 *
 * config/json_tree.c -- reads a JSON config file into a tree. Of two equal keys the last one applies, as in Python.
 */
#include "config/base_value.h"
#include "config/readers.h"

#include <string.h>

static int read_into(DfConfig *, DfJson *, DfNode *parent);

/* Class names of transformers, by thousands: who needs them reads them himself. */
static bool is_passed_over(const DfConfig *tree, const DfJsonValue *key)
{
    return tree->passes_over_labels && (strcmp(key->text, "id2label") == 0 || strcmp(key->text, "label2id") == 0);
}

/* A text, or what df_base_values_quoted() put between quotes. */
static DfNode *text_leaf(DfConfig *tree, const DfJsonValue *value, const char *file, int line)
{
    const char *key;
    size_t length;
    if (df_base_value_length(value->text, value->text + value->length, &key, &length) == value->length && value->length)
        return df_base_value_new(tree, key, length, file, line);
    return df_tree_text(tree, value->text, value->length, file, line);
}

static DfNode *leaf(DfConfig *tree, const DfJson *json, DfJsonEvent event, const DfJsonValue *value, const char *file)
{
    const int line = (int)df_json_line(json);
    switch (event) {
    case DF_JSON_NULL: return df_tree_new(tree, DF_NODE_NONE, file, line);
    case DF_JSON_FALSE:
    case DF_JSON_TRUE: return df_tree_bool(tree, event == DF_JSON_TRUE, file, line);
    case DF_JSON_TEXT: return text_leaf(tree, value, file, line);
    case DF_JSON_ARRAY: return df_tree_new(tree, DF_NODE_LIST, file, line);
    case DF_JSON_OBJECT: return df_tree_new(tree, DF_NODE_DICT, file, line);
    default:
        if (value->is_integer)
            return df_tree_int(tree, value->integer, file, line);
        return df_tree_float(tree, value->number, file, line);
    }
}

static int place(DfConfig *tree, DfNode *parent, const char *key, DfNode *child)
{
    if (parent->kind == DF_NODE_DICT)
        return df_tree_set(tree, parent, key, child);
    df_tree_append(parent, child);
    return DF_OK;
}

/* The values of a list or dict up to its closing bracket. The reader bounds how deep this goes. */
static int read_into(DfConfig *tree, DfJson *json, DfNode *parent)
{
    const char *key = NULL;
    DfJsonValue value;
    for (;;) {
        DfJsonEvent event = df_json_next(json, &value);
        if (event == DF_JSON_CLOSE)
            return DF_OK;
        if (event == DF_JSON_KEY && is_passed_over(tree, &value)) {
            if (df_json_skip(json) < 0)
                return DF_EFORMAT;
            continue;
        }
        if (event == DF_JSON_KEY) {
            char *copy = df_tree_bytes(tree, value.length);
            if (!copy)
                return DF_EVALUE;
            for (size_t i = 0; i < value.length; i++)
                copy[i] = value.text[i];
            key = copy;
            event = df_json_next(json, &value);
        }
        if (event == DF_JSON_ERROR || event == DF_JSON_END)
            return DF_EFORMAT;
        DfNode *child = leaf(tree, json, event, &value, parent->file);
        if (!child)
            return DF_EVALUE;
        int error = place(tree, parent, key, child);
        if (error == DF_OK && (event == DF_JSON_ARRAY || event == DF_JSON_OBJECT))
            error = read_into(tree, json, child);
        if (error < 0)
            return error;
    }
}

static int read_whole(DfConfig *tree, DfNode *root, const char *text, size_t size, const char *file)
{
    DfJson *json = NULL;
    int error = df_json_open_text(&json, text, size, file);
    if (error < 0)
        return error;
    DfJsonValue value;
    const DfJsonEvent event = df_json_next(json, &value);
    if (event == DF_JSON_ERROR)
        error = DF_EFORMAT;
    else if (event != DF_JSON_OBJECT)
        error = df_json_fail(json, DF_EFORMAT, "want an object { .. } as the whole config");
    else
        error = read_into(tree, json, root);
    if (error == DF_OK && df_json_next(json, &value) != DF_JSON_END)
        error = DF_EFORMAT;
    df_json_close(json);
    return tree->error ? tree->error : error;
}

int df_read_json(DfConfig *tree, DfNode *root, const char *text, size_t size, const char *file)
{
    char *quoted = NULL;
    size_t quoted_size = 0;
    int error = df_base_values_quoted(&quoted, &quoted_size, text, size, file);
    if (error == DF_OK)
        error = quoted ? read_whole(tree, root, quoted, quoted_size, file) : read_whole(tree, root, text, size, file);
    df_free(quoted);
    return error;
}
