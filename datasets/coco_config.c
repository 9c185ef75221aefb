/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/coco_config.c -- from the dataset dict of a config, data.test or data.train, to an open dataset.
 */
#include <string.h>

#include "datasets/coco.h"
#include "datasets/dataset_config.h"

typedef struct {
    const DfNode *ann_file, *img_prefix;
    const char *data_root;
    const DfNode *classes, *pipeline, *filter_cfg;
    int id_classes;
    bool filter_empty_gt, test_mode;
} Options;

const DfOpt df_coco_opts[] = {
    DF_OPT_NODE(Options, ann_file, NULL, "annotation file, in COCO's JSON format; in training a list of them, too"),
    DF_OPT_NODE(Options, img_prefix, "''", "folder of the pictures; in training a list of them, too"),
    DF_OPT_TEXT(Options, data_root, "None", "folder that ann_file and img_prefix are relative to"),
    DF_OPT_NODE(Options, classes, "None",
                "class names: a list, or a file with one name per line; None: the 80 classes of COCO"),
    DF_OPT_INT(Options, id_classes, 0, 0, 100000,
               "if not 0, a label is the id of its category, below this number (91 for DETR); 0: labels are positions "
               "in the list of classes"),
    DF_OPT_NODE(Options, pipeline, "None", "list of transforms that prepare each picture"),
    DF_OPT_BOOL(Options, filter_empty_gt, True, "in training, leave out pictures without boxes"),
    DF_OPT_NODE(Options, filter_cfg, "None",
                "dict(filter_empty_gt=BOOL, min_size=PIXELS), which pictures training leaves out, and no others"),
    DF_OPT_BOOL(Options, test_mode, False, "keep every picture, also in training"),
    DF_OPT_UNUSED(seg_prefix, "folder of segmentation maps, for networks that learn both"),
    DF_OPT_UNUSED(proposal_file, "precomputed proposals for Fast R-CNN"),
    DF_OPT_UNUSED(samples_per_gpu, "batch size of testing; pictures are tested one at a time"),
    DF_OPT_UNUSED(file_client_args, "storage service; files are always read from disk"),
    DF_OPT_UNUSED(backend_args, "storage service; files are always read from disk"),
    DF_OPT_END
};

static int open_bound(DfCocoDataset **out, const Options *o, const char *data_dir, int part, bool masks,
                      DfArena *arena)
{
    char annotations[DF_PATH], pictures[DF_PATH];
    const char *ann_file;
    const char *folder;
    DfNames names;
    int error = df_dataset_text(&ann_file, o->ann_file, part);
    if (error == DF_OK)
        error = df_dataset_text(&folder, o->img_prefix, part);
    if (error == DF_OK)
        error = df_dataset_names(&names, o->classes, arena);
    if (error == DF_OK)
        error = df_dataset_path(annotations, o->data_root, ann_file, data_dir);
    if (error == DF_OK)
        error = df_dataset_path(pictures, o->data_root, folder, data_dir);
    if (error < 0)
        return error;
    return masks ? df_coco_dataset_open_masks(out, annotations, pictures, names.name, names.n)
                 : df_coco_dataset_open(out, annotations, pictures, names.name, names.n);
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

static int open_dict(DfCocoDataset **out, DfCocoFilter *filter, const DfNode *dataset, const char *data_dir, int part,
                     bool masks)
{
    DfArena *arena = df_arena_new();
    if (!arena)
        return df_fail_memory("the options of a dataset");
    Options options;
    int error = df_bind(dataset, df_coco_opts, &options, arena, "CocoDataset");
    if (error == DF_OK && !options.ann_file)
        error = df_node_fail(dataset, DF_EVALUE, "ann_file = None: want a path");
    if (error == DF_OK)
        error = open_bound(out, &options, data_dir, part, masks, arena);
    if (error == DF_OK && options.id_classes)
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

int df_coco_dataset_from_config(DfCocoDataset **out, const DfNode *dataset, const char *data_dir)
{
    DfCocoFilter filter;
    const char *type = df_node_text(df_node_get(dataset, "type"), "");
    *out = NULL;
    if (strcmp(type, "CocoDataset") != 0)
        return df_dataset_type_fail(dataset, "'CocoDataset'");
    return open_dict(out, &filter, dataset, data_dir, -1, false);
}

int df_coco_dataset_for_training(DfCocoDataset **out, DfCocoFilter *filter, const DfNode *dataset,
                                 const char *data_dir, int part, bool masks)
{
    *out = NULL;
    return open_dict(out, filter, dataset, data_dir, part, masks);
}

const DfDatasetType df_dataset_CocoDataset = {
    .name = "CocoDataset",
    .help = "pictures and an annotation file in COCO's format",
    .opts = df_coco_opts,
};
