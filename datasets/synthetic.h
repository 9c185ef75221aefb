/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/synthetic.h -- a dataset that needs no download: coloured shapes on textured grounds, in COCO's layout.
 */
#ifndef DF_DATASETS_SYNTHETIC_H
#define DF_DATASETS_SYNTHETIC_H

#include <stdint.h>

#include "core/core.h"

DF_BEGIN_DECLS

/* Draws n pictures (1 to 100000) and writes
 *     FOLDER/annotations/instances_val2017.json       80 categories of COCO; boxes, areas, polygons
 *     FOLDER/val2017/000000000001.jpg, ...            every eighth a PNG; 240 to 640 pixels a side
 * A ball is a "sports ball", a rectangle a "tv", a triangle a "pizza", a ring a "donut". Equal seeds give equal
 * files. */
DF_API int df_synthetic_coco(const char *folder, int n, uint64_t seed);

DF_END_DECLS

#endif
