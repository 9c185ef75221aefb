/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/labelled/paint.h -- private to datasets/labelled/: paints the objects of a picture into a map of values,
 * the largest first, so that small ones stay visible.
 */
#ifndef DF_DATASETS_LABELLED_PAINT_H
#define DF_DATASETS_LABELLED_PAINT_H

#include "datasets/image/image.h"
#include "datasets/labelled/private.h"

/* value[i] of the i-th object of the picture, 0: it is not painted. hidden[i], or NULL: something covers it. */
int df_labelled_paint(DfImage *map, const DfLabelled *, const DfLabelledPicture *, const uint8_t *value, bool *hidden);

#endif
