/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/warp.h -- cv2.warpAffine: rotates, scales and shifts a picture.
 */
#ifndef DF_DATASETS_IMAGE_WARP_H
#define DF_DATASETS_IMAGE_WARP_H

#include "datasets/image/grid.h"

DF_BEGIN_DECLS

/* Pixel (x, y) goes to (m[0] x + m[1] y + m[2], m[3] x + m[4] y + m[5]). */
typedef struct {
    double m[6];
} DfAffine;

/* cv2.getRotationMatrix2D: by an angle in degrees, counterclockwise, around (x, y). */
DF_API DfAffine df_affine_rotation(double x, double y, double degrees);

/* Of cells of three bytes, between pixels (INTER_LINEAR); of cells of any kind, the nearest one. What comes from
 * outside is `border`, one cell. DF_EVALUE for a transform that cannot be undone. */
DF_API int df_warp_linear(DfGrid *out, const DfGrid *in, const DfAffine *, int height, int width,
                          const uint8_t border[3]);
DF_API int df_warp_nearest(DfGrid *out, const DfGrid *in, const DfAffine *, int height, int width, const void *border);

DF_END_DECLS

#endif
