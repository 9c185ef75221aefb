/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/coco.c -- a COCO annotation file as a dataset: categories to labels, boxes to their images.
 * Lin et al., ECCV 2014; the order of images and labels follows pycocotools and mmdet 2.x.
 */
#include "datasets/coco.h"

#include <stdlib.h>
#include <string.h>

#include "datasets/coco_lists.h"
#include "datasets/object_types.h"

/* ---- who belongs to whom --------------------------------------------------------------------------------------- */

typedef struct {
    int64_t id;
    int at;
} Key;

static int by_id(const void *a, const void *b)
{
    const int64_t x = ((const Key *)a)->id, y = ((const Key *)b)->id;
    return x < y ? -1 : x > y;
}

static int image_keys(const DfCocoDataset *coco, Key **out)
{
    Key *keys = df_malloc((size_t)coco->n_images * sizeof *keys);
    if (!keys)
        return df_fail_memory("a dataset");
    for (int i = 0; i < coco->n_images; i++)
        keys[i] = (Key){ coco->images[i].id, i };
    qsort(keys, (size_t)coco->n_images, sizeof *keys, by_id);
    *out = keys;
    for (int i = 1; i < coco->n_images; i++)
        if (keys[i].id == keys[i - 1].id)
            return df_fail(DF_EFORMAT, "%s: two images have the id %lld", coco->path, (long long)keys[i].id);
    return DF_OK;
}

static int label_of(const DfCocoDataset *coco, int64_t category)
{
    for (int i = 0; i < coco->n_categories; i++)
        if (coco->categories[i].id == category)
            return coco->categories[i].label;
    return -1;
}

/* Sorts the boxes by image, in the order of the file otherwise. Boxes of unlisted images are dropped: pycocotools never
 * looks at them. */
static int group_boxes(DfCocoDataset *coco, const DfCocoBox *boxes, size_t n)
{
    Key *keys = NULL;
    int *image = df_malloc(n * sizeof *image), error;
    coco->boxes = df_arena_alloc(coco->arena, n, sizeof *coco->boxes);
    if (!image || !coco->boxes) {
        error = df_fail_memory("a dataset");
        goto done;
    }
    if ((error = image_keys(coco, &keys)) < 0)
        goto done;
    for (size_t i = 0; i < n; i++) {
        const Key wanted = { boxes[i].image_id, 0 };
        const Key *found = bsearch(&wanted, keys, (size_t)coco->n_images, sizeof wanted, by_id);
        image[i] = found ? found->at : -1;
        if (found)
            coco->images[found->at].n++;
    }
    for (int i = 0; i < coco->n_images; i++) {
        coco->images[i].first = coco->n_boxes;
        coco->n_boxes += coco->images[i].n;
        coco->images[i].n = 0;
    }
    for (size_t i = 0; i < n; i++)
        if (image[i] >= 0) {
            DfCocoImage *owner = &coco->images[image[i]];
            DfCocoBox *box = &coco->boxes[owner->first + owner->n++];
            *box = boxes[i];
            box->label = label_of(coco, box->category_id);
        }
done:
    df_free(keys);
    df_free(image);
    return error;
}

