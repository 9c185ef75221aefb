/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/hub_train.c -- adds training settings to the folder of a model: training starts from its weights,
 * with pictures as its processor prepares them, mirrored half of the time; a classifier sees random crops.
 *
 * DETRs get the recipe of their official programs. The others get the defaults of transformers' Trainer: AdamW at
 * 5e-5, falling linearly to 0, 3 epochs, 8 pictures a step.
 */
#include "config/dialect/hub.h"

#include <string.h>

static const char recipe[] = "optimizer = dict(type='AdamW', lr=5e-5, weight_decay=0.)\n"
                             "optimizer_config = dict(grad_clip=dict(max_norm=1.0))\n"
                             "lr_config = dict(policy='poly', power=1.0, min_lr=0., by_epoch=False)\n"
                             "runner = dict(type='EpochBasedRunner', max_epochs=3)\n";

/* ---- the pipeline ------------------------------------------------------------------------------------------------ */

static bool is_type(const DfNode *step, const char *type)
{
    return strcmp(df_node_text(df_node_get(step, "type"), ""), type) == 0;
}

/* The step `text`, a dict in Python's syntax. */
static int add_text(DfHub *hub, DfNode *list, const char *text)
{
    DfNode *step = df_read_value(hub->tree, text, strlen(text), hub->file, 1);
    if (!step)
        return DF_EVALUE;
    df_tree_append(list, step);
    return DF_OK;
}

static int add_copy(DfHub *hub, DfNode *list, const DfNode *step)
{
    DfNode *copy = df_tree_copy(hub->tree, step);
    if (!copy)
        return DF_EVALUE;
    df_tree_append(list, copy);
    return DF_OK;
}

/* The size of the pictures that a classifier is given: what is cut out last, or what they are resized to. */
static const DfNode *picture_of(const DfNode *steps)
{
    const DfNode *size = NULL;
    for (const DfNode *step = steps->first; step; step = step->next) {
        const DfNode *own = df_node_get(step, is_type(step, "CenterCrop") ? "crop_size" : "size");
        if (!own && is_type(step, "Resize"))
            own = df_node_at(step, "scale.0");
        size = own ? own : size;
    }
    return size;
}

/* A part of the picture takes the place of all that the processor does to its size. */
static int add_part(DfHub *hub, DfNode *list, const DfNode *steps)
{
    const DfNode *size = picture_of(steps);
    int error = add_text(hub, list, "dict(type='RandomResizedCrop', scale=224)");
    DfNode *scale = error == DF_OK && size ? df_tree_copy(hub->tree, size) : NULL;
    if (error == DF_OK && size)
        error = scale ? df_tree_set(hub->tree, df_tree_item(list, -1), "scale", scale) : DF_EVALUE;
    return error;
}

static bool changes_size(const DfNode *step)
{
    const char *type = df_node_text(df_node_get(step, "type"), "");
    return strstr(type, "Resize") || strcmp(type, "CenterCrop") == 0 || strcmp(type, "Pad") == 0;
}

static int add_steps(DfHub *hub, DfNode *list, const DfNode *steps, bool classifier)
{
    int error = DF_OK;
    for (const DfNode *step = steps->first; step && error == DF_OK; step = step->next)
        if (!(is_type(step, "LoadImageFromFile") || is_type(step, "ImageToTensor") || is_type(step, "Collect") ||
              (classifier && changes_size(step))))
            error = add_copy(hub, list, step);
    return error;
}

static int fill(DfHub *hub, DfNode *list, const DfNode *test)
{
    const DfNode *tested = df_node_get(test, "pipeline");
    const bool classifier = is_type(test, "ImageNet");
    const bool objects = is_type(test, "CocoDataset");
    const DfNode *inner = df_node_at(tested, "1.transforms");
    const DfNode *steps = inner ? inner : tested;
    int error = add_copy(hub, list, tested->first);
    if (error == DF_OK && classifier)
        error = add_part(hub, list, steps);
    else if (error == DF_OK)
        error = add_text(hub, list, objects ? "dict(type='LoadAnnotations', with_bbox=True)"
                                            : "dict(type='LoadAnnotations')");
    if (error == DF_OK)
        error = add_text(hub, list, objects ? "dict(type='RandomFlip', flip_ratio=0.5)"
                                            : "dict(type='RandomFlip', prob=0.5)");
    return error == DF_OK ? add_steps(hub, list, steps, classifier) : error;
}

/* ---- data.train -------------------------------------------------------------------------------------------------- */

static int add_training_set(DfHub *hub, DfNode *data, const DfNode *test)
{
    DfNode *train = df_tree_new(hub->tree, DF_NODE_DICT, hub->file, 1);
    DfNode *list = df_tree_new(hub->tree, DF_NODE_LIST, hub->file, 1);
    DfNode *type = df_tree_copy(hub->tree, df_node_get(test, "type"));
    if (!train || !list || !type)
        return DF_EVALUE;
    int error = df_tree_set(hub->tree, train, "type", type);
    if (error == DF_OK)
        error = fill(hub, list, test);
    if (error == DF_OK)
        error = df_tree_set(hub->tree, train, "pipeline", list);
    return error == DF_OK ? df_tree_set(hub->tree, data, "train", train) : error;
}

static int add_number(DfHub *hub, DfNode *data, const char *key, int value)
{
    DfNode *number = df_tree_int(hub->tree, value, hub->file, 1);
    return number ? df_tree_set(hub->tree, data, key, number) : DF_EVALUE;
}

int df_hub_add_training(DfHub *hub, DfNode *root)
{
    const char *folder = hub->folder[0] ? hub->folder : ".";
    DfNode *data = df_tree_get(root, "data");
    const DfNode *test = data ? df_node_get(data, "test") : NULL;
    DfNode *from = df_tree_text(hub->tree, folder, strlen(folder), hub->file, 1);
    int error = from ? df_tree_set(hub->tree, root, "load_from", from) : DF_EVALUE;
    if (error == DF_OK && test)
        error = add_training_set(hub, data, test);
    if (error < 0 || !test || df_node_get(root, "args"))
        return error;
    error = add_number(hub, data, "samples_per_gpu", 8);
    return error == DF_OK ? df_read_python(hub->tree, root, recipe, sizeof recipe - 1, hub->file) : error;
}
