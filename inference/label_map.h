/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/label_map.h -- writes the classes of a picture's pixels as a PNG file, which the field's scoring programs
 * read.
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
/* The path of that file; df_free() it. DF_EVALUE: the name, which comes from data, leads out of the folder. */
DF_API int df_label_map_path(char **out, const char *folder, const char *name);

DF_END_DECLS

#endif
