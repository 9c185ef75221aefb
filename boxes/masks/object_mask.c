/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/masks/object_mask.c -- draws and copies the mask of an object.
 */
#include "boxes/masks/object_mask.h"

#include <string.h>

#include "boxes/masks/runs.h"

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

