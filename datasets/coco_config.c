/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/coco_config.c -- from the dataset dict of a config (data.test) to an open dataset.
 */
#include <string.h>

#include "datasets/coco.h"
#include "datasets/dataset_config.h"

typedef struct {
    const char *ann_file, *img_prefix, *data_root;
    const DfNode *classes, *pipeline;
    int id_classes;
} Options;

const DfOpt df_coco_opts[] = {
    DF_OPT_TEXT(Options, ann_file, NULL, "the annotations, in COCO's JSON"),
    DF_OPT_TEXT(Options, img_prefix, "''", "the folder of the pictures"),
    DF_OPT_TEXT(Options, data_root, "None", "the folder that ann_file and img_prefix are in"),
    DF_OPT_NODE(Options, classes, "None", "names of the classes, or a file with one a line; None: the 80 of COCO"),
    DF_OPT_INT(Options, id_classes, 0, 0, 100000, "a label is the category's id, below this (DETR: 91); 0: labels count the categories"),
    DF_OPT_NODE(Options, pipeline, "None", "what is done to each picture: a list of transforms"),
    DF_OPT_UNUSED(test_mode, "testing keeps every picture"),
    DF_OPT_UNUSED(filter_empty_gt, "drops pictures without boxes, in training"),
    DF_OPT_UNUSED(seg_prefix, "segmentation maps, in training"),
    DF_OPT_UNUSED(proposal_file, "proposals computed beforehand, of Fast R-CNN"),
    DF_OPT_UNUSED(samples_per_gpu, "batch size; a picture is tested alone here"),
    DF_OPT_END
};

static int open_bound(DfCocoDataset **out, const Options *o, const char *data_dir, DfArena *arena)
{
    char annotations[DF_PATH], pictures[DF_PATH];
    DfNames names;
    int error;
    if ((error = df_dataset_names(&names, o->classes, arena)) < 0 || (error = df_dataset_path(annotations, o->data_root, o->ann_file, data_dir)) < 0 ||
        (error = df_dataset_path(pictures, o->data_root, o->img_prefix ? o->img_prefix : "", data_dir)) < 0)
        return error;
    return df_coco_dataset_open(out, annotations, pictures, names.name, names.n);
}

int df_coco_dataset_from_config(DfCocoDataset **out, const DfNode *dataset, const char *data_dir)
{
    const char *type = df_node_text(df_node_get(dataset, "type"), "");
    *out = NULL;
    if (strcmp(type, "CocoDataset") != 0)
        return df_dataset_type_fail(dataset, "'CocoDataset'");
    DfArena *arena = df_arena_new();
    if (!arena)
        return df_fail_memory("the options of a dataset");
    Options options;
    int error = df_bind(dataset, df_coco_opts, &options, arena, type);
    if (error == DF_OK && !options.ann_file)
        error = df_node_fail(dataset, DF_EVALUE, "ann_file = None: want a path");
    if (error == DF_OK)
        error = open_bound(out, &options, data_dir, arena);
    if (error == DF_OK && options.id_classes)
        error = df_coco_dataset_label_by_id(*out, options.id_classes);
    if (error < 0) {
        df_coco_dataset_free(*out);
        *out = NULL;
    }
    df_arena_free(arena);
    return error;
}

const DfDatasetType df_dataset_CocoDataset = { "CocoDataset", "images and instances_*.json in COCO's layout", df_coco_opts };
