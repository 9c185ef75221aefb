/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/map/map.h -- mean average precision as PASCAL VOC has it (Everingham et al., IJCV 2010) and mmdet computes it
 * (eval_map()), in its float32: each detection looks at the object that it overlaps most, and is right if that reaches
 * the threshold and nobody better was there. Included by eval/eval.h.
 */
#ifndef DF_EVAL_MAP_MAP_H
#define DF_EVAL_MAP_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/core.h"
#include "eval/coco/score.h"

DF_BEGIN_DECLS

enum { DF_MAP_IOUS = 16 };

typedef struct {
    int n_ious;              /* 1 .. DF_MAP_IOUS                                                              */
    double iou[DF_MAP_IOUS];
    bool eleven_points;      /* VOC 2007: the mean precision at recalls 0, 0.1, .., 1; else the area under it */
    bool wide;               /* VOC: a box reaches to the end of its last pixel, x2 - x1 + 1                  */
} DfMapParams;

typedef struct {
    int64_t id;
    const char *name;
    int objects, detections;
    double ap[DF_MAP_IOUS], recall[DF_MAP_IOUS]; /* 0 without objects */
} DfMapClass;

typedef struct {
    DfArena *arena;
    DfMapParams params;
    int n_classes;           /* in the order of their ids                          */
    DfMapClass *classes;
    double ap[DF_MAP_IOUS];  /* the mean over classes that have objects; 0: none has */
    double mean;             /* of these over the thresholds: mAP                   */
} DfMapScores;

/* Boxes of results files against an annotation file. Objects with iscrowd (VOC: difficult) are neither found nor
 * missed. Of `scoring` truth, results, image_ids and n_image_ids are used. Free with df_map_scores_done(). */
DF_API int df_map_score(DfMapScores *out, const DfCocoScoring *scoring, const DfMapParams *, DfPool *);
DF_API void df_map_scores_done(DfMapScores *); /* {0} is fine */

DF_API int df_map_table(const DfMapScores *, bool per_class, char **out); /* df_free it */
/* {"mAP": 0.5, "AP50": 0.5, "rule": "11points", "per_class": [{"id", "name", "gts", "dets", "recall50", "AP50"}, ..]},
 * and behind them `more`, members as JSON, or NULL. df_free it. */
DF_API int df_map_json(const DfMapScores *, const char *more, char **out);

DF_END_DECLS

#endif
