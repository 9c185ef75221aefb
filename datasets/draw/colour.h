/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/draw/colour.h -- colours to draw with, B G R.
 */
#ifndef DF_DATASETS_DRAW_COLOUR_H
#define DF_DATASETS_DRAW_COLOUR_H

#include <stdint.h>

#include "core/core.h"

DF_BEGIN_DECLS

/* The colour of a label. Labels that follow one another differ, and all are bright enough to be seen on a
 * photograph. */
DF_API void df_label_colour(int label, uint8_t bgr[3]);

/* The colour of a weight, by its share 0..1 of the largest: from blue over green to yellow. */
DF_API void df_weight_colour(float share, uint8_t bgr[3]);

DF_END_DECLS

#endif
