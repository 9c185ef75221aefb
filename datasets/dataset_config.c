/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/dataset_config.c -- paths, class names and lists of a dataset dict.
 */
#include "datasets/dataset_config.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_FILE = 1 << 24 };

/* A path of the config, below data_root if there is one, as Python's os.path.join has it. */
static int config_path(char out[DF_PATH], const char *root, const char *path)
{
    if (!root || path[0] == '/')
        root = "";
    const char *slash = !root[0] || df_ends_with(root, "/") ? "" : "/";
    if (snprintf(out, DF_PATH, "%s%s%s", root, slash, path) >= DF_PATH)
        return df_fail(DF_EVALUE, "a path of more than %d bytes", DF_PATH);
    return DF_OK;
}

/* The longest tail of `path` that exists below `folder`: data/coco/val2017/ is FOLDER/val2017/. */
static int rerooted(char out[DF_PATH], const char *folder, const char *path)
{
    const char *slash = df_ends_with(folder, "/") ? "" : "/";
    const char *last = path; /* the tail that was tried last, for the message */
    for (const char *tail = path; tail && *tail; tail = strchr(tail, '/')) {
        tail += strspn(tail, "/");
        if (!*tail)
            break;
        if (snprintf(out, DF_PATH, "%s%s%s", folder, slash, tail) >= DF_PATH)
            return df_fail(DF_EVALUE, "a path of more than %d bytes", DF_PATH);
        if (df_file_exists(out) || df_is_directory(out))
            return DF_OK;
        last = tail;
    }
    return df_fail(DF_EIO, "%s: does not contain %s (in the config: %s)", folder, last, path);
}

int df_dataset_path(char out[DF_PATH], const char *data_root, const char *path, const char *data_dir)
{
    char whole[DF_PATH];
    const int error = config_path(whole, data_root, path);
    if (error < 0)
        return error;
    if (data_dir && whole[0])
        return rerooted(out, data_dir, whole);
    memcpy(out, whole, DF_PATH);
    return DF_OK;
}

static int names_from_list(DfNames *out, const DfNode *list, DfArena *arena)
{
    if (!(out->name = df_arena_alloc(arena, (size_t)list->n + 1, sizeof *out->name)))
        return df_fail_memory("class names");
    for (const DfNode *node = list->first; node; node = node->next) {
        if (node->kind != DF_NODE_TEXT)
            return df_node_fail(node, DF_EVALUE, "want the name of a class");
        if (!(out->name[out->n] = df_arena_copy(arena, node->text, strlen(node->text))))
            return df_fail_memory("class names");
        out->n++;
    }
    return out->n ? DF_OK : df_node_fail(list, DF_EVALUE, "no class: want one or more names");
}

int df_dataset_lines(DfNames *out, const char *path, DfArena *arena)
{
    char *text;
    size_t size;
    *out = (DfNames){ 0 };
    int error = df_file_text(&text, &size, path, TEXT_FILE);
    if (error < 0)
        return error;
    if ((error = df_text_check(text, size, path)) < 0) {
        df_free(text);
        return error;
    }
    size_t lines = 1; /* that can hold a name: each of the two ends one */
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n' || text[i] == '\r';
    out->name = df_arena_alloc(arena, lines, sizeof *out->name);
    for (char *line = text; out->name && *line; line += strspn(line, "\r\n")) {
        const size_t length = strcspn(line, "\r\n");
        if (length && !(out->name[out->n++] = df_arena_copy(arena, line, length)))
            out->name = NULL;
        line += length;
    }
    df_free(text);
    if (!out->name)
        return df_fail_memory("class names");
    return out->n ? DF_OK : df_fail(DF_EVALUE, "%s: no class: want one name per line", path);
}

int df_dataset_names(DfNames *out, const DfNode *node, DfArena *arena)
{
    *out = (DfNames){ 0 };
    if (!node)
        return DF_OK;
    if (node->kind == DF_NODE_LIST)
        return names_from_list(out, node, arena);
    if (node->kind == DF_NODE_TEXT)
        return df_dataset_names_of_file(out, node->text, arena);
    return df_node_fail(node, DF_EVALUE, "want a list of names, or the path of a file with one per line");
}

