/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/coco_config.c -- from the dataset dict of a config (data.test) to an open dataset.
 */
#include <stdio.h>
#include <string.h>

#include "datasets/coco.h"

enum { PATH = 4096, NAMES_FILE = 1 << 20 };

typedef struct {
    const char *ann_file, *img_prefix, *data_root;
    const DfNode *classes, *pipeline;
} Options;

const DfOpt df_coco_opts[] = {
    DF_OPT_TEXT(Options, ann_file, NULL, "the annotations, in COCO's JSON"),
    DF_OPT_TEXT(Options, img_prefix, "''", "the folder of the pictures"),
    DF_OPT_TEXT(Options, data_root, "None", "the folder that ann_file and img_prefix are in"),
    DF_OPT_NODE(Options, classes, "None", "names of the classes, or a file with one a line; None: the 80 of COCO"),
    DF_OPT_NODE(Options, pipeline, "None", "what is done to each picture: a list of transforms"),
    DF_OPT_UNUSED(test_mode, "testing keeps every picture"),
    DF_OPT_UNUSED(filter_empty_gt, "drops pictures without boxes, in training"),
    DF_OPT_UNUSED(seg_prefix, "segmentation maps, in training"),
    DF_OPT_UNUSED(proposal_file, "proposals computed beforehand, of Fast R-CNN"),
    DF_OPT_UNUSED(samples_per_gpu, "batch size; a picture is tested alone here"),
    DF_OPT_END
};

/* A path of the config, below data_root if there is one, as Python's os.path.join has it. */
static int config_path(char out[PATH], const char *root, const char *path)
{
    const bool alone = !root || path[0] == '/';
    const char *slash = alone || !root[0] || df_ends_with(root, "/") ? "" : "/";
    if (snprintf(out, PATH, "%s%s%s", alone ? "" : root, slash, path) >= PATH)
        return df_fail(DF_EVALUE, "a path of more than %d bytes", PATH);
    return DF_OK;
}

/* The longest tail of `path` that exists below `folder`: data/coco/val2017/ is FOLDER/val2017/. */
static int rerooted(char out[PATH], const char *folder, const char *path)
{
    const char *slash = df_ends_with(folder, "/") ? "" : "/", *last = path;
    for (const char *tail = path; tail && *tail; tail = strchr(tail, '/')) {
        tail += strspn(tail, "/");
        if (!*tail)
            break;
        if (snprintf(out, PATH, "%s%s%s", folder, slash, tail) >= PATH)
            return df_fail(DF_EVALUE, "a path of more than %d bytes", PATH);
        if (df_file_exists(out) || df_is_directory(out))
            return DF_OK;
        last = tail;
    }
    return df_fail(DF_EIO, "%s: no %s in it, where the config has %s", folder, last, path);
}

static int find(char out[PATH], const Options *o, const char *path, const char *data_dir)
{
    char whole[PATH];
    int error = config_path(whole, o->data_root, path);
    if (error < 0)
        return error;
    if (data_dir && whole[0])
        return rerooted(out, data_dir, whole);
    memcpy(out, whole, PATH);
    return DF_OK;
}

typedef struct {
    int n;
    const char **name;
} Names;

static int names_from_list(Names *out, const DfNode *list, DfArena *arena)
{
    if (!(out->name = df_arena_alloc(arena, (size_t)list->n + 1, sizeof *out->name)))
        return df_fail_memory("class names");
    for (const DfNode *node = list->first; node; node = node->next) {
        if (node->kind != DF_NODE_TEXT)
            return df_node_fail(node, DF_EVALUE, "want the name of a class");
        out->name[out->n++] = node->text;
    }
    return out->n ? DF_OK : df_node_fail(list, DF_EVALUE, "no class: want one or more names");
}

static int names_from_file(Names *out, const char *path, DfArena *arena)
{
    char *text;
    size_t size;
    const int error = df_file_text(&text, &size, path, NAMES_FILE);
    if (error < 0)
        return error;
    size_t lines = 1;
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
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
    return out->n ? DF_OK : df_fail(DF_EVALUE, "%s: no class: want one name a line", path);
}

static int read_names(Names *out, const DfNode *node, DfArena *arena)
{
    *out = (Names){ 0 };
    if (!node)
        return DF_OK;
    if (node->kind == DF_NODE_LIST)
        return names_from_list(out, node, arena);
    if (node->kind == DF_NODE_TEXT)
        return names_from_file(out, node->text, arena);
    return df_node_fail(node, DF_EVALUE, "want a list of names, or the path of a file with one a line");
}

static int open_bound(DfCocoDataset **out, const Options *o, const char *data_dir, DfArena *arena)
{
    char annotations[PATH], pictures[PATH];
    Names names;
    int error;
    if ((error = read_names(&names, o->classes, arena)) < 0 || (error = find(annotations, o, o->ann_file, data_dir)) < 0 ||
        (error = find(pictures, o, o->img_prefix ? o->img_prefix : "", data_dir)) < 0)
        return error;
    return df_coco_dataset_open(out, annotations, pictures, names.name, names.n);
}

int df_coco_dataset_from_config(DfCocoDataset **out, const DfNode *dataset, const char *data_dir)
{
    const char *type = df_node_text(df_node_get(dataset, "type"), "");
    *out = NULL;
    if (strcmp(type, "CocoDataset") != 0)
        return df_node_fail(dataset, DF_EVALUE, "dataset of type '%s': want 'CocoDataset'", type);
    DfArena *arena = df_arena_new();
    if (!arena)
        return df_fail_memory("the options of a dataset");
    Options options;
    int error = df_bind(dataset, df_coco_opts, &options, arena, type);
    if (error == DF_OK && !options.ann_file)
        error = df_node_fail(dataset, DF_EVALUE, "ann_file = None: want a path");
    if (error == DF_OK)
        error = open_bound(out, &options, data_dir, arena);
    df_arena_free(arena);
    return error;
}
