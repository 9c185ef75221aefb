/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/annotation.c -- allocates, copies and selects annotations, and converts their boxes to fractions of the
 * picture.
 */
#include "boxes/annotation.h"

#include <string.h>

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

/* ---- copying and choosing -------------------------------------------------------------------------------------- */

/* n things of `size` bytes, if there are any. */
static void put(void *to, const void *from, size_t n, size_t size)
{
    if (from && n)
        memcpy(to, from, n * size);
}

/* The objects of `from` as objects `at` .. of `to`, masks excepted. */
static void put_objects(DfAnnotations *to, size_t at, const DfAnnotations *from)
{
    put(to->boxes + 4 * at, from->boxes, from->n, 4 * sizeof *to->boxes);
    put(to->labels + at, from->labels, from->n, sizeof *to->labels);
    put(to->ids + at, from->ids, from->n, sizeof *to->ids);
    put(to->areas + at, from->areas, from->n, sizeof *to->areas);
    put(to->crowd + at, from->crowd, from->n, sizeof *to->crowd);
    put(to->ignore + at, from->ignore, from->n, sizeof *to->ignore);
}

static int put_masks(DfAnnotations *to, size_t at, const DfAnnotations *from)
{
    int error = DF_OK;
    for (size_t i = 0; to->masks && from->masks && i < from->n && error == DF_OK; i++)
        error = df_object_mask_copy(&to->masks[at + i], &from->masks[i], to->arena);
    return error;
}

static int copy_map(DfLabelMap *out, const DfLabelMap *map, DfArena *arena)
{
    const size_t n = (size_t)map->height * (size_t)map->width;
    *out = *map;
    if (map->narrow && (out->narrow = df_arena_alloc(arena, n, sizeof *out->narrow)))
        put(out->narrow, map->narrow, n, sizeof *out->narrow);
    if (map->wide && (out->wide = df_arena_alloc(arena, n, sizeof *out->wide)))
        put(out->wide, map->wide, n, sizeof *out->wide);
    const bool all = (!map->narrow || out->narrow) && (!map->wide || out->wide);
    return all ? DF_OK : df_fail_memory("a label map");
}

int df_annotations_copy(DfAnnotations *out, const DfAnnotations *a)
{
    int error = df_annotations_init(out, a->n, a->masks != NULL);
    if (error < 0)
        return error;
    out->unit = a->unit;
    out->has_class = a->has_class;
    out->image_class = a->image_class;
    out->second_class = a->second_class;
    out->second_share = a->second_share;
    put_objects(out, 0, a);
    error = put_masks(out, 0, a);
    if (error == DF_OK)
        error = copy_map(&out->map, &a->map, out->arena);
    if (error < 0)
        df_annotations_done(out);
    return error;
}

/* Object `from` moves forward to `to`. */
static void move_object(DfAnnotations *a, size_t to, size_t from)
{
    memmove(a->boxes + 4 * to, a->boxes + 4 * from, 4 * sizeof *a->boxes);
    a->labels[to] = a->labels[from];
    a->ids[to] = a->ids[from];
    a->areas[to] = a->areas[from];
    a->crowd[to] = a->crowd[from];
    a->ignore[to] = a->ignore[from];
    if (a->masks)
        a->masks[to] = a->masks[from];
}

void df_annotations_keep(DfAnnotations *a, const bool *keep)
{
    size_t n = 0;
    for (size_t i = 0; i < a->n; i++)
        if (keep[i])
            move_object(a, n++, i);
    a->n = n;
}

int df_annotations_append(DfAnnotations *a, const DfAnnotations *more)
{
    DfAnnotations both;
    int error = df_annotations_init(&both, a->n + more->n, a->masks && more->masks);
    if (error < 0)
        return error;
    both.unit = a->unit;
    both.has_class = a->has_class;
    both.image_class = a->image_class;
    both.second_class = a->second_class;
    both.second_share = a->second_share;
    put_objects(&both, 0, a);
    put_objects(&both, a->n, more);
    error = put_masks(&both, 0, a);
    if (error == DF_OK)
        error = put_masks(&both, a->n, more);
    if (error == DF_OK)
        error = copy_map(&both.map, &a->map, both.arena);
    df_annotations_done(error < 0 ? &both : a);
    if (error == DF_OK)
        *a = both;
    return error;
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
