/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/classification.c -- datasets of classifiers: a folder for every class, or a list of files with their
 * labels.
 */
#include "datasets/classification.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/class_set.h"
#include "datasets/dataset_config.h"

typedef struct {
    const DfNode *data_prefix, *ann_file;
    const char *data_root;
    const DfNode *classes, *metainfo, *pipeline;
} Options;

static const DfOpt opts[] = {
    DF_OPT_NODE(Options, data_prefix, "''", "folder that holds one folder of pictures for each class"),
    DF_OPT_NODE(Options, ann_file, "None",
                "file with one picture a line, its path below data_prefix and its label; or with one label a line, of "
                "the pictures in the order of their names; None: the folders' files"),
    DF_OPT_TEXT(Options, data_root, "None", "folder that data_prefix and ann_file are relative to"),
    DF_OPT_NODE(Options, classes, "None",
                "class names in the order of the labels: a list, or a file with one per line, or of JSON; None: the "
                "folders'"),
    DF_OPT_NODE(Options, metainfo, "None", "mmpretrain 1.x: dict(classes=NAMES)"),
    DF_OPT_NODE(Options, pipeline, "None", "list of transforms that prepare each picture"),
    DF_OPT_UNUSED(split, "part of ImageNet; data_prefix tells it"),
    DF_OPT_UNUSED(test_mode, "keep every picture; in testing they are always kept"),
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

int df_class_find(const DfClasses *classes, const char *name, size_t length)
{
    for (int i = 0; i < classes->n; i++)
        if (strncmp(classes->name[i], name, length) == 0 && !classes->name[i][length])
            return i;
    return -1;
}

/* The first folder of each path, once; files beside the folders have no class. */
int df_class_folders(DfClasses *out, const DfScan *scan, DfArena *arena)
{
    const char **names = df_arena_alloc(arena, (size_t)scan->n + 1, sizeof *names);
    int n = 0;
    *out = (DfClasses){ 0 };
    if (!names)
        return df_fail_memory("class names");
    for (int i = 0; i < scan->n; i++) {
        const char *slash = strchr(scan->name[i], '/');
        const size_t length = slash ? (size_t)(slash - scan->name[i]) : 0;
        if (!slash || (n > 0 && strncmp(names[n - 1], scan->name[i], length) == 0 && !names[n - 1][length]))
            continue;
        if (!(names[n++] = df_arena_copy(arena, scan->name[i], length)))
            return df_fail_memory("class names");
    }
    qsort(names, (size_t)n, sizeof *names, by_name);
    *out = (DfClasses){ .n = n, .name = names };
    return DF_OK;
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

int df_class_room(DfClassification *set, int n)
{
    set->picture = df_arena_alloc(set->arena, (size_t)n + 1, sizeof *set->picture);
    set->label = df_arena_alloc(set->arena, (size_t)n + 1, sizeof *set->label);
    return set->picture && set->label ? DF_OK : df_fail_memory("a list of pictures");
}

int df_class_add(DfClassification *set, const char *name, size_t length, int label)
{
    const char *slash = !set->folder[0] || df_ends_with(set->folder, "/") ? "" : "/";
    const char *path = df_arena_text(set->arena, "%s%s%.*s", set->folder, slash, (int)length, name);
    set->picture[set->n] = path;
    set->label[set->n++] = label;
    return path ? DF_OK : df_fail_memory("a list of pictures");
}

int df_class_scan(DfScan *out, const DfClassification *set)
{
    const int error = df_scan(out, set->folder, "", set->arena);
    if (error == DF_OK)
        df_scan_keep_pictures(out);
    return error;
}

/* The folders of ImageNet have the names of synsets, and configs those of things: where no folder has the name of a
 * class and there are as many, labels are the sorted folders. `keys` is what pictures are found by. */
static int match_folders(DfClassification *set, const DfClasses *folders, DfClasses *keys)
{
    const DfClasses named = set->classes;
    int known = 0;
    for (int i = 0; i < folders->n; i++)
        known += df_class_find(&named, folders->name[i], strlen(folders->name[i])) >= 0;
    *keys = known ? named : *folders;
    set->classes = named.n ? named : *folders;
    if (known || named.n == 0)
        return DF_OK;
    if (folders->n != named.n)
        return df_fail(DF_EVALUE,
                       "%s: %d folders, of which none, like '%s', has the name of one of the %d classes of the config: "
                       "want one for each class",
                       set->folder, folders->n, folders->name[0], named.n);
    df_log(DF_LOG_INFO,
           "%s: no folder has the name of a class: the %d sorted folders, from '%s' on, are taken for the classes "
           "in their order, from '%s' on",
           set->folder, folders->n, folders->name[0], named.name[0]);
    return DF_OK;
}

static int add_of_folder(DfClassification *set, const DfClasses *keys, const char *name)
{
    const char *slash = strchr(name, '/');
    const int label = slash ? df_class_find(keys, name, (size_t)(slash - name)) : 0;
    if (label >= 0)
        return slash ? df_class_add(set, name, strlen(name), label) : DF_OK;
    return df_fail(DF_EVALUE, "%s: the folder '%.*s' is not one of the %d classes of the config", set->folder,
                   (int)(slash - name), name, set->classes.n);
}

static int read_folders(DfClassification *set, const DfScan *scan, const DfClasses *folders)
{
    DfClasses keys;
    int error = match_folders(set, folders, &keys);
    if (error == DF_OK)
        error = df_class_room(set, scan->n);
    for (int i = 0; error == DF_OK && i < scan->n; i++)
        error = add_of_folder(set, &keys, scan->name[i]);
    return error;
}

/* Pictures without folders have their classes in a list beside them. */
static int read_folder(DfClassification *set)
{
    DfScan scan;
    DfClasses folders;
    const char *list = NULL;
    int error = df_class_scan(&scan, set);
    if (error == DF_OK)
        error = df_class_folders(&folders, &scan, set->arena);
    if (error == DF_OK && folders.n)
        return read_folders(set, &scan, &folders);
    if (error == DF_OK)
        error = df_class_list_beside(&list, set->folder, &scan, set->arena);
    if (error < 0)
        return error;
    if (list)
        df_log(DF_LOG_INFO, "%s: the classes of its pictures are those of %s", set->folder, list);
    return list ? df_class_list_read(set, list)
                : df_fail(DF_EVALUE, "%s: no folder with pictures in it: want one for each class, or a list of "
                                     "pictures and labels as data.test.ann_file", set->folder);
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
        error = ann_file ? df_class_list_read(set, ann_file) : read_folder(set);
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

typedef struct {
    const char *data_dir;
    int part;               /* of lists in the dict; -1: there are none  */
    const DfClasses *names; /* go before those of the dict; or NULL */
} Opening;

static int names_for(DfNames *out, const Options *o, const Opening *how, DfArena *arena)
{
    if (!how->names)
        return df_dataset_names(out, o->classes ? o->classes : df_node_get(o->metainfo, "classes"), arena);
    *out = (DfNames){ how->names->n, df_arena_alloc(arena, (size_t)how->names->n + 1, sizeof *out->name) };
    for (int i = 0; out->name && i < out->n; i++)
        out->name[i] = how->names->name[i];
    return out->name ? DF_OK : df_fail_memory("class names");
}

static int open_bound(DfClassification **out, const Options *o, const Opening *how, DfArena *arena)
{
    char folder[DF_PATH], list[DF_PATH];
    const char *prefix;
    const char *ann_file;
    DfNames names;
    int error = df_dataset_text(&prefix, o->data_prefix, how->part);
    if (error == DF_OK)
        error = df_dataset_text(&ann_file, o->ann_file, how->part);
    if (error == DF_OK)
        error = names_for(&names, o, how, arena);
    if (error == DF_OK && !prefix[0] && !ann_file[0] && !o->data_root)
        error = df_fail(DF_EVALUE, "the dataset has no data_prefix: want the folder of its pictures, or --data DIR");
    if (error == DF_OK)
        error = df_dataset_path(folder, o->data_root, prefix, how->data_dir);
    if (error == DF_OK && ann_file[0])
        error = df_dataset_path(list, o->data_root, ann_file, how->data_dir);
    return error < 0 ? error : df_classification_open(out, folder, ann_file[0] ? list : NULL, names.name, names.n);
}

static int open_dict(DfClassification **out, const DfNode *dataset, const Opening *how)
{
    Options o;
    *out = NULL;
    DfArena *arena = df_arena_new();
    int error = arena ? df_bind(dataset, opts, &o, arena, "ImageNet") : df_fail_memory("the options of a dataset");
    if (error == DF_OK)
        error = open_bound(out, &o, how, arena);
    df_arena_free(arena);
    return error;
}

int df_classification_for_training(DfClassification **out, const DfNode *dataset, const char *data_dir, int part)
{
    return open_dict(out, dataset, &(Opening){ .data_dir = data_dir, .part = part });
}

int df_classification_from_config(DfClassification **out, const DfNode *dataset, const char *data_dir,
                                  const DfClasses *names)
{
    *out = NULL;
    if (strcmp(df_node_text(df_node_get(dataset, "type"), ""), "ImageNet") != 0)
        return df_dataset_type_fail(dataset, "'ImageNet'");
    return open_dict(out, dataset, &(Opening){ .data_dir = data_dir, .part = -1, .names = names });
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
