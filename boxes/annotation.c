/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/annotation.c -- memory of annotations, their masks as runs, and their boxes as shares of the picture.
 */
#include "boxes/annotation.h"

#include <string.h>

#include "boxes/masks/runs.h"

/* ---- masks ----------------------------------------------------------------------------------------------------- */

static void swap(DfRunList *a, DfRunList *b)
{
    const DfRunList swapped = *a;
    *a = *b;
    *b = swapped;
}

/* What it takes to draw polygons one after the other. */
typedef struct {
    DfRunList one, so_far, both;
    DfPolygonRoom polygons;
} Drawing;

static int add_polygon(Drawing *d, const DfPolygon *polygon, bool first, uint32_t height, uint32_t width)
{
    DfRunFacts facts;
    int error = df_runs_from_polygon(&d->one, &facts, &d->polygons, polygon->xy, polygon->n, height, width);
    if (first) {
        swap(&d->so_far, &d->one);
        return error;
    }
    if (error == DF_OK)
        error = df_runs_merge(&d->both, &d->so_far, &d->one, false);
    swap(&d->so_far, &d->both);
    return error;
}

static int draw(DfMask *out, const DfObjectMask *mask, uint32_t height, uint32_t width)
{
    Drawing d = { 0 };
    int error = DF_OK;
    for (size_t i = 0; error == DF_OK && i < mask->n_polygons; i++)
        error = add_polygon(&d, &mask->polygons[i], i == 0, height, width);
    if (error == DF_OK)
        error = df_mask_from_runs(out, d.so_far.at, d.so_far.n, height, width);
    df_free(d.one.at);
    df_free(d.so_far.at);
    df_free(d.both.at);
    df_polygon_room_done(&d.polygons);
    return error;
}

int df_object_mask_runs(DfMask *out, const DfObjectMask *mask, uint32_t height, uint32_t width)
{
    *out = (DfMask){ 0 };
    if (mask->form == DF_MASK_POLYGONS)
        return draw(out, mask, height, width);
    if (mask->form == DF_MASK_NONE)
        return df_mask_from_runs(out, NULL, 0, height, width);
    const DfMask *runs = &mask->runs;
    if (runs->height != height || runs->width != width)
        return df_fail(DF_EVALUE, "a mask of %u x %u in a picture of %u x %u (height x width)", runs->height,
                       runs->width, height, width);
    return df_mask_from_runs(out, runs->runs, runs->n, height, width);
}

/* n things of `size` bytes, in the arena; NULL for none of them, and if memory ran out. */
static void *copied(DfArena *arena, const void *from, size_t n, size_t size)
{
    void *copy = n ? df_arena_alloc(arena, n, size) : NULL;
    return copy ? memcpy(copy, from, n * size) : NULL;
}

int df_object_mask_copy(DfObjectMask *out, const DfObjectMask *mask, DfArena *arena)
{
    *out = *mask;
    out->polygons = copied(arena, mask->polygons, mask->n_polygons, sizeof *mask->polygons);
    out->runs.runs = copied(arena, mask->runs.runs, mask->runs.n, sizeof *mask->runs.runs);
    bool all = (out->polygons || !mask->n_polygons) && (out->runs.runs || !mask->runs.n);
    for (size_t i = 0; all && i < mask->n_polygons; i++) {
        DfPolygon *polygon = &out->polygons[i];
        polygon->xy = copied(arena, mask->polygons[i].xy, 2 * polygon->n, sizeof *polygon->xy);
        all = polygon->xy || !polygon->n;
    }
    return all ? DF_OK : df_fail_memory("the mask of an object");
}

/* ---- annotations ----------------------------------------------------------------------------------------------- */

int df_annotations_init(DfAnnotations *out, size_t n, bool masks)
{
    DfAnnotations a = { .n = n, .arena = df_arena_new() };
    *out = (DfAnnotations){ 0 };
    if (!a.arena)
        return df_fail_memory("annotations");
    a.boxes = df_arena_alloc(a.arena, n, 4 * sizeof *a.boxes);
    a.labels = df_arena_alloc(a.arena, n, sizeof *a.labels);
    a.ids = df_arena_alloc(a.arena, n, sizeof *a.ids);
    a.areas = df_arena_alloc(a.arena, n, sizeof *a.areas);
    a.crowd = df_arena_alloc(a.arena, n, sizeof *a.crowd);
    a.ignore = df_arena_alloc(a.arena, n, sizeof *a.ignore);
    a.masks = masks ? df_arena_alloc(a.arena, n, sizeof *a.masks) : NULL;
    if (!a.boxes || !a.labels || !a.ids || !a.areas || !a.crowd || !a.ignore || (masks && !a.masks)) {
        df_arena_free(a.arena);
        return df_fail_memory("annotations");
    }
    *out = a;
    return DF_OK;
}

void df_annotations_done(DfAnnotations *a)
{
    df_arena_free(a->arena);
    *a = (DfAnnotations){ 0 };
}

void df_annotations_relative(const DfAnnotations *a, size_t i, int height, int width, float box[4])
{
    const float *b = a->boxes + 4 * i;
    if (a->unit == DF_BOXES_RELATIVE) {
        memcpy(box, b, 4 * sizeof *box);
        return;
    }
    box[0] = (b[0] + b[2]) / 2 / (float)width;
    box[1] = (b[1] + b[3]) / 2 / (float)height;
    box[2] = (b[2] - b[0]) / (float)width;
    box[3] = (b[3] - b[1]) / (float)height;
}
