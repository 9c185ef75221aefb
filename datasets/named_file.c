/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/named_file.c -- checks that the files a config names exist: annotations, lists, names of classes, weights,
 * bases.
 */
#include "datasets/named_file.h"

#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "annotations/annotations.h"
#include "datasets/dataset_config.h"
#include "datasets/image/image_file.h"

/* ---- data of a folder -------------------------------------------------------------------------------------------- */

/* What `eval --out` leaves for `compare`: results.bbox.json and the like. */
static bool is_of_a_run(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    return df_starts_with(name, "results.") && strcmp(name, "results.json") != 0;
}

/* By its name; of JSON by its contents, because scores are JSON, too. */
static bool is_data(const char *path)
{
    static const char *const endings[] = { ".xml", ".txt", ".yaml", ".yml", ".csv", ".gz" };
    const char *dot = strrchr(path, '.');
    if (!dot || strchr(dot, '/'))
        return false;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (strcasecmp(dot, endings[i]) == 0)
            return true;
    if (strcasecmp(dot, ".json") == 0)
        return df_coco_is_truth(path) || is_of_a_run(path);
    return df_image_is_named(path);
}

bool df_is_data_of(const char *folder, const char *path)
{
    if (!df_is_directory(folder) || !df_is_file(path) || !is_data(path))
        return false;
    char *outer = df_path_absolute(folder);
    char *inner = df_path_absolute(path);
    const size_t n = outer ? strlen(outer) : 0;
    const bool below = outer && inner && strncmp(outer, inner, n) == 0 && (inner[n] == '/' || outer[n - 1] == '/');
    df_free(outer);
    df_free(inner);
    return below;
}

/* ---- what a config leads to -------------------------------------------------------------------------------------- */

typedef struct {
    struct stat file;
    const char *path;     /* the same file */
    const char *data_dir; /* or NULL       */
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
    if (is_wanted(w, node->text) || df_is_data_of(node->text, w->path))
        return true;
    return df_dataset_path(path, data_root(node), node->text, w->data_dir) == DF_OK &&
           (is_wanted(w, path) || df_is_data_of(path, w->path));
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
    Wanted wanted = { .path = path, .data_dir = data_dir };
    return stat(path, &wanted.file) == 0 ? find(&wanted, root) : NULL;
}
