/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/masks/outline.h -- the outline of a mask, for drawings.
 */
#ifndef DF_BOXES_MASKS_OUTLINE_H
#define DF_BOXES_MASKS_OUTLINE_H

#include "boxes/masks/mask.h"
#include "core/core.h"

DF_BEGIN_DECLS

/* Appends the path of an SVG: closed lines around the foreground, those around holes the other way round, in pixels.
 * Cells of a grid of at most 200 a side are taken as their middle pixel is. Nothing if there is no foreground, if the
 * runs are longer than the mask, or if it has 2^26 pixels or more. */
DF_API int df_mask_outline(DfTextbuf *, const DfMask *);

DF_END_DECLS

#endif
