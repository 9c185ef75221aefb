/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/masks/object_mask.h -- the mask of an object, in the form that its file has, and transforming it when the
 * picture is mirrored, resized, cropped or padded. Polygons stay polygons and run lengths stay run lengths, like
 * mmdet's PolygonMasks and BitmapMasks.
 */
#ifndef DF_BOXES_MASKS_OBJECT_MASK_H
#define DF_BOXES_MASKS_OBJECT_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boxes/masks/mask.h"
#include "core/core.h"

DF_BEGIN_DECLS

/* n points; the last one is joined with the first. */
typedef struct {
    size_t n;
    double *xy; /* [n][2], in pixels */
} DfPolygon;

typedef enum { DF_MASK_NONE, DF_MASK_POLYGONS, DF_MASK_RUNS } DfMaskForm;
typedef struct {
    DfMaskForm form;
    size_t n_polygons;
    DfPolygon *polygons; /* DF_MASK_POLYGONS: the object is their union                                        */
    DfMask runs;         /* DF_MASK_RUNS: belongs to the annotations, so it is not given to df_mask_done() */
} DfObjectMask;

/* The mask as runs, in a picture of height x width: polygons are drawn as pycocotools draws them, runs must be of
 * that size (else DF_EVALUE), no mask is the empty one. df_mask_done() the result. */
DF_API int df_object_mask_runs(DfMask *out, const DfObjectMask *, uint32_t height, uint32_t width);

/* A copy, all of it in the arena. */
DF_API int df_object_mask_copy(DfObjectMask *out, const DfObjectMask *, DfArena *);

/* ---- with the pixels --------------------------------------------------------------------------------------------- */

/* Each makes a new mask, all of it in the arena. `out` may be the mask itself. DF_ENOMEM, or DF_EVALUE where runs are
 * not of the size that the picture has. */

/* Mirrored in a picture of height x width: left and right change places, upper and lower do, or both. */
DF_API int df_object_mask_flip(DfObjectMask *out, const DfObjectMask *, DfArena *, uint32_t height, uint32_t width,
                               bool left_right, bool up_down);

/* From a picture of from[0] x from[1], height and width, to one of to[0] x to[1]. Runs take the nearest pixel, the one
 * that cv2.INTER_NEAREST takes. */
DF_API int df_object_mask_resize(DfObjectMask *out, const DfObjectMask *, DfArena *, const uint32_t from[2],
                                 const uint32_t to[2]);

/* Seen through a window of height x width whose upper left corner is at (x, y) of the picture, which need not be
 * inside: a crop, a pad, a shift. Outside of the picture there is nothing. Polygons are cut at the window, as mmdet 3
 * does; mmdet 2 lets them stand out, which differs where boxes are made of masks. What lies outside entirely keeps one
 * polygon, a point at (0, 0). */
DF_API int df_object_mask_window(DfObjectMask *out, const DfObjectMask *, DfArena *, int x, int y, uint32_t height,
                                 uint32_t width);

/* The box around it, x1 y1 x2 y2 in pixels: of polygons around the points, of runs up to the far sides of the last
 * pixels. Zeros if there is nothing. */
DF_API void df_object_mask_box(const DfObjectMask *, float box[4]);

DF_END_DECLS

#endif
