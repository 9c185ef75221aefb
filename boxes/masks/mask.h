/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/masks/mask.h -- binary masks as run lengths, to the last bit as pycocotools makes and compares them.
 *
 *     DfMask a, b;
 *     df_mask_from_polygon(&a, xy, 5, 480, 640);
 *     df_mask_from_text(&b, "PPYo0", 5, 480, 640);
 *     double iou = df_mask_iou(&a, &b, false);
 *     df_mask_done(&a);  df_mask_done(&b);
 */
#ifndef DF_BOXES_MASKS_MASK_H
#define DF_BOXES_MASKS_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/core.h"

DF_BEGIN_DECLS

/* Runs go down the columns, column after column, background first (it may be 0 long). A mask with no runs is empty. */
typedef struct {
    uint32_t height, width;
    size_t n;
    uint32_t *runs; /* owned; df_mask_done() */
} DfMask;
DF_API void df_mask_done(DfMask *); /* frees the runs; {0} is fine */

/* Makers fill *out, which need not be initialised, and leave it {0} on failure. */

/* Pixels row by row; what is not 0 is foreground. */
DF_API int df_mask_encode(DfMask *out, const uint8_t *pixels, uint32_t height, uint32_t width);
/* The same for pixels in any order: the one below is `down` bytes on, the one to the right `right` bytes. */
DF_API int df_mask_encode_strided(DfMask *out, const uint8_t *pixels, uint32_t height, uint32_t width, ptrdiff_t down,
                                  ptrdiff_t right);
DF_API int df_mask_from_runs(DfMask *out, const uint32_t *runs, size_t n, uint32_t height, uint32_t width);
/* The compressed form of COCO files ("counts" as a text), `length` bytes. */
DF_API int df_mask_from_text(DfMask *out, const char *text, size_t length, uint32_t height, uint32_t width);
/* x y pairs in pixels; closed by itself. Sides up to 2^30, height * width below 2^31. */
DF_API int df_mask_from_polygon(DfMask *out, const double *xy, size_t n_points, uint32_t height, uint32_t width);
/* through the polygon of its corners */
DF_API int df_mask_from_box(DfMask *out, const double xywh[4], uint32_t height, uint32_t width);
/* Union or intersection of n masks of one size; masks of different sizes give the empty mask of size 0, as in
 * pycocotools. */
DF_API int df_mask_merge(DfMask *out, const DfMask *masks, size_t n, bool intersect);

/* height * width bytes of 0 and 1, row by row. Fails if the runs are longer than that; what they leave over is 0. */
DF_API int df_mask_decode(const DfMask *, uint8_t *pixels);
DF_API int df_mask_decode_columns(const DfMask *, uint8_t *pixels); /* the same column by column */
DF_API int df_mask_to_text(const DfMask *, char **text); /* zero-terminated; df_free it */
/* As COCO's files have it: {"size": [height, width], "counts": ".."}; df_free it. */
DF_API int df_mask_to_json(const DfMask *, char **text);
DF_API uint32_t df_mask_area(const DfMask *);
DF_API void df_mask_box(const DfMask *, double xywh[4]);

/* Intersection over union, or over the area of `dt` if `gt` is a crowd; -1 if their boxes meet but their sizes
 * differ. */
DF_API double df_mask_iou(const DfMask *dt, const DfMask *gt, bool crowd);
/* That of every pair: out[n_gt][n_dt]. crowd[n_gt]: not 0 if it is one. */
DF_API int df_mask_ious(double *out, const DfMask *dt, size_t n_dt, const DfMask *gt, size_t n_gt,
                        const uint8_t *crowd);

DF_END_DECLS

#endif
