/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/objects.c -- moves boxes and masks along when their picture is resized, mirrored, cropped or put
 * on a larger canvas. Boxes are float32 as in mmdet; masks: boxes/masks/object_mask.h.
 */
#include "datasets/pipeline/transform.h"

size_t df_work_objects(const DfWork *work)
{
    return work->known ? work->known->n : 0;
}

bool df_work_learns(const DfWork *work, size_t i)
{
    return !work->known->ignore[i] && !work->known->crowd[i];
}

void df_work_shift_boxes(DfWork *work, float x, float y)
{
    for (size_t i = 0; i < df_work_objects(work); i++) {
        float *box = work->known->boxes + 4 * i;
        box[0] += x;
        box[1] += y;
        box[2] += x;
        box[3] += y;
    }
}

void df_work_clip_boxes(DfWork *work, int height, int width)
{
    for (size_t i = 0; i < df_work_objects(work); i++) {
        float *box = work->known->boxes + 4 * i;
        for (int k = 0; k < 4; k++)
            box[k] = df_clamp_float(box[k], 0.0f, (float)(k % 2 ? height : width));
    }
}

void df_work_keep(DfWork *work, const bool *keep)
{
    if (work->known)
        df_annotations_keep(work->known, keep);
}

/* ---- resizing -------------------------------------------------------------------------------------------------- */

int df_objects_resize(DfWork *work, const int from[2], const int to[2], float x, float y)
{
    const uint32_t old[2] = { (uint32_t)from[0], (uint32_t)from[1] };
    const uint32_t new[2] = { (uint32_t)to[0], (uint32_t)to[1] };
    int error = DF_OK;
    for (size_t i = 0; i < df_work_objects(work) && error == DF_OK; i++) {
        DfAnnotations *a = work->known;
        float *box = a->boxes + 4 * i;
        box[0] *= x;
        box[1] *= y;
        box[2] *= x;
        box[3] *= y;
        if (a->masks)
            error = df_object_mask_resize(&a->masks[i], &a->masks[i], a->arena, old, new);
    }
    return error;
}

/* ---- mirroring ------------------------------------------------------------------------------------------------- */

static void flip_axis(float *from, float *to, float side)
{
    const float first = *from;
    *from = side - *to;
    *to = side - first;
}

int df_objects_flip(DfWork *work, bool x, bool y)
{
    const int height = df_work_height(work);
    const int width = df_work_width(work);
    int error = DF_OK;
    for (size_t i = 0; i < df_work_objects(work) && error == DF_OK; i++) {
        DfAnnotations *a = work->known;
        float *box = a->boxes + 4 * i;
        if (x)
            flip_axis(&box[0], &box[2], (float)width);
        if (y)
            flip_axis(&box[1], &box[3], (float)height);
        if (a->masks)
            error = df_object_mask_flip(&a->masks[i], &a->masks[i], a->arena, (uint32_t)height, (uint32_t)width, x, y);
    }
    return error;
}

/* ---- cutting and placing ---------------------------------------------------------------------------------------- */

/* mmdet 2.x only shifts polygons, so that they may stand out of the picture. */
static int shift_polygons(DfObjectMask *mask, DfArena *arena, int x, int y)
{
    const int error = df_object_mask_copy(mask, mask, arena);
    for (size_t k = 0; error == DF_OK && k < mask->n_polygons; k++) {
        const DfPolygon *polygon = &mask->polygons[k];
        for (size_t p = 0; p < polygon->n; p++) {
            polygon->xy[2 * p] -= x;
            polygon->xy[2 * p + 1] -= y;
        }
    }
    return error;
}

/* Masks seen through a window at (x, y) of the picture. */
static int masks_through(DfWork *work, int x, int y, int height, int width)
{
    int error = DF_OK;
    for (size_t i = 0; i < df_work_objects(work) && work->known->masks && error == DF_OK; i++) {
        DfObjectMask *mask = &work->known->masks[i];
        DfArena *arena = work->known->arena;
        if (mask->form == DF_MASK_POLYGONS && work->release == DF_RELEASE_OLD)
            error = shift_polygons(mask, arena, x, y);
        else
            error = df_object_mask_window(mask, mask, arena, x, y, (uint32_t)height, (uint32_t)width);
    }
    return error;
}

int df_objects_cut(DfWork *work, int x, int y, int height, int width)
{
    return masks_through(work, x, y, height, width);
}

int df_objects_place(DfWork *work, const DfPlacing *p)
{
    df_work_shift_boxes(work, (float)p->x, (float)p->y);
    return masks_through(work, -p->x, -p->y, p->height, p->width);
}

/* Polygons have no border that could be widened. */
int df_objects_pad(DfWork *work, int height, int width)
{
    int error = DF_OK;
    for (size_t i = 0; i < df_work_objects(work) && work->known->masks && error == DF_OK; i++) {
        DfObjectMask *mask = &work->known->masks[i];
        if (mask->form == DF_MASK_RUNS)
            error = df_object_mask_window(mask, mask, work->known->arena, 0, 0, (uint32_t)height, (uint32_t)width);
    }
    return error;
}
