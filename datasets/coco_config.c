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
    DF_OPT_TEXT(Options, ann_file, NULL, "annotation file, in COCO's JSON format"),
    DF_OPT_TEXT(Options, img_prefix, "''", "folder of the pictures"),
    DF_OPT_TEXT(Options, data_root, "None", "folder that ann_file and img_prefix are relative to"),
    DF_OPT_NODE(Options, classes, "None", "class names: a list, or a file with one name per line; None: the 80 classes of COCO"),
    DF_OPT_INT(Options, id_classes, 0, 0, 100000, "if not 0, a label is the id of its category, below this number (91 for DETR); 0: labels are positions in the list of classes"),
    DF_OPT_NODE(Options, pipeline, "None", "list of transforms that prepare each picture"),
    DF_OPT_UNUSED(test_mode, "every picture is always kept"),
    DF_OPT_UNUSED(filter_empty_gt, "in training, skips pictures without boxes"),
    DF_OPT_UNUSED(seg_prefix, "in training, folder of segmentation maps"),
    DF_OPT_UNUSED(proposal_file, "precomputed proposals for Fast R-CNN"),
    DF_OPT_UNUSED(samples_per_gpu, "batch size; pictures are tested one at a time"),
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

const DfDatasetType df_dataset_CocoDataset = { "CocoDataset", "pictures and an annotation file in COCO's format", df_coco_opts };
