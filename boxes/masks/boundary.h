/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/masks/boundary.h -- the boundary of a mask. Cheng et al., Boundary IoU, CVPR 2021.
 */
#ifndef DF_BOXES_MASKS_BOUNDARY_H
#define DF_BOXES_MASKS_BOUNDARY_H

#include <stddef.h>
#include <stdint.h>

#include "boxes/masks/runs.h"

DF_BEGIN_DECLS

enum { DF_BOUNDARY_PIXELS = 1 << 30 }; /* at most, of a mask */

/* Memory that is used again and again. {0} to begin with. */
typedef struct {
    uint64_t *bits;   /* twice the box of the mask, column by column */
    size_t capacity;
} DfBoundaryRoom;
DF_API void df_boundary_room_done(DfBoundaryRoom *);

/* Pixels of the mask of n runs that are at most `distance` pixels, in both directions, from one
 * that is not of the mask; beyond the picture there is none. That is the mask without its
 * erosion by a square of the side 2 distance + 1. */
DF_API int df_runs_boundary(DfRunList *out, DfBoundaryRoom *, const uint32_t *runs, size_t n, uint32_t height,
                            uint32_t width, size_t distance);

DF_END_DECLS

#endif
