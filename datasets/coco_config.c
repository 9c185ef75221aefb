/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/coco_config.c -- opens the dataset of objects that a dict of a config, data.test or data.train, describes.
 */
#include <string.h>

#include "datasets/coco.h"
#include "datasets/dataset_config.h"
#include "datasets/object_types.h"

typedef DfObjectOptions Options;

/* ---- classes ---------------------------------------------------------------------------------------------------- */

static int listed_names(DfNames *names, const DfNode *dataset, DfArena *arena)
{
    const DfNode *list = df_node_get(dataset, "classes");
    return df_dataset_names(names, list && list->kind == DF_NODE_NONE ? NULL : list, arena);
}

/* Of a type that has none of its own: all that the file has, or COCO's. */
static int class_names(DfNames *names, const DfObjectType *type, const DfNode *dataset, DfArena *arena)
{
    const int error = listed_names(names, dataset, arena);
    if (error < 0 || names->n || !type->classes || type->own)
        return error;
    names->n = type->classes->n;
    names->name = df_arena_alloc(arena, (size_t)names->n, sizeof *names->name);
    if (!names->name)
        return df_fail_memory("class names");
    for (int i = 0; i < names->n; i++)
        names->name[i] = type->classes->name[i];
    return DF_OK;
}

int df_object_classes(DfClasses *out, const DfNode *dataset, DfArena *arena)
{
    static const DfClasses coco = { DF_COCO_CLASSES, df_coco_classes, NULL };
    DfObjectType type = { 0 };
    DfNames names;
    const char *name = df_node_text(df_node_get(dataset, "type"), "");
    const int error = listed_names(&names, dataset, arena);
    *out = (DfClasses){ 0 };
    if (error < 0)
        return error;
    if (names.n)
        *out = (DfClasses){ .n = names.n, .name = (const char *const *)names.name };
    else if (df_object_type(&type, name) && type.classes)
        *out = *type.classes;
    else if (strcmp(name, "CocoDataset") == 0)
        *out = coco;
    return DF_OK;
}

/* ---- one dataset ------------------------------------------------------------------------------------------------ */

/* VOCDataset finds its year in img_prefix, and refuses to guess it. */
static int voc_year(DfCocoDataset *coco, const DfNode *dataset, const char *folder)
{
    coco->eleven_points = strstr(folder, "VOC2007") != NULL;
    if (coco->eleven_points || strstr(folder, "VOC2012"))
        return DF_OK;
    return df_node_fail(dataset, DF_EVALUE,
                        "img_prefix = '%s': want VOC2007 or VOC2012 in it, which says how VOCDataset is scored; other "
                        "data are of type 'XMLDataset'",
                        folder);
}

static int open_files(DfCocoDataset **out, const DfObjectReading *reading)
{
    switch (reading->type->files) {
    case DF_OBJECTS_XML: return df_xml_dataset_open(out, reading);
    case DF_OBJECTS_MIDDLE: return df_middle_dataset_open(out, reading);
    default: return df_json_dataset_open(out, reading);
    }
}

static int open_bound(DfCocoDataset **out, const DfNode *dataset, DfObjectReading *reading, const DfDictOf *of,
                      DfArena *arena)
{
    const Options *o = reading->options;
    char annotations[DF_PATH], pictures[DF_PATH];
    const char *ann_file;
    const char *folder = "";
    DfNames names = { 0 };
    int error = df_dataset_text(&ann_file, o->ann_file, of->part);
    if (error == DF_OK)
        error = df_dataset_text(&folder, o->img_prefix, of->part);
    if (error == DF_OK && (!o->id_classes || o->by_name)) /* ids choose no categories by name */
        error = class_names(&names, reading->type, dataset, arena);
    if (error == DF_OK && names.n == 0 && reading->type->files != DF_OBJECTS_JSON)
        error = df_node_fail(dataset, DF_EVALUE, "classes = None: want the names of the classes");
    if (error == DF_OK)
        error = df_dataset_path(annotations, o->data_root, ann_file, of->data_dir);
    if (error == DF_OK)
        error = df_dataset_path(pictures, o->data_root, folder, of->data_dir);
    if (error < 0)
        return error;
    reading->ann_file = annotations;
    reading->folder = pictures;
    reading->classes = names.name;
    reading->n_classes = names.n;
    error = open_files(out, reading);
    if (error == DF_OK)
        (*out)->scoring = reading->type->scoring;
    if (error == DF_OK && reading->type->scoring == DF_SCORED_VOC)
        error = voc_year(*out, dataset, folder);
    return error;
}

/* mmdet 2.x always leaves out pictures with a side below 32; with filter_cfg, as in 3.x, it alone says what. */
static DfCocoFilter filter_of(const Options *o)
{
    DfCocoFilter filter = { .filter_empty_gt = o->filter_empty_gt, .min_size = 32 };
    filter.counts_learnt = o->filter_cfg != NULL;
    if (o->filter_cfg) {
        filter.filter_empty_gt = df_node_bool(df_node_get(o->filter_cfg, "filter_empty_gt"), false);
        filter.min_size = (int)df_node_int(df_node_get(o->filter_cfg, "min_size"), 0);
    }
    if (o->test_mode) {
        filter.filter_empty_gt = false;
        filter.min_size = 0;
    }
    return filter;
}

static int open_dict(DfCocoDataset **out, DfCocoFilter *filter, const DfNode *dataset, const DfDictOf *of)
{
    const char *name = df_node_text(df_node_get(dataset, "type"), "");
    DfObjectType type;
    Options options = { 0 };
    if (!df_object_type(&type, name))
        return df_dataset_type_fail(dataset, "one of objects, such as 'CocoDataset' or 'VOCDataset'");
    DfArena *arena = df_arena_new();
    if (!arena)
        return df_fail_memory("the options of a dataset");
    DfObjectReading reading = { .type = &type, .options = &options, .masks = of->masks };
    int error = df_bind(dataset, type.record->opts, &options, arena, name);
    if (error == DF_OK && !options.ann_file)
        error = df_node_fail(dataset, DF_EVALUE, "ann_file = None: want the path of the annotations, or --data DIR");
    if (error == DF_OK)
        error = open_bound(out, dataset, &reading, of, arena);
    if (error == DF_OK && options.id_classes && !options.by_name)
        error = df_coco_dataset_label_by_id(*out, options.id_classes);
    if (error == DF_OK)
        *filter = filter_of(&options);
    if (error < 0) {
        df_coco_dataset_free(*out);
        *out = NULL;
    }
    df_arena_free(arena);
    return error;
}

int df_coco_dataset_for_training(DfCocoDataset **out, DfCocoFilter *filter, const DfNode *dataset,
                                 const DfDictOf *of)
{
    *out = NULL;
    return open_dict(out, filter, dataset, of);
}
