/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/labelled/paint.h -- objects of a picture painted into a map of values, the largest first, so that what
 * is small stays visible; private to this room.
 */
#ifndef DF_DATASETS_LABELLED_PAINT_H
#define DF_DATASETS_LABELLED_PAINT_H

#include "datasets/image/image.h"
#include "datasets/labelled/private.h"

/* value[i] of the i-th object of the picture, 0: it is not painted. hidden[i], or NULL: something covers it. */
int df_labelled_paint(DfImage *map, const DfLabelled *, const DfLabelledPicture *, const uint8_t *value, bool *hidden);

#endif
