/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/resize.h -- resizing with the bits of OpenCV, Pillow and PyTorch, the libraries that the field uses
 * to prepare pictures.
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

/* Pillow's filters. All but NEAREST widen when they shrink a picture, so that nothing is left out (antialiasing). */
typedef enum {
    DF_PIL_BILINEAR, DF_PIL_BICUBIC, /* Keys' cubic with a = -0.5 */
    DF_PIL_BOX, DF_PIL_HAMMING, DF_PIL_LANCZOS, DF_PIL_NEAREST
} DfPilFilter;
#define DF_PIL_FILTERS "bilinear|bicubic|box|hamming|lanczos|nearest" /* for options, in the same order */

/* Whose bits: those of PIL.Image.resize(), in 22-bit fixed point; of Pillow from release 13 on, which resizes tall
 * pictures the other way round first; or of PyTorch's interpolate(antialias=True) of uint8, which torchvision and the
 * image processors of transformers call: the same with fewer bits. Equal sizes are a copy. */
typedef enum { DF_ANTIALIAS_PILLOW, DF_ANTIALIAS_PILLOW13, DF_ANTIALIAS_TORCH } DfAntialias;
DF_API int df_resize_antialiased(DfImage *out, const DfImage *in, int height, int width, DfPilFilter, DfAntialias);

/* PIL.Image.resize(BILINEAR), what DETR uses. */
DF_API int df_resize_pil(DfImage *out, const DfImage *in, int height, int width);

/* interpolate(mode='bilinear', align_corners=False) of cells of three floats, not antialiased: what torchvision's
 * detectors use. */
DF_API int df_resize_torch_floats(DfGrid *out, const DfGrid *in, int height, int width);

DF_END_DECLS

#endif
