/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/hsv.h -- B G R to hue, saturation, value and back, with the bits of cv2.cvtColor on a CPU with AVX2.
 */
#ifndef DF_DATASETS_IMAGE_HSV_H
#define DF_DATASETS_IMAGE_HSV_H

#include <stdint.h>

#include "core/core.h"

DF_BEGIN_DECLS

/* In place, three values a pixel. Rows matter: OpenCV computes the first pixels of each in vectors and the rest one by
 * one, which rounds otherwise. */

/* Bytes: hue 0..179 (two degrees each), saturation and value 0..255. Back from a hue of up to 255, modulo 180. */
DF_API void df_bgr_to_hsv_bytes(uint8_t *pixels, int height, int width);
DF_API void df_hsv_to_bgr_bytes(uint8_t *pixels, int height, int width);

/* Floats: hue 0..360 degrees, saturation 0..1, value as the largest of B G R. Back from a hue of -360..720. */
DF_API void df_bgr_to_hsv_floats(float *pixels, int height, int width);
DF_API void df_hsv_to_bgr_floats(float *pixels, int height, int width);

DF_END_DECLS

#endif
