/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/classification.c -- a folder for every class, or a list of files with their labels.
 */
#include "datasets/classification.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/dataset_config.h"
#include "datasets/scan.h"

typedef struct {
    const DfNode *data_prefix, *ann_file;
    const char *data_root;
    const DfNode *classes, *metainfo, *pipeline;
} Options;

static const DfOpt opts[] = {
    DF_OPT_NODE(Options, data_prefix, "''", "folder that holds one folder of pictures for each class"),
    DF_OPT_NODE(Options, ann_file, "None",
                "file with one picture a line, its path below data_prefix and its label; None: the folders' files"),
    DF_OPT_TEXT(Options, data_root, "None", "folder that data_prefix and ann_file are relative to"),
    DF_OPT_NODE(Options, classes, "None",
                "class names in the order of the labels: a list, or a file with one per line; None: the folders'"),
    DF_OPT_NODE(Options, metainfo, "None", "mmpretrain 1.x: dict(classes=NAMES)"),
    DF_OPT_NODE(Options, pipeline, "None", "list of transforms that prepare each picture"),
    DF_OPT_UNUSED(split, "which part of ImageNet it is; data_prefix says so"),
    DF_OPT_UNUSED(test_mode, "every picture is always kept"),
    DF_OPT_END
};

const DfDatasetType df_dataset_ImageNet = {
    .name = "ImageNet",
    .help = "a folder of pictures for each class (Russakovsky et al., IJCV 2015)",
    .opts = opts,
};

/* ---- classes ---------------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int find(const DfClasses *classes, const char *name, size_t length)
{
    for (int i = 0; i < classes->n; i++)
        if (strncmp(classes->name[i], name, length) == 0 && !classes->name[i][length])
            return i;
    return -1;
}

/* The first folder of each path, once; files beside the folders have no class. */
static int folders_as_classes(DfClassification *set, const DfScan *scan)
{
    const char **names = df_arena_alloc(set->arena, (size_t)scan->n + 1, sizeof *names);
    int n = 0;
    if (!names)
        return df_fail_memory("class names");
    for (int i = 0; i < scan->n; i++) {
        const char *slash = strchr(scan->name[i], '/');
        const size_t length = slash ? (size_t)(slash - scan->name[i]) : 0;
        if (!slash || (n > 0 && strncmp(names[n - 1], scan->name[i], length) == 0 && !names[n - 1][length]))
            continue;
        if (!(names[n++] = df_arena_copy(set->arena, scan->name[i], length)))
            return df_fail_memory("class names");
    }
    qsort(names, (size_t)n, sizeof *names, by_name);
    set->classes = (DfClasses){ .n = n, .name = names };
    return n ? DF_OK : df_fail(DF_EVALUE, "%s: no folder with pictures in it: want one for each class", set->folder);
}

static int take_classes(DfClassification *set, const char *const *names, int n)
{
    const char **copy = df_arena_alloc(set->arena, (size_t)n + 1, sizeof *copy);
    for (int i = 0; copy && i < n; i++)
        if (!(copy[i] = df_arena_copy(set->arena, names[i], strlen(names[i]))))
            copy = NULL;
    set->classes = (DfClasses){ .n = n, .name = copy };
    return copy ? DF_OK : df_fail_memory("class names");
}

/* ---- pictures --------------------------------------------------------------------------------------------------- */

static int room(DfClassification *set, int n)
{
    set->picture = df_arena_alloc(set->arena, (size_t)n + 1, sizeof *set->picture);
    set->label = df_arena_alloc(set->arena, (size_t)n + 1, sizeof *set->label);
    return set->picture && set->label ? DF_OK : df_fail_memory("a list of pictures");
}

static int add(DfClassification *set, const char *name, size_t length, int label)
{
    const char *slash = !set->folder[0] || df_ends_with(set->folder, "/") ? "" : "/";
    const char *path = df_arena_text(set->arena, "%s%s%.*s", set->folder, slash, (int)length, name);
    set->picture[set->n] = path;
    set->label[set->n++] = label;
    return path ? DF_OK : df_fail_memory("a list of pictures");
}

static int scan_pictures(DfScan *out, const DfClassification *set)
{
    const int error = df_scan(out, set->folder, "", set->arena);
    if (error == DF_OK)
        df_scan_keep_pictures(out);
    return error;
}

