/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/named_file.c -- whether a config leads to a file: annotations, lists, names of classes, weights, bases.
 */
#include "datasets/named_file.h"

#include <sys/stat.h>

#include "datasets/dataset_config.h"

typedef struct {
    struct stat file;
    const char *data_dir; /* or NULL */
} Wanted;

static bool is_wanted(const Wanted *w, const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && s.st_dev == w->file.st_dev && s.st_ino == w->file.st_ino;
}

/* data_root of the dict around a node; NULL: none has one. */
static const char *data_root(const DfNode *node)
{
    const char *root = NULL;
    for (const DfNode *dict = node->parent; dict && !root; dict = dict->parent)
        root = df_node_text(df_node_get(dict, "data_root"), NULL);
    return root;
}

static bool names_it(const Wanted *w, const DfNode *node)
{
    char path[DF_PATH];
    if (node->kind != DF_NODE_TEXT || !node->text[0])
        return false;
    return is_wanted(w, node->text) ||
           (df_dataset_path(path, data_root(node), node->text, w->data_dir) == DF_OK && is_wanted(w, path));
}

static const DfNode *find(const Wanted *w, const DfNode *node)
{
    const DfNode *found = NULL;
    if (is_wanted(w, node->file) || names_it(w, node))
        return node;
    for (const DfNode *child = node->first; child && !found; child = child->next)
        found = find(w, child);
    return found;
}

static bool reads(const Wanted *w, const DfNode *node)
{
    bool found = is_wanted(w, node->file);
    for (const DfNode *child = node->first; child && !found; child = child->next)
        found = reads(w, child);
    return found;
}

bool df_config_reads(const DfNode *root, const char *path)
{
    Wanted wanted = { 0 };
    return stat(path, &wanted.file) == 0 && reads(&wanted, root);
}

const DfNode *df_named_file(const DfNode *root, const char *data_dir, const char *path)
{
    Wanted wanted = { .data_dir = data_dir };
    return stat(path, &wanted.file) == 0 ? find(&wanted, root) : NULL;
}
