/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/explain/tide.h -- the AP that a detector loses to each kind of error.  Bolya et al., TIDE: A General Toolbox
 * for Identifying Object Detection Errors, ECCV 2020. Boxes or masks; foreground IoU 0.5, background IoU 0.1, the 100
 * best detections of an image.
 *
 * Every false positive is of one kind, and so is every ground truth that no other error explains:
 *     Loc   its own class, IoU from 0.1 to 0.5
 *     Cls   another class, IoU of at least 0.5
 *     Dupe  its own class, IoU of at least 0.5, but taken by a better detection
 *     Bkg   IoU at most 0.1 with everything
 *     Both  none of these
 *     Miss  a ground truth that was not found, and is not explained by Cls or Loc
 * The first one that applies in the order Loc Cls Dupe Bkg Both, as in the authors' toolbox. The cost of a kind is the
 * increase of AP50 when an oracle corrects all errors of this kind only.
 */
#ifndef DF_EVAL_EXPLAIN_TIDE_H
#define DF_EVAL_EXPLAIN_TIDE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/core.h"

DF_BEGIN_DECLS

typedef enum {
    DF_TIDE_CLS,
    DF_TIDE_LOC,
    DF_TIDE_BOTH,
    DF_TIDE_DUPE,
    DF_TIDE_BKG,
    DF_TIDE_MISS,
    DF_TIDE_KINDS
} DfTideKind;

typedef struct {
    double ap50; /* the toolbox's, 0 to 1: a class without ground truth that has detections counts as 0 */
    double cost[DF_TIDE_KINDS];     /* dAP, 0 to 1 */
    double false_positives;         /* dAP of scoring every true positive above every false one */
    double false_negatives;         /* dAP of forgetting the ground truth that was not found */
    size_t count[DF_TIDE_KINDS];
} DfTide;

struct DfCocoResults;
DF_API int df_coco_tide(DfTide *out, const struct DfCocoResults *, bool masks);
DF_API const char *df_tide_name(DfTideKind); /* "Cls" */

DF_END_DECLS

#endif
