/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/coco_join.c -- a test set of objects, made of one dataset or several in sequence.
 */
#include <limits.h>
#include <string.h>

#include "datasets/dataset_config.h"

typedef struct {
    const char *data_dir;
    bool masks;
    DfCocoDataset **v;
    size_t n, capacity;
} Parts;

static int take(void *arg, const DfNode *dict, int part)
{
    Parts *p = arg;
    DfCocoFilter filter;
    if (!df_grow((void **)&p->v, &p->capacity, p->n, sizeof *p->v))
        return df_fail_memory("a dataset");
    const int error =
        df_coco_dataset_for_training(&p->v[p->n], &filter, dict, &(DfDictOf){ p->data_dir, part, p->masks });
    p->n += error == DF_OK;
    return error;
}

/* Labels and scores must mean the same in all parts. */
static int check_alike(const DfCocoDataset *a, const DfCocoDataset *b)
{
    bool same = a->n_classes == b->n_classes;
    for (int i = 0; same && i < a->n_classes; i++)
        same = strcmp(a->classes[i], b->classes[i]) == 0;
    if (!same)
        return df_fail(DF_EVALUE, "%s and %s have not the same classes in the same order: want datasets of one kind",
                       a->path, b->path);
    if (a->scoring == DF_SCORED_LVIS || a->scoring != b->scoring || a->eleven_points != b->eleven_points)
        return df_fail(DF_EVALUE, "%s and %s cannot be scored together: want datasets of one kind, and LVIS alone",
                       a->path, b->path);
    return DF_OK;
}

/* ---- joined ----------------------------------------------------------------------------------------------------- */

static int make_room(DfCocoDataset *all, const Parts *p)
{
    size_t images = 1;
    size_t boxes = 1;
    for (size_t i = 0; i < p->n; i++) {
        images += (size_t)p->v[i]->n_images;
        boxes += (size_t)p->v[i]->n_boxes;
    }
    if (images > INT_MAX / 2 || boxes > INT_MAX / 2)
        return df_fail(DF_EVALUE, "more than %d pictures or objects in a dataset", INT_MAX / 2);
    all->images = df_arena_alloc(all->arena, images, sizeof *all->images);
    all->boxes = df_arena_alloc(all->arena, boxes, sizeof *all->boxes);
    all->picture = df_arena_alloc(all->arena, images, sizeof *all->picture);
    all->categories = df_arena_alloc(all->arena, (size_t)all->n_classes + 1, sizeof *all->categories);
    all->n_images = all->n_boxes = 0;
    return all->images && all->boxes && all->picture && all->categories ? DF_OK : df_fail_memory("a dataset");
}

/* Objects of classes that nobody asks for stay behind. */
static int append_boxes(DfCocoDataset *all, const DfCocoDataset *part, const DfCocoImage *from, DfCocoImage *image)
{
    int error = DF_OK;
    for (int k = 0; error == DF_OK && k < from->n; k++) {
        const DfCocoBox *box = &part->boxes[from->first + k];
        if (box->label < 0)
            continue;
        DfCocoBox *to = &all->boxes[all->n_boxes++];
        *to = *box;
        to->id = all->n_boxes;
        to->image_id = image->id;
        to->category_id = all->category_ids[box->label];
        to->mask = (DfObjectMask){ 0 };
        image->n++;
        if (all->has_masks)
            error = df_object_mask_copy(&to->mask, &box->mask, all->arena);
    }
    return error;
}

static int append(DfCocoDataset *all, const DfCocoDataset *part)
{
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < part->n_images; i++) {
        const DfCocoImage *from = &part->images[i];
        const int at = all->n_images++;
        DfCocoImage *image = &all->images[at];
        *image = (DfCocoImage){ .id = at + 1, .height = from->height, .width = from->width, .first = all->n_boxes };
        all->picture[at] = df_arena_text(all->arena, "%s", part->picture[i]);
        image->file_name = all->picture[at];
        error = image->file_name ? append_boxes(all, part, from, image) : df_fail_memory("a dataset");
    }
    return error;
}