static int find_name(const char *const *names, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

/* "'cup', 'hand' and 3 more": the classes from the first one on that no category has the name of. */
static void list_missing(const DfCocoDataset *coco, const char *const *classes, int n, DfTextbuf *out)
{
    enum { SHOWN = 5 };
    int missing = 0;
    for (int i = 0; i < n; i++) {
        const bool is_missing = find_name(coco->classes, coco->n_classes, classes[i]) < 0;
        if (is_missing && missing++ < SHOWN)
            df_textbuf_add(out, "%s'%.60s'", missing > 1 ? ", " : "", classes[i]);
    }
    if (missing > SHOWN)
        df_textbuf_add(out, " and %d more", missing - SHOWN);
}

/* `first` is the first of them. A name may be misspelt. */
static int missing_class(const DfCocoDataset *coco, const char *const *classes, int n, const char *first)
{
    const char **names = df_arena_alloc(coco->arena, (size_t)coco->n_categories + 1, sizeof *names);
    for (int i = 0; names && i < coco->n_categories; i++)
        names[i] = coco->categories[i].name;
    const char *near = names ? df_nearest_name(first, names, (size_t)coco->n_categories) : NULL;
    DfTextbuf missing = { 0 };
    char *list = NULL;
    list_missing(coco, classes, n, &missing);
    int error = df_textbuf_take(&missing, &list);
    if (error == DF_OK)
        error = df_fail(DF_EVALUE,
                        "%s: none of its %d categories is called %s, as classes of the config are; names are "
                                   "compared letter by letter%s%s%s", coco->path, coco->n_categories, list,
                        near ? " (nearest: '" : "", near ? near : "", near ? "')" : "");
    df_free(list);
    return error;
}

/* mmdet asks pycocotools for the ids of the categories with these names, which come in the order of the file. */
static int number_labels(DfCocoDataset *coco, const char *const *classes, int n, bool strict)
{
    coco->classes = df_arena_alloc(coco->arena, (size_t)n, sizeof *coco->classes);
    coco->category_ids = df_arena_alloc(coco->arena, (size_t)n, sizeof *coco->category_ids);
    if (!coco->classes || !coco->category_ids)
        return df_fail_memory("class names");
    for (int i = 0; i < coco->n_categories; i++) {
        DfCocoCategory *category = &coco->categories[i];
        const bool known = find_name(classes, n, category->name) >= 0;
        if (!known && strict)
            return df_fail(DF_EVALUE,
                           "%s: the category '%s' is not one of the %d classes of COCO: want the names of this "
                           "dataset as " "`classes` in the config", coco->path, category->name, n);
        if (known && find_name(coco->classes, coco->n_classes, category->name) >= 0)
            return df_fail(DF_EFORMAT, "%s: two categories are called '%s'", coco->path, category->name);
        category->label = known ? coco->n_classes : -1;
        if (known) {
            coco->classes[coco->n_classes] = category->name;
            coco->category_ids[coco->n_classes++] = category->id;
        }
    }
    for (int i = 0; i < n; i++)
        if (find_name(coco->classes, coco->n_classes, classes[i]) < 0)
            return missing_class(coco, classes, n, classes[i]);
    return DF_OK;
}

static bool is_category(const DfCocoDataset *coco, int64_t id)
{
    for (int i = 0; i < coco->n_categories; i++)
        if (coco->categories[i].id == id)
            return true;
    return false;
}

/* The category of a class among the first n; NULL: none of them. */
static const DfCocoCategory *category_of(const DfCocoDataset *coco, int n, int label)
{
    for (int i = 0; i < n; i++)
        if (coco->categories[i].label == label)
            return &coco->categories[i];
    return NULL;
}

/* What the network finds of a class that the file lacks has an id that no category has. */
static int name_classes(DfCocoDataset *coco, const char *const *classes, int n)
{
    int64_t free_id = 0;
    int missing = 0;
    for (int i = 0; i < n; i++) {
        const DfCocoCategory *category = category_of(coco, coco->n_categories, i);
        coco->classes[i] = df_arena_text(coco->arena, "%s", classes[i]);
        if (!coco->classes[i])
            return df_fail_memory("class names");
        while (!category && is_category(coco, free_id))
            free_id++;
        coco->category_ids[i] = category ? category->id : free_id++;
        missing += !category;
    }
    if (missing == n)
        return missing_class(coco, classes, n, classes[0]);
    if (missing)
        df_log(DF_LOG_WARNING, "%s: none of its categories has the name of %d of the %d classes: detections of these "
                               "are not scored", coco->path, missing, n);
    return DF_OK;
}

/* Labels are places in `classes`, as transformers has them, in whatever order the file stands. */
static int number_by_name(DfCocoDataset *coco, const char *const *classes, int n)
{
    coco->classes = df_arena_alloc(coco->arena, (size_t)n, sizeof *coco->classes);
    coco->category_ids = df_arena_alloc(coco->arena, (size_t)n, sizeof *coco->category_ids);
    if (!coco->classes || !coco->category_ids)
        return df_fail_memory("class names");
    for (int i = 0; i < coco->n_categories; i++) {
        DfCocoCategory *category = &coco->categories[i];
        category->label = find_name(classes, n, category->name);
        if (category->label >= 0 && category_of(coco, i, category->label))
            return df_fail(DF_EFORMAT, "%s: two categories are called '%s'", coco->path, category->name);
    }
    const int error = name_classes(coco, classes, n);
    coco->n_classes = n;
    return error;
}

static int picture_paths(DfCocoDataset *coco, const char *folder)
{
    const char *slash = folder[0] && !df_ends_with(folder, "/") ? "/" : "";
    coco->picture = df_arena_alloc(coco->arena, (size_t)coco->n_images, sizeof *coco->picture);
    for (int i = 0; coco->picture && i < coco->n_images; i++) {
        const char *name = coco->images[i].file_name;
        coco->picture[i] = name[0] == '/' ? name : df_arena_text(coco->arena, "%s%s%s", folder, slash, name);
        if (!coco->picture[i])
            return df_fail_memory("paths of pictures");
    }
    return coco->picture ? DF_OK : df_fail_memory("paths of pictures");
}

/* ---- all of it ------------------------------------------------------------------------------------------------- */

static void *kept(DfArena *arena, const CocoRows *rows, size_t size)
{
    void *copy = df_arena_alloc(arena, rows->n + 1, size);
    if (copy && rows->n)
        memcpy(copy, rows->v, rows->n * size);
    return copy;
}

/* All categories are classes. */
static int own_classes(DfCocoDataset *coco)
{
    const char **names = df_arena_alloc(coco->arena, (size_t)coco->n_categories + 1, sizeof *names);
    if (!names)
        return df_fail_memory("class names");
    for (int i = 0; i < coco->n_categories; i++)
        names[i] = coco->categories[i].name;
    if (coco->n_categories == 0)
        return df_fail(DF_EFORMAT, "%s: no \"categories\": want at least one", coco->path);
    return number_labels(coco, names, coco->n_categories, false);
}

static int by_category_id(const void *a, const void *b)
{
    const int64_t x = ((const DfCocoCategory *)a)->id;
    const int64_t y = ((const DfCocoCategory *)b)->id;
    return (x > y) - (x < y);
}

/* How a file is read. */
typedef struct {
    const char *folder;          /* of the pictures                              */
    const char *const *classes;  /* as of df_coco_dataset_open()                 */
    int n;
    bool masks, by_id, by_name, from_url, of_2014;
} Opening;

static int assemble(DfCocoDataset *coco, const CocoLists *lists, const Opening *o)
{
    const bool strict = o->n == 0;
    coco->n_images = (int)lists->images.n;
    coco->n_categories = (int)lists->categories.n;
    coco->images = kept(coco->arena, &lists->images, sizeof *coco->images);
    coco->categories = kept(coco->arena, &lists->categories, sizeof *coco->categories);
    if (!coco->images || !coco->categories)
        return df_fail_memory("a dataset");
    if (o->by_id)
        qsort(coco->categories, (size_t)coco->n_categories, sizeof *coco->categories, by_category_id);
    int error;
    if (o->n == DF_COCO_OWN_CLASSES)
        error = own_classes(coco);
    else if (o->by_name && !strict)
        error = number_by_name(coco, o->classes, o->n);
    else
        error = number_labels(coco, strict ? df_coco_classes : o->classes, strict ? DF_COCO_CLASSES : o->n, strict);
    if (error < 0 || (error = picture_paths(coco, o->folder)) < 0)
        return error;
    return group_boxes(coco, lists->boxes.v, lists->boxes.n);
}

static int open_json(DfCocoDataset **out, DfJson *json, const Opening *o)
{
    DfArena *arena = df_arena_new();
    DfCocoDataset *coco = arena ? df_arena_alloc(arena, 1, sizeof *coco) : NULL;
    CocoLists lists = { .arena = arena, .masks = o->masks, .from_url = o->from_url, .of_2014 = o->of_2014 };
    int error = coco ? DF_OK : df_fail_memory("a dataset");
    *out = NULL;
    if (coco) {
        coco->arena = arena;
        coco->has_masks = o->masks;
        coco->is_file = true;
        coco->path = df_arena_text(arena, "%s", df_json_name(json));
        error = coco->path ? df_coco_lists_read(&lists, json) : df_fail_memory("a dataset");
        if (error == DF_OK)
            error = assemble(coco, &lists, o);
    }
    df_coco_lists_done(&lists);
    if (error < 0)
        df_arena_free(arena);
    else
        *out = coco;
    return error;
}

static int open_file(DfCocoDataset **out, const char *ann_file, const Opening *o)
{
    DfJson *json;
    *out = NULL;
    int error = df_json_open(&json, ann_file);
    if (error < 0)
        return error;
    error = open_json(out, json, o);
    df_json_close(json);
    return error;
}

int df_coco_dataset_open(DfCocoDataset **out, const char *ann_file, const char *image_dir,
                         const char *const *classes, int n)
{
    return open_file(out, ann_file, &(Opening){ .folder = image_dir, .classes = classes, .n = n });
}

int df_coco_dataset_open_masks(DfCocoDataset **out, const char *ann_file, const char *image_dir,
                               const char *const *classes, int n)
{
    return open_file(out, ann_file, &(Opening){ .folder = image_dir, .classes = classes, .n = n, .masks = true });
}

int df_coco_dataset_open_json(DfCocoDataset **out, DfJson *json, const char *image_dir,
                              const char *const *classes, int n)
{
    return open_json(out, json, &(Opening){ .folder = image_dir, .classes = classes, .n = n });
}

int df_coco_dataset_open_masks_json(DfCocoDataset **out, DfJson *json, const char *image_dir,
                                    const char *const *classes, int n)
{
    return open_json(out, json, &(Opening){ .folder = image_dir, .classes = classes, .n = n, .masks = true });
}

/* Labels follow the file, as in mmdet; who listed the classes in another order should know. */
static void warn_order(const DfCocoDataset *coco, const DfObjectReading *r)
{
    const char *const *names = r->n_classes ? r->classes : df_coco_classes;
    const int n = r->n_classes ? r->n_classes : DF_COCO_CLASSES;
    int i = 0;
    while (i < coco->n_classes && i < n && strcmp(coco->classes[i], names[i]) == 0)
        i++;
    if (!(r->type->own && r->n_classes == 0) && i < coco->n_classes && i < n)
        df_log(DF_LOG_WARNING,
               "%s: its categories stand in another order than the config's classes, and labels follow the "
               "file, as in mmdet: label %d is '%s' and not '%s'", coco->path, i, coco->classes[i], names[i]);
}

int df_json_dataset_open(DfCocoDataset **out, const DfObjectReading *r)
{
    const bool lvis = r->type->scoring == DF_SCORED_LVIS;
    const Opening o = { .folder = r->folder,
                        .classes = r->classes,
                        .n = r->n_classes == 0 && r->type->own ? DF_COCO_OWN_CLASSES : r->n_classes,
                        .masks = r->masks,
                        .by_id = r->type->by_id,
                        .by_name = r->options->by_name && r->n_classes,
                        .from_url = r->type->from_url,
                        .of_2014 = lvis && !r->type->from_url };
    const int error = open_file(out, r->ann_file, &o);
    if (error == DF_OK && !o.by_name)
        warn_order(*out, r);
    return error;
}

void df_coco_dataset_free(DfCocoDataset *coco)
{
    if (coco)
        df_arena_free(coco->arena);
}

int df_coco_dataset_annotations(const DfCocoDataset *coco, int i, DfAnnotations *out)
{
    const DfCocoImage *image = &coco->images[i];
    int error = df_annotations_init(out, (size_t)image->n, coco->has_masks);
    for (int k = 0; error == DF_OK && k < image->n; k++) {
        const DfCocoBox *box = &coco->boxes[image->first + k];
        float *corners = out->boxes + 4 * k;
        corners[0] = (float)box->bbox[0];
        corners[1] = (float)box->bbox[1];
        corners[2] = (float)(box->bbox[0] + box->bbox[2]);
        corners[3] = (float)(box->bbox[1] + box->bbox[3]);
        out->labels[k] = box->label;
        out->ids[k] = box->id;
        out->areas[k] = box->area;
        out->crowd[k] = box->crowd;
        out->ignore[k] = box->ignore;
        if (coco->has_masks)
            error = df_object_mask_copy(&out->masks[k], &box->mask, out->arena);
    }
    if (error < 0)
        df_annotations_done(out);
    return error;
}

int df_coco_dataset_label_by_id(DfCocoDataset *coco, int n)
{
    coco->classes = df_arena_alloc(coco->arena, (size_t)n, sizeof *coco->classes);
    coco->category_ids = df_arena_alloc(coco->arena, (size_t)n, sizeof *coco->category_ids);
    if (!coco->classes || !coco->category_ids)
        return df_fail_memory("classes");
    coco->n_classes = n;
    for (int i = 0; i < n; i++) {
        coco->classes[i] = "N/A";
        coco->category_ids[i] = i;
    }
    for (int i = 0; i < coco->n_categories; i++) {
        DfCocoCategory *category = &coco->categories[i];
        if (category->label < 0)
            continue;
        if (category->id < 0 || category->id >= n)
            return df_fail(DF_EVALUE, "%s: category %lld: want ids below id_classes = %d", coco->path,
                           (long long)category->id, n);
        category->label = (int)category->id;
        coco->classes[category->id] = category->name;
    }
    for (int i = 0; i < coco->n_boxes; i++)
        if (coco->boxes[i].label >= 0)
            coco->boxes[i].label = (int)coco->boxes[i].category_id;
    return DF_OK;
}
