/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/hsv.h -- B G R to hue, saturation, value and back, with the bits of cv2.cvtColor on a CPU with AVX2.
 */
#ifndef DF_DATASETS_IMAGE_HSV_H
#define DF_DATASETS_IMAGE_HSV_H

#include <stdint.h>

#include "core/core.h"

DF_BEGIN_DECLS

/* A row of `width` pixels, three values each; in and out may be the same. The row matters: OpenCV computes its first
 * pixels in vectors and the rest one by one, which rounds otherwise. */

/* Bytes: hue 0..179 (halves of a degree), saturation and value 0..255. A hue beyond 179 is that hue modulo 180. */
DF_API void df_bgr_to_hsv_bytes(uint8_t *out, const uint8_t *in, int width);
DF_API void df_hsv_to_bgr_bytes(uint8_t *out, const uint8_t *in, int width);

/* Floats: hue 0..360 in degrees, saturation 0..1, value as the largest of B G R. */
DF_API void df_bgr_to_hsv_floats(float *out, const float *in, int width);
DF_API void df_hsv_to_bgr_floats(float *out, const float *in, int width);

DF_END_DECLS

#endif