static int name_all(DfCocoDataset *all, const Parts *p)
{
    const int more = (int)p->n - 1;
    all->path = df_arena_text(all->arena, "%s and %d more", p->v[0]->path, more);
    for (int k = 0; k < all->n_classes; k++) {
        all->categories[k] = (DfCocoCategory){ .id = all->category_ids[k], .label = k };
        all->categories[k].name = all->classes[k] = df_arena_text(all->arena, "%s", p->v[0]->classes[k]);
        if (!all->classes[k])
            return df_fail_memory("class names");
    }
    all->n_categories = all->n_classes;
    return all->path ? DF_OK : df_fail_memory("a path");
}

static int join(DfCocoDataset *all, const Parts *p)
{
    const DfCocoDataset *first = p->v[0];
    DfDatasetPart *part = df_arena_alloc(all->arena, p->n, sizeof *part);
    all->n_classes = first->n_classes;
    all->has_masks = p->masks;
    all->scoring = first->scoring;
    all->eleven_points = first->eleven_points;
    all->part = part;
    all->n_parts = (int)p->n;
    all->classes = df_arena_alloc(all->arena, (size_t)all->n_classes + 1, sizeof *all->classes);
    all->category_ids = df_arena_alloc(all->arena, (size_t)all->n_classes + 1, sizeof *all->category_ids);
    if (!part || !all->classes || !all->category_ids)
        return df_fail_memory("a dataset");
    memcpy(all->category_ids, first->category_ids, (size_t)all->n_classes * sizeof *all->category_ids);
    int error = make_room(all, p);
    if (error == DF_OK)
        error = name_all(all, p);
    for (size_t i = 0; error == DF_OK && i < p->n; i++) {
        error = check_alike(first, p->v[i]);
        part[i] = (DfDatasetPart){ df_arena_text(all->arena, "%s", p->v[i]->path), all->n_images, p->v[i]->n_images };
        if (error == DF_OK)
            error = part[i].path ? append(all, p->v[i]) : df_fail_memory("a path");
    }
    return error;
}

static int join_new(DfCocoDataset **out, const Parts *p)
{
    DfArena *arena = df_arena_new();
    DfCocoDataset *all = arena ? df_arena_alloc(arena, 1, sizeof *all) : NULL;
    if (all)
        all->arena = arena;
    const int error = all ? join(all, p) : df_fail_memory("a dataset");
    if (error < 0)
        df_arena_free(arena);
    *out = error == DF_OK ? all : NULL;
    return error;
}

/* ---- one or several --------------------------------------------------------------------------------------------- */

static int alone(DfCocoDataset *coco)
{
    DfDatasetPart *part = df_arena_alloc(coco->arena, 1, sizeof *part);
    if (!part)
        return df_fail_memory("a dataset");
    *part = (DfDatasetPart){ coco->path, 0, coco->n_images };
    coco->part = part;
    coco->n_parts = 1;
    return DF_OK;
}

static int from_config(DfCocoDataset **out, const DfNode *dataset, const char *data_dir, bool masks)
{
    Parts p = { .data_dir = data_dir, .masks = masks };
    *out = NULL;
    int error = df_dataset_each(dataset, take, &p);
    if (error == DF_OK && p.n == 0)
        error = df_node_fail(dataset, DF_EVALUE, "no dataset in it: want at least one");
    const bool one = error == DF_OK && p.n == 1;
    if (one)
        error = alone(p.v[0]);
    else if (error == DF_OK)
        error = join_new(out, &p);
    for (size_t i = one && error == DF_OK; i < p.n; i++)
        df_coco_dataset_free(p.v[i]);
    if (one && error == DF_OK)
        *out = p.v[0];
    df_free(p.v);
    return error;
}

int df_coco_dataset_from_config(DfCocoDataset **out, const DfNode *dataset, const char *data_dir)
{
    return from_config(out, dataset, data_dir, false);
}

int df_coco_dataset_from_config_masks(DfCocoDataset **out, const DfNode *dataset, const char *data_dir)
{
    return from_config(out, dataset, data_dir, true);
}
