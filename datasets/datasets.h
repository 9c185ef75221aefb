/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/datasets.h -- the public header of datasets/: pictures, annotations, pipelines; no tensors.
 */
#ifndef DF_DATASETS_DATASETS_H
#define DF_DATASETS_DATASETS_H

#include "datasets/classes.h"
#include "datasets/classification.h"
#include "datasets/coco.h"
#include "datasets/draw/colour.h"
#include "datasets/draw/draw.h"
#include "datasets/folder/folder.h"
#include "datasets/image/hsv.h"
#include "datasets/image/image.h"
#include "datasets/image/image_file.h"
#include "datasets/image/pil_ops.h"
#include "datasets/image/resize.h"
#include "datasets/image/warp.h"
#include "datasets/labelled/labelled.h"
#include "datasets/named_file.h"
#include "datasets/parts.h"
#include "datasets/pipeline/loader.h"
#include "datasets/pipeline/pipeline.h"
#include "datasets/pipeline/training.h"
#include "datasets/registry.h"
#include "datasets/segmentation.h"
#include "datasets/synth/synth.h"
#include "datasets/training/batch.h"
#include "datasets/training/check.h"
#include "datasets/training/mixing.h"
#include "datasets/training/order.h"
#include "datasets/training/training_loader.h"
#include "datasets/training/training_set.h"

#endif