int df_dataset_parts(int *out, const DfNode *dataset)
{
    static const char *const keys[] = { "ann_file", "img_prefix", "data_prefix", "img_dir", "ann_dir", "split" };
    const DfNode *longest = NULL;
    *out = 1;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const DfNode *node = df_node_get(dataset, keys[i]);
        if (!node || node->kind != DF_NODE_LIST)
            continue;
        if (node->n == 0)
            return df_node_fail(node, DF_EVALUE, "an empty list: want one path or more");
        if (longest && longest->n != node->n)
            return df_node_fail(node, DF_EVALUE, "a list of %d, and %s has %d: want as many", node->n, longest->key,
                                longest->n);
        longest = node;
        *out = node->n;
    }
    return DF_OK;
}

int df_dataset_text(const char **out, const DfNode *node, int part)
{
    *out = "";
    if (node && node->kind == DF_NODE_LIST && part >= 0) {
        node = node->first;
        for (int i = 0; node && i < part; i++)
            node = node->next;
    }
    if (!node || node->kind == DF_NODE_NONE)
        return DF_OK;
    if (node->kind != DF_NODE_TEXT)
        return df_node_fail(node, DF_EVALUE, "%s: want a path", df_node_kind_name(node));
    *out = node->text;
    return DF_OK;
}

/* ---- several datasets ------------------------------------------------------------------------------------------- */

/* What a wrapper holds: a list for several, a dict for one; NULL: this is no wrapper. */
static const DfNode *held(const DfNode *dataset)
{
    if (!dataset || dataset->kind == DF_NODE_LIST)
        return dataset;
    const DfNode *several = df_node_get(dataset, "datasets");
    return several ? several : df_node_get(dataset, "dataset");
}

enum { WRAPPERS = 16 };

static int each(const DfNode *dataset, int depth, DfTakeDataset *take, void *arg)
{
    const DfNode *inner = held(dataset);
    int error = DF_OK;
    int parts = 1;
    if (!dataset || depth == WRAPPERS)
        return df_fail(DF_EVALUE, "no test set: want a dataset dict as data.test");
    if (inner && inner->kind == DF_NODE_LIST) {
        for (const DfNode *node = inner->first; error == DF_OK && node; node = node->next)
            error = each(node, depth + 1, take, arg);
        return error;
    }
    if (inner)
        return each(inner, depth + 1, take, arg);
    if (dataset->kind != DF_NODE_DICT)
        return df_node_fail(dataset, DF_EVALUE, "%s: want a dataset dict", df_node_kind_name(dataset));
    error = df_dataset_parts(&parts, dataset);
    for (int i = 0; error == DF_OK && i < parts; i++)
        error = take(arg, dataset, i);
    return error;
}

int df_dataset_each(const DfNode *dataset, DfTakeDataset *take, void *arg)
{
    return each(dataset, 0, take, arg);
}

const DfNode *df_dataset_first(const DfNode *dataset)
{
    for (int depth = 0; dataset && depth < WRAPPERS; depth++) {
        const DfNode *inner = held(dataset);
        if (!inner)
            return dataset;
        dataset = inner->kind == DF_NODE_LIST ? inner->first : inner;
    }
    return NULL;
}

/* ---- types ------------------------------------------------------------------------------------------------------ */

int df_dataset_type_fail(const DfNode *dataset, const char *wanted)
{
    const char *type = df_node_text(df_node_get(dataset, "type"), "");
    const char *names[64];
    size_t n = 0;
    for (; n < 64 && df_dataset_types[n]; n++) {
        names[n] = df_dataset_types[n]->name;
        if (strcmp(names[n], type) == 0)
            return df_node_fail(dataset, DF_EVALUE, "dataset of type '%s': want %s", type, wanted);
    }
    const char *near = df_nearest_name(type, names, n);
    if (near)
        return df_node_fail(dataset, DF_EVALUE, "unknown dataset '%s': did you mean '%s'?", type, near);
    return df_node_fail(dataset, DF_EVALUE, "dataset of type '%s': want %s", type, wanted);
}
