/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/detector.h -- what eval and predict share: samples through a detector, detections as COCO results.
 */
#ifndef DF_CLI_COMMON_DETECTOR_H
#define DF_CLI_COMMON_DETECTOR_H

#include "cli/cli.h"
#include "datasets/datasets.h"

/* Pixels of a network's input: from the first on the memory for its activations is asked for before, above the second it is refused. */
enum { CLI_LARGE_INPUT = 1 << 21, CLI_MAX_INPUT = 1 << 24 };

/* Runs one sample, all views of it together; boxes in pixels of the original image. Errors name the picture. */
int cli_detect(CliSession *, const DfSample *, DfDetections *out);

/* The views of a picture as tensors of a fresh step, and what became of each. Too large a one is refused, and with `whole`, for networks
 * that see it at once, a large one for which memory is short. */
enum { CLI_VIEWS = 64 };
int cli_take_views(CliSession *, const DfViews *, bool whole, DfTensor *images[CLI_VIEWS], DfImageMeta metas[CLI_VIEWS]);

/* The pipeline of the config's test set. */
int cli_test_pipeline(const CliSession *, DfPipeline **out);

/* x1 y1 x2 y2 -> x y w h, in double as mmdet writes them. */
void cli_xywh(const float box[4], double out[4]);

/* A mask as COCO's files have it: {"size": [height, width], "counts": ".."}, as JSON. DF_ENOMEM. */
int cli_write_mask(FILE *, const DfMask *);

#endif
