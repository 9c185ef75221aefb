/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/datasets.h -- the door to datasets/: plain pictures and annotations, no tensors.
 */
#ifndef DF_DATASETS_DATASETS_H
#define DF_DATASETS_DATASETS_H

#include "datasets/coco.h"
#include "datasets/dataset_config.h"
#include "datasets/draw.h"
#include "datasets/image.h"
#include "datasets/loader.h"
#include "datasets/pipeline.h"
#include "datasets/resize.h"
#include "datasets/segmentation.h"
#include "datasets/synthetic.h"

#endif
