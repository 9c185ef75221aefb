/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations/annotations.h -- the public header of annotations/: files of ground truth and of results, read as
 * streams.
 */
#ifndef DF_ANNOTATIONS_ANNOTATIONS_H
#define DF_ANNOTATIONS_ANNOTATIONS_H

#include "annotations/coco/coco.h"
#include "annotations/csv/csv.h"
#include "annotations/dota/dota.h"
#include "annotations/ids.h"
#include "annotations/openimages/openimages.h"
#include "annotations/voc/voc.h"
#include "annotations/words.h"
#include "annotations/yolo/yolo.h"

#endif
