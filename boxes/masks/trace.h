/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/masks/trace.h -- exact polygons of a mask, which follow the edges of its pixels: drawn again
 * (df_mask_from_polygon()), they give the same mask.
 */
#ifndef DF_BOXES_MASKS_TRACE_H
#define DF_BOXES_MASKS_TRACE_H

#include "boxes/masks/object_mask.h"
#include "core/core.h"

DF_BEGIN_DECLS

/* One polygon for each patch of pixels that hang together by their sides, in the order of their first pixels, row by
 * row. A hole is part of the polygon around it: a cut of no width leads there and back. All in the arena. Form NONE if
 * there is no pixel. Runs longer than the picture are DF_EVALUE. */
DF_API int df_mask_trace(DfObjectMask *out, const DfMask *, DfArena *);

/* Several polygons as one with the same area: cuts of no width lead from the first point of the first polygon to each
 * other and back. What two of them cover together is outside of the one, as everywhere where rings cross. */
DF_API int df_polygons_join(DfPolygon *out, const DfPolygon *polygons, size_t n, DfArena *);
/* The polygons of which such a one was made, in the arena; one that was not made so is itself alone. */
DF_API int df_polygons_part(DfPolygon **out, size_t *n, const DfPolygon *joined, DfArena *);

DF_END_DECLS

#endif