/* The folders of ImageNet have the names of synsets, and configs those of things: where no folder has the name of a
 * class and there are as many, labels are the sorted folders. `keys` is then what they are found by. */
static int match_folders(DfClassification *set, const DfScan *scan, DfClasses *keys)
{
    const DfClasses named = set->classes;
    int known = 0;
    int error = folders_as_classes(set, scan);
    *keys = set->classes;
    for (int i = 0; i < keys->n; i++)
        known += find(&named, keys->name[i], strlen(keys->name[i])) >= 0;
    set->classes = named.n ? named : *keys;
    if (error == DF_OK && named.n && !known && keys->n != named.n)
        return df_fail(DF_EVALUE,
                       "%s: %d folders, of which none, like '%s', has the name of one of the %d classes of the config: "
                       "want one for each class",
                       set->folder, keys->n, keys->name[0], named.n);
    if (known || named.n == 0)
        *keys = set->classes;
    else if (error == DF_OK)
        df_log(DF_LOG_INFO,
               "%s: no folder has the name of a class: the %d sorted folders, from '%s' on, are taken for the classes "
               "in their order, from '%s' on",
               set->folder, keys->n, keys->name[0], named.name[0]);
    return error;
}

static int add_of_folder(DfClassification *set, const DfClasses *keys, const char *name)
{
    const char *slash = strchr(name, '/');
    const int label = slash ? find(keys, name, (size_t)(slash - name)) : 0;
    if (label >= 0)
        return slash ? add(set, name, strlen(name), label) : DF_OK;
    return df_fail(DF_EVALUE, "%s: the folder '%.*s' is not one of the %d classes of the config", set->folder,
                   (int)(slash - name), name, set->classes.n);
}

static int scan_folders(DfClassification *set)
{
    DfScan scan;
    DfClasses keys;
    int error = scan_pictures(&scan, set);
    if (error == DF_OK)
        error = match_folders(set, &scan, &keys);
    if (error == DF_OK)
        error = room(set, scan.n);
    for (int i = 0; error == DF_OK && i < scan.n; i++)
        error = add_of_folder(set, &keys, scan.name[i]);
    return error;
}

/* "path label", or "class/path". */
static int take_line(DfClassification *set, const char *ann_file, const char *line)
{
    const char *space = strrchr(line, ' ');
    const char *slash = strchr(line, '/');
    char *end = NULL;
    const long number = space ? strtol(space + 1, &end, 10) : -1;
    if (space && end != space + 1 && !*end) {
        if (number < 0 || (set->classes.n && number >= set->classes.n))
            return df_fail(DF_EVALUE, "%s: '%s': want a label in 0..%d", ann_file, line, set->classes.n - 1);
        return add(set, line, (size_t)(space - line), (int)number);
    }
    const int label = slash ? find(&set->classes, line, (size_t)(slash - line)) : -1;
    if (label < 0)
        return df_fail(DF_EVALUE, "%s: '%s': want a path and a label, or a path that begins with a class", ann_file,
                       line);
    return add(set, line, strlen(line), label);
}

/* The folders name the classes, also those that the list has no picture of. */
static int classes_of_folders(DfClassification *set)
{
    DfScan scan;
    const int error = scan_pictures(&scan, set);
    return error < 0 ? error : folders_as_classes(set, &scan);
}

static int read_list(DfClassification *set, const char *ann_file)
{
    DfNames lines;
    int error = set->classes.n ? DF_OK : classes_of_folders(set);
    if (error == DF_OK)
        error = df_dataset_lines(&lines, ann_file, set->arena);
    if (error == DF_OK)
        error = room(set, lines.n);
    for (int i = 0; error == DF_OK && i < lines.n; i++)
        error = take_line(set, ann_file, lines.name[i]);
    return error;
}

/* ---- all of it -------------------------------------------------------------------------------------------------- */

