/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/inference.h -- the public header of inference/: from a config and a checkpoint to results, and from a
 * dataset to scores.
 */
#ifndef DF_INFERENCE_INFERENCE_H
#define DF_INFERENCE_INFERENCE_H

#include "inference/detector.h"
#include "inference/evaluate.h"
#include "inference/images_scored.h"
#include "inference/label_map.h"
#include "inference/quantise.h"
#include "inference/sequence.h"
#include "inference/streams.h"

#endif
