/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/resize.h -- bilinear resizing with the bits of the two libraries the field prepares its images with.
 */
#ifndef DF_DATASETS_IMAGE_RESIZE_H
#define DF_DATASETS_IMAGE_RESIZE_H

#include "datasets/image/grid.h"

DF_BEGIN_DECLS

/* cv2.resize(INTER_LINEAR): two taps a direction in 11-bit fixed point; what mmdet and mmseg use. Equal sizes are
 * a copy. */
DF_API int df_resize_cv2(DfImage *out, const DfImage *in, int height, int width);

/* The same of cells of three floats or three doubles, computed in double. */
DF_API int df_resize_cv2_floats(DfGrid *out, const DfGrid *in, int height, int width);

/* PIL.Image.resize(BILINEAR): a triangle that widens when it shrinks (antialiased), in 22-bit fixed point; what
 * DETR uses. */
DF_API int df_resize_pil(DfImage *out, const DfImage *in, int height, int width);
/* The same with BILINEAR or BICUBIC (Keys' cubic with a = -0.5, what most classifiers are trained with). */
typedef enum { DF_PIL_BILINEAR, DF_PIL_BICUBIC } DfPilFilter;
DF_API int df_resize_pil_as(DfImage *out, const DfImage *in, int height, int width, DfPilFilter);

DF_END_DECLS

#endif
