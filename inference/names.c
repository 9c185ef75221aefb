/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/names.c -- the names of a network's classes, and their ids in COCO's files.
 */
#include <stdio.h>
#include <string.h>

#include "inference/parts.h"

static int number_classes(DfDetector *d, int n)
{
    d->numbers = df_arena_alloc(d->arena, (size_t)n + 1, sizeof *d->numbers);
    for (int i = 0; d->numbers && i < n; i++)
        if (!(d->numbers[i] = df_arena_text(d->arena, "%d", i)))
            return df_fail_memory("the class names");
    return d->numbers ? DF_OK : df_fail_memory("the class names");
}

/* COCO's names in the places of their ids, 1 to 90 with gaps. */
static void name_ids(const char **name, int n)
{
    for (int i = 0; i < n; i++)
        name[i] = "N/A";
    for (int i = 0; i < DF_COCO_CLASSES; i++)
        if (df_coco_category_id(i) < n)
            name[df_coco_category_id(i)] = df_coco_classes[i];
}

/* Whether names stand at the ids of COCO's categories, as transformers has those of DETR: "N/A" where there is none. */
static bool stand_at_ids(const char *const *name, int n)
{
    int found = 0;
    int others = 0;
    for (int i = 0; i < n; i++)
        others += strcmp(name[i], "N/A") != 0;
    for (int i = 0; i < DF_COCO_CLASSES; i++) {
        const int64_t id = df_coco_category_id(i);
        found += id < n && strcmp(name[id], df_coco_classes[i]) == 0;
    }
    return found && found == others;
}

static bool are_coco(const DfClasses *c)
{
    bool same = c->n == DF_COCO_CLASSES;
    for (int i = 0; same && i < c->n; i++)
        same = strcmp(c->name[i], df_coco_classes[i]) == 0;
    return same;
}

/* Those of the dataset if they are as many, else COCO's if there are 80 or labels are their ids, else numbers. */
static int name_objects(DfDetector *d, const DfNode *dataset, int n)
{
    const char **name = df_arena_alloc(d->arena, (size_t)n + 1, sizeof *name);
    d->labels_are_ids = df_node_int(df_node_get(dataset, "id_classes"), 0) == n;
    const int error = name ? df_object_classes(&d->classes, dataset, d->arena) : df_fail_memory("the class names");
    if (error < 0)
        return error;
    if (d->classes.n == n) {
        d->labels_are_ids |= stand_at_ids(d->classes.name, n);
        return DF_OK;
    }
    d->classes = (DfClasses){ .n = n, .name = name };
    if (n == DF_COCO_CLASSES)
        memcpy(name, df_coco_classes, sizeof df_coco_classes);
    else if (d->labels_are_ids)
        name_ids(name, n);
    else
        d->classes = (DfClasses){ 0 };
    return DF_OK;
}

/* The test set's, else ADE20K's if there are 150. A type that only another program knows may list its classes. */
static int name_segments(DfDetector *d, const DfNode *dataset, int n)
{
    if (!dataset && n == DF_ADE_CLASSES)
        d->classes = (DfClasses){ n, df_ade_classes, df_ade_palette };
    const int error = dataset ? df_segmentation_classes(&d->classes, dataset, d->arena) : DF_OK;
    if (d->classes.n != n)
        d->classes = (DfClasses){ 0 };
    return error;
}

/* The test set's, if the config names them; else ImageNet's if there are 1000. */
static int name_pictures(DfDetector *d, int n)
{
    const DfNode *dataset = df_node_at(d->root, "data.test");
    const int error = dataset ? df_classification_classes(&d->classes, dataset, d->arena) : DF_OK;
    if (d->classes.n == n || error < 0)
        return error;
    if (d->classes.n)
        df_log(DF_LOG_WARNING, "data.test names %d classes, and the network has %d: they are numbered", d->classes.n,
               n);
    d->classes = (DfClasses){ 0 };
    if (n == DF_IMAGENET_CLASSES)
        d->classes = (DfClasses){ .n = n, .name = df_imagenet_classes };
    return DF_OK;
}

