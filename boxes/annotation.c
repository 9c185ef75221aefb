/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/annotation.c -- memory of annotations, and their boxes as shares of the picture.
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
