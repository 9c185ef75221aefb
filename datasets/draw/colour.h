/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/draw/colour.h -- colours to draw with, B G R.
 */
#ifndef DF_DATASETS_DRAW_COLOUR_H
#define DF_DATASETS_DRAW_COLOUR_H

#include <stdint.h>

/* The colour of a label. Labels that follow one another differ, and all are bright enough to be seen on a
 * photograph. */
void df_label_colour(int label, uint8_t bgr[3]);

/* The colour of a weight, by its share 0..1 of the largest: from blue over green to yellow. */
void df_weight_colour(float share, uint8_t bgr[3]);

#endif
