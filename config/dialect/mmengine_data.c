/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/mmengine_data.c -- translates the dataloaders of mmengine to the `data` of our form:
 *     train_dataloader = dict(batch_size=2, num_workers=4, sampler=S, dataset=dict(data_prefix=dict(img='train/'), ..))
 *     data = dict(samples_per_gpu=2, workers_per_gpu=4, train_dataloader=dict(sampler=S, ..),
 *                 train=dict(img_prefix='train/', ..))
 */
#include "config/dialect/mmengine.h"

#include <string.h>

/* ---- a dataset --------------------------------------------------------------------------------------------------- */

/* A list of prefixes for a list of annotation files stays one. A text is ImageNet's. */
static void prefix(DfRewrite *r, DfNode *dataset)
{
    static const char *const names[][2] = {
        { "img",           "img_prefix" },    /* CocoDataset            */
        { "seg",           "seg_prefix" },
        { "sub_data_root", "img_prefix" },    /* VOC's year             */
        { "img_path",      "img_dir"    },    /* mmseg                  */
        { "seg_map_path",  "ann_dir"    },
    };
    DfNode *dict = df_tree_get(dataset, "data_prefix");
    if (!dict || dict->kind != DF_NODE_DICT)
        return;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        df_rewrite_move(r, dict, names[i][0], dataset, names[i][1]);
    if (!df_tree_get(dataset, "ann_dir") && !df_tree_get(dataset, "img_dir") && !df_tree_get(dataset, "img_prefix"))
        return;                               /* of a kind that is not known: who reads the dataset says so */
    df_rewrite_drop(dataset, "data_prefix");
}

/* In 1.x label maps come through the pipeline in testing too: what LoadAnnotations says of 0 holds for the set. */
static void label_zero(DfRewrite *r, DfNode *dataset)
{
    const DfNode *pipeline = df_node_get(dataset, "pipeline");
    for (const DfNode *step = pipeline ? pipeline->first : NULL; step && r->error == DF_OK; step = step->next) {
        const DfNode *says = df_node_get(step, "reduce_zero_label");
        if (df_rewrite_is(step, "LoadAnnotations") && says && says->kind == DF_NODE_BOOL)
            df_rewrite_set(r, dataset, "reduce_zero_label", df_tree_copy(r->tree, says));
    }
}

/* Label maps: the list of pictures was `split`, and 'x' for no such file. */
static void list_of_pictures(DfRewrite *r, DfNode *dataset)
{
    const DfNode *list = df_node_get(dataset, "ann_file");
    if (df_rewrite_is(dataset, "BaseSegDataset"))
        df_rewrite_set(r, dataset, "type", df_rewrite_value(r, dataset, "'CustomDataset'"));
    if (!df_node_get(dataset, "img_dir") && !df_node_get(dataset, "ann_dir"))
        return;
    label_zero(r, dataset);
    if (list && !*df_node_text(list, "x"))
        df_rewrite_drop(dataset, "ann_file");
    df_rewrite_rename(r, dataset, "ann_file", "split");
    df_rewrite_drop(dataset, "filter_cfg");
}

static void names_of_classes(DfRewrite *r, DfNode *dataset)
{
    DfNode *info = df_rewrite_take(dataset, "metainfo");
    if (!info || info->kind != DF_NODE_DICT)
        return;
    df_rewrite_move(r, info, "CLASSES", dataset, "classes");
    df_rewrite_move(r, info, "classes", dataset, "classes");
    df_rewrite_move(r, info, "PALETTE", dataset, "palette");
    df_rewrite_move(r, info, "palette", dataset, "palette");
    if (df_node_get(dataset, "img_prefix"))
        df_rewrite_drop(dataset, "palette");   /* boxes have colours of their own */
}

/* A dataset itself, and not a wrapper of others. In 3.x what training leaves out is said by filter_cfg alone. */
static void innermost(DfRewrite *r, DfNode *dataset)
{
    static const char *const loading[] = { "lazy_init", "serialize_data", "max_refetch", "dialog" };
    prefix(r, dataset);
    list_of_pictures(r, dataset);
    names_of_classes(r, dataset);
    for (size_t i = 0; i < sizeof loading / sizeof *loading; i++)
        df_rewrite_drop(dataset, loading[i]);
    if (df_rewrite_is(dataset, "CocoDataset"))
        df_rewrite_add(r, dataset, "filter_cfg", df_rewrite_value(r, dataset, "dict(filter_empty_gt=False)"));
}

void df_mmengine_dataset(DfRewrite *r, DfNode *dataset)
{
    DfNode *inner = df_tree_get(dataset, "dataset");
    DfNode *several = df_tree_get(dataset, "datasets");
    if (dataset->kind == DF_NODE_LIST)
        several = dataset;
    if (inner)
        df_mmengine_dataset(r, inner);
    for (DfNode *one = several ? several->first : NULL; one; one = one->next)
        df_mmengine_dataset(r, one);
    if (dataset->kind == DF_NODE_DICT && !inner && !several)
        innermost(r, dataset);
}

/* ---- a loader ---------------------------------------------------------------------------------------------------- */

/* The keys of the loader that training reads stay in data.train_dataloader. */
static void loader(DfRewrite *r, const char *key, const char *part)
{
    DfNode *dict = df_rewrite_take(r->tree->root, key);
    if (!dict || dict->kind != DF_NODE_DICT)
        return;
    DfNode *data = df_rewrite_dict(r, r->tree->root, "data");
    DfNode *dataset = df_tree_get(dict, "dataset");
    if (dataset)
        df_mmengine_dataset(r, dataset);
    df_rewrite_move(r, dict, "dataset", data, part);
    df_rewrite_rename(r, dict, "batch_size", "samples_per_gpu");
    df_rewrite_rename(r, dict, "num_workers", "workers_per_gpu");
    df_rewrite_set(r, data, key, dict);
}

static void copy(DfRewrite *r, DfNode *to, const DfNode *from, const char *key)
{
    const DfNode *value = df_node_get(from, key);
    if (value && r->error == DF_OK)
        df_rewrite_add(r, to, key, df_tree_copy(r->tree, value));
}

void df_mmengine_data(DfRewrite *r)
{
    loader(r, "train_dataloader", "train");
    loader(r, "val_dataloader", "val");
    loader(r, "test_dataloader", "test");
    DfNode *data = df_tree_get(r->tree->root, "data");
    const DfNode *train = df_node_get(data, "train_dataloader");
    copy(r, data, train, "samples_per_gpu");
    copy(r, data, train, "workers_per_gpu");
}