int df_detector_name_classes(DfDetector *d)
{
    const int n = d->n_classes;
    const DfNode *dataset = df_dataset_first(df_node_at(d->root, "data.test"));
    int error = number_classes(d, n);
    if (error < 0)
        return error;
    if (df_detector_task(d) == DF_TASK_CLASSIFICATION)
        return name_pictures(d, n);
    error = df_model_is_segmentor(d->model) ? name_segments(d, dataset, n) : name_objects(d, dataset, n);
    d->of_coco = are_coco(&d->classes);
    return error;
}

/* A segmentor draws every class in a colour of its own. */
static bool colour_classes(DfDetector *d, int n)
{
    uint8_t (*colour)[3] = df_arena_alloc(d->arena, (size_t)n, sizeof *colour);
    for (int i = 0; colour && i < n; i++) {
        uint8_t bgr[3];
        df_label_colour(i, bgr);
        for (int k = 0; k < 3; k++)
            colour[i][k] = bgr[2 - k];
    }
    d->classes.colour = (const uint8_t (*)[3])colour;
    return colour != NULL;
}

void df_detector_take_learnt_names(DfDetector *d)
{
    const char *const *names;
    const int n = df_model_learnt_classes(d->model, &names);
    if (n == 0 || n != d->n_classes || d->names_given)
        return;
    if (!d->classes.colour && df_model_is_segmentor(d->model) && !colour_classes(d, n))
        return; /* numbers do, too */
    d->classes.n = n;
    d->classes.name = names;
    d->of_coco = are_coco(&d->classes);
}

int df_detector_take_names(DfDetector *d, const char *path)
{
    DfClasses read;
    const int error = df_class_names_read(&read, path, d->arena);
    if (error < 0)
        return error;
    if (read.n != d->n_classes)
        return df_fail(DF_EVALUE, "%s has %d names, and the network %d classes: want one for each", path, read.n,
                       d->n_classes);
    if (!d->classes.colour && df_model_is_segmentor(d->model) && !colour_classes(d, read.n))
        return df_fail_memory("the class names");
    d->classes.n = read.n;
    d->classes.name = read.name;
    d->of_coco = are_coco(&d->classes);
    d->names_given = true;
    return DF_OK;
}

const char *df_detector_class_name(const DfDetector *d, int label)
{
    if (label < 0 || label >= d->n_classes || !d->numbers)
        return "?";
    return label < d->classes.n ? d->classes.name[label] : d->numbers[label];
}

const DfClasses *df_detector_class_names(const DfDetector *d)
{
    return &d->classes;
}

static int take_categories(DfDetector *d, const DfCocoDataset *from)
{
    int64_t *ids = df_arena_alloc(d->arena, (size_t)d->n_classes, sizeof *ids);
    for (int i = 0; ids && i < d->n_classes; i++) {
        int k = 0;
        while (k < from->n_categories && strcmp(from->categories[k].name, d->classes.name[i]) != 0)
            k++;
        if (k == from->n_categories)
            return df_fail(DF_EVALUE, "%s: no category is called '%s', as a class of the network is", from->path,
                           d->classes.name[i]);
        ids[i] = from->categories[k].id;
    }
    d->category_ids = ids;
    return ids ? DF_OK : df_fail_memory("the category ids");
}

int df_detector_take_categories(DfDetector *d, const char *ann_file)
{
    DfCocoDataset *from;
    if (d->classes.n != d->n_classes)
        return df_fail(DF_EVALUE,
                       "the classes of the network have no names, by which the categories of %s could be found",
                       ann_file);
    int error = df_coco_dataset_open(&from, ann_file, "", NULL, DF_COCO_OWN_CLASSES);
    if (error < 0)
        return error;
    error = take_categories(d, from);
    df_coco_dataset_free(from);
    return error;
}

int64_t df_detector_category_id(const DfDetector *d, int label)
{
    if (d->category_ids)
        return d->category_ids[label];
    if (d->of_coco)
        return df_coco_category_id(label);
    return d->labels_are_ids ? label : label + 1;
}
