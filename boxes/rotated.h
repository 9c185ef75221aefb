/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/rotated.h -- overlap of oriented boxes and of quadrangles, in float64. Included by boxes/boxes.h.
 *
 * An oriented box is cx cy w h t: its center and sides in pixels, and the angle in radians of
 * the side w, which points along (cos t, sin t) in an image whose y goes down. detectron2 has
 * degrees and the other sense: t = -angle * pi / 180.
 */
#ifndef DF_BOXES_ROTATED_H
#define DF_BOXES_ROTATED_H

#include <stdbool.h>

#include "core/core.h"

DF_BEGIN_DECLS

/* |a and b| / |a or b|, from 0 to 1; or |a and b| / |a| if `b` is a crowd. 0 if one of them has no area, a negative
 * side or a number that is not finite. The intersection is cut out of b, side by side of a (Sutherland and Hodgman,
 * CACM 1974), so that it is exact to some 1e-15 of the larger box however thin, small or parallel they are. */
DF_API double df_rotated_iou(const double a[5], const double b[5], bool crowd);

/* The same of quadrangles x y x y x y x y, their corners in either sense; they may be concave.
 * Where two sides cross, what lies on the wrong side of both counts less than nothing, as in
 * DOTA's polyiou, and the result may be any number. */
DF_API double df_quad_iou(const double a[8], const double b[8], bool crowd);

/* The corners of an oriented box, each the next one of the other in the sense of w to h. */
DF_API void df_rotated_corners(const double box[5], double corners[8]);

DF_END_DECLS

#endif
