/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/gather.c -- collects pictures with objects, one by one, into a dataset in COCO's form.
 */
#include "datasets/gather.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

int df_gather_begin(DfGather *g, DfArena *arena, const char *path)
{
    *g = (DfGather){ .arena = arena };
    g->coco = df_arena_alloc(arena, 1, sizeof *g->coco);
    if (!g->coco)
        return df_fail_memory("a dataset");
    g->coco->path = path;
    return DF_OK;
}

int df_gather_class(DfGather *g, const char *name)
{
    for (int i = 0; i < g->coco->n_classes; i++)
        if (strcmp(g->classes[i], name) == 0)
            return i;
    const size_t n = (size_t)g->coco->n_classes;
    if (!df_grow((void **)&g->classes, &g->class_capacity, n, sizeof *g->classes))
        return df_fail_memory("class names");
    g->classes[n] = df_arena_copy(g->arena, name, strlen(name));
    return g->classes[n] ? g->coco->n_classes++ : df_fail_memory("class names");
}

int df_gather_picture(DfGather *g, const char *name, int height, int width)
{
    const int n = g->coco->n_images;
    if (n >= INT_MAX / 2 || !df_grow((void **)&g->images, &g->image_capacity, (size_t)n, sizeof *g->images))
        return df_fail_memory("a dataset");
    g->images[n] = (DfCocoImage){ .id = n + 1, .height = height, .width = width, .first = g->coco->n_boxes };
    g->images[n].file_name = df_arena_copy(g->arena, name, strlen(name));
    g->coco->n_images++;
    return g->images[n].file_name ? DF_OK : df_fail_memory("a dataset");
}

int df_gather_box(DfGather *g, const DfCocoBox *box)
{
    const int n = g->coco->n_boxes;
    if (n >= INT_MAX / 2 || !df_grow((void **)&g->boxes, &g->box_capacity, (size_t)n, sizeof *g->boxes))
        return df_fail_memory("a dataset");
    DfCocoImage *image = &g->images[g->coco->n_images - 1];
    g->boxes[n] = *box;
    g->boxes[n].id = n + 1;
    g->boxes[n].image_id = image->id;
    image->n++;
    g->coco->n_boxes++;
    return DF_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Labels are the places in the list of classes, which may be sorted before. */
static int number_classes(DfGather *g, bool sort)
{
    DfCocoDataset *coco = g->coco;
    const size_t n = (size_t)coco->n_classes;
    DfArena *arena = g->arena;
    coco->classes = df_arena_alloc(arena, n + 1, sizeof *coco->classes);
    coco->categories = df_arena_alloc(arena, n + 1, sizeof *coco->categories);
    int *to = df_arena_alloc(arena, n + 1, sizeof *to);
    if (!coco->classes || !coco->categories || !to)
        return df_fail_memory("class names");
    if (n)
        memcpy(coco->classes, g->classes, n * sizeof *g->classes);
    if (sort)
        qsort(coco->classes, n, sizeof *coco->classes, by_name);
    coco->n_categories = coco->n_classes;
    for (int i = 0; i < coco->n_classes; i++) {
        coco->categories[i] = (DfCocoCategory){ .id = i + 1, .name = coco->classes[i], .label = i };
        for (int k = 0; k < coco->n_classes; k++)
            if (g->classes[k] == coco->classes[i])
                to[k] = i;
    }
    for (int i = 0; i < coco->n_boxes; i++) {
        coco->boxes[i].label = to[coco->boxes[i].label];
        coco->boxes[i].category_id = coco->boxes[i].label + 1;
    }
    return DF_OK;
}

static void *kept(DfArena *arena, const void *list, int n, size_t size)
{
    void *copy = df_arena_alloc(arena, (size_t)n + 1, size);
    if (copy && n)
        memcpy(copy, list, (size_t)n * size);
    return copy;
}

int df_gather_end(DfGather *g, bool sort_classes)
{
    DfCocoDataset *coco = g->coco;
    coco->images = kept(g->arena, g->images, coco->n_images, sizeof *g->images);
    coco->boxes = kept(g->arena, g->boxes, coco->n_boxes, sizeof *g->boxes);
    const int error = coco->images && coco->boxes ? number_classes(g, sort_classes) : df_fail_memory("a dataset");
    df_gather_drop(g);
    return error;
}

void df_gather_drop(DfGather *g)
{
    df_free(g->images);
    df_free(g->boxes);
    df_free(g->classes);
    g->images = NULL;
    g->boxes = NULL;
    g->classes = NULL;
}

int df_gather_paths(DfGather *g, const char *folder)
{
    DfCocoDataset *coco = g->coco;
    const char *slash = folder[0] && !df_ends_with(folder, "/") ? "/" : "";
    coco->arena = g->arena;
    coco->picture = df_arena_alloc(g->arena, (size_t)coco->n_images + 1, sizeof *coco->picture);
    coco->category_ids = df_arena_alloc(g->arena, (size_t)coco->n_classes + 1, sizeof *coco->category_ids);
    if (!coco->picture || !coco->category_ids)
        return df_fail_memory("a dataset");
    for (int k = 0; k < coco->n_classes; k++)
        coco->category_ids[k] = k + 1;
    for (int i = 0; i < coco->n_images; i++) {
        const char *name = coco->images[i].file_name;
        coco->picture[i] = name[0] == '/' ? name : df_arena_text(g->arena, "%s%s%s", folder, slash, name);
        if (!coco->picture[i])
            return df_fail_memory("paths of pictures");
    }
    return DF_OK;
}