int df_classification_open(DfClassification **out, const char *folder, const char *ann_file,
                           const char *const *classes, int n)
{
    *out = NULL;
    DfArena *arena = df_arena_new();
    DfClassification *set = arena ? df_arena_alloc(arena, 1, sizeof *set) : NULL;
    int error = set ? DF_OK : df_fail_memory("a dataset");
    if (error == DF_OK) {
        set->arena = arena;
        set->folder = df_arena_copy(arena, folder, strlen(folder));
        error = set->folder ? DF_OK : df_fail_memory("a dataset");
    }
    if (error == DF_OK && n > 0)
        error = take_classes(set, classes, n);
    if (error == DF_OK)
        error = ann_file ? read_list(set, ann_file) : scan_folders(set);
    if (error == DF_OK && set->n == 0)
        error = df_fail(DF_EVALUE, "%s: no picture in the folders of the classes", folder);
    if (error == DF_OK)
        *out = set;
    else
        df_arena_free(arena);
    return error;
}

void df_classification_free(DfClassification *set)
{
    if (set)
        df_arena_free(set->arena);
}

static int open_bound(DfClassification **out, const Options *o, const char *data_dir, int part, DfArena *arena)
{
    char folder[DF_PATH], list[DF_PATH];
    const char *prefix;
    const char *ann_file;
    DfNames names;
    int error = df_dataset_text(&prefix, o->data_prefix, part);
    if (error == DF_OK)
        error = df_dataset_text(&ann_file, o->ann_file, part);
    if (error == DF_OK)
        error = df_dataset_names(&names, o->classes ? o->classes : df_node_get(o->metainfo, "classes"), arena);
    if (error == DF_OK && !prefix[0] && !ann_file[0] && !o->data_root)
        error = df_fail(DF_EVALUE, "the dataset has no data_prefix: want the folder of its pictures, or --data DIR");
    if (error == DF_OK)
        error = df_dataset_path(folder, o->data_root, prefix, data_dir);
    if (error == DF_OK && ann_file[0])
        error = df_dataset_path(list, o->data_root, ann_file, data_dir);
    return error < 0 ? error : df_classification_open(out, folder, ann_file[0] ? list : NULL, names.name, names.n);
}

int df_classification_for_training(DfClassification **out, const DfNode *dataset, const char *data_dir, int part)
{
    Options o;
    *out = NULL;
    DfArena *arena = df_arena_new();
    int error = arena ? df_bind(dataset, opts, &o, arena, "ImageNet") : df_fail_memory("the options of a dataset");
    if (error == DF_OK)
        error = open_bound(out, &o, data_dir, part, arena);
    df_arena_free(arena);
    return error;
}

int df_classification_from_config(DfClassification **out, const DfNode *dataset, const char *data_dir)
{
    *out = NULL;
    if (strcmp(df_node_text(df_node_get(dataset, "type"), ""), "ImageNet") != 0)
        return df_dataset_type_fail(dataset, "'ImageNet'");
    return df_classification_for_training(out, dataset, data_dir, -1);
}

int df_classification_classes(DfClasses *out, const DfNode *dataset, DfArena *arena)
{
    const DfNode *list = df_node_get(dataset, "classes");
    DfNames names = { 0 };
    *out = (DfClasses){ 0 };
    if (!list)
        list = df_node_at(dataset, "metainfo.classes");
    const int error = list ? df_dataset_names(&names, list, arena) : DF_OK;
    if (error == DF_OK)
        *out = (DfClasses){ .n = names.n, .name = names.name };
    return error;
}

void df_classification_usual_pipeline(DfTextbuf *out, const DfNode *config)
{
    const DfNode *backbone = df_node_get(config, "backbone");
    if (!backbone)
        backbone = df_node_at(config, "model.backbone");
    const bool resnet = strcmp(df_node_text(df_node_get(backbone, "type"), ""), "ResNet") == 0;
    const DfNode *size = df_node_get(backbone, "img_size");
    const long long height = df_node_int(df_node_at(backbone, "img_size.0"), df_node_int(size, 224));
    const long long width = df_node_int(df_node_at(backbone, "img_size.1"), height);
    const long long side = height < width ? height : width;
    df_textbuf_add(out,
                   "[{'type': 'LoadImageFromFile', 'imdecode_backend': 'pillow', 'color_type': "
                   "'color_ignore_orientation'}, {'type': 'ResizeEdge', 'scale': %lld, 'interpolation': '%s'}, "
                   "{'type': 'CenterCrop', 'crop_size': (%lld, %lld)}, {'type': 'DetrNormalize'}, {'type': "
                   "'PackInputs'}]",
                   (long long)(256.0 / 224 * (double)side), resnet ? "bilinear" : "bicubic", height, width);
}
