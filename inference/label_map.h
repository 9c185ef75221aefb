/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/label_map.h -- the classes of a picture's pixels as a PNG file, which the field's scoring programs read.
 */
#ifndef DF_INFERENCE_LABEL_MAP_H
#define DF_INFERENCE_LABEL_MAP_H

#include <stdint.h>

#include "core/core.h"

DF_BEGIN_DECLS

/* FOLDER/NAME.png: one byte a pixel, the class, counted from `first` (0 or 1); at most 256 - first classes. Makes
 * folders on the way. */
DF_API int df_label_map_write(const char *folder, const char *name, const uint16_t *labels, int height, int width,
                              int first);
DF_API char *df_label_map_path(const char *folder, const char *name); /* df_free() it; NULL after df_fail() */

DF_END_DECLS

#endif
