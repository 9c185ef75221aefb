/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/pil_ops.h -- operations on whole pictures with the bits of Pillow (ImageOps, ImageEnhance,
 * Image.transform): what classifiers are augmented with. Pictures are B G R.
 */
#ifndef DF_DATASETS_IMAGE_PIL_OPS_H
#define DF_DATASETS_IMAGE_PIL_OPS_H

#include "datasets/image/image.h"
#include "datasets/image/resize.h"

DF_BEGIN_DECLS

/* ---- every pixel by itself, in place ---------------------------------------------------------------------------- */

DF_API void df_pil_invert(DfImage *);                                    /* 255 - v                                */
DF_API void df_pil_posterize(DfImage *, int bits);                       /* keeps the upper bits, 0..8             */
DF_API void df_pil_solarize(DfImage *, int threshold);                   /* 255 - v from threshold on              */
DF_API void df_pil_solarize_add(DfImage *, int add, int threshold);      /* v + add, at most 255, below threshold  */
DF_API void df_pil_autocontrast(DfImage *);                              /* each channel from 0 to 255             */
DF_API void df_pil_equalize(DfImage *);                                  /* the histogram of each channel          */

/* ---- ImageEnhance: mixed with something plainer, in place; factor 1 changes nothing, 0 gives the plainer one ---- */

DF_API void df_pil_colour(DfImage *, float factor);      /* with its grey version            */
DF_API void df_pil_contrast(DfImage *, float factor);    /* with its mean grey               */
DF_API void df_pil_brightness(DfImage *, float factor);  /* with black                       */
DF_API int df_pil_sharpness(DfImage *, float factor);    /* with a smoothed version          */
DF_API void df_pil_hue(DfImage *, float factor);         /* torchvision: turned by -0.5..0.5 of the circle */

/* ---- Image.transform(AFFINE), Image.rotate() -------------------------------------------------------------------- */

/* Pixel (x, y) of `out` comes from (a0 x + a1 y + a2, a3 x + a4 y + a5), centres at 0.5; from outside comes `fill`
 * (B G R). Of the same size as `in`. */
DF_API int df_pil_affine(DfImage *out, const DfImage *in, const double a[6], DfPilFilter, const uint8_t fill[3]);

/* Counter-clockwise around the centre, by any angle in degrees. */
DF_API int df_pil_rotate(DfImage *out, const DfImage *in, double degrees, DfPilFilter, const uint8_t fill[3]);

DF_END_DECLS

#endif
