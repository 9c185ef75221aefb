/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/explain/suspects.h -- finds places where the ground truth may be wrong rather than the detections. Included by
 * eval/explain/explain.h.
 */
#ifndef DF_EVAL_EXPLAIN_SUSPECTS_H
#define DF_EVAL_EXPLAIN_SUSPECTS_H

#include <stddef.h>
#include <stdint.h>

#include "core/core.h"

DF_BEGIN_DECLS

typedef enum {
    DF_SUSPECT_UNLABELLED, /* a confident detection where the ground truth has nothing (IoU at most 0.1)           */
    DF_SUSPECT_CLASS,      /* a confident detection of another class, right on an object (IoU of at least 0.7)     */
    DF_SUSPECT_TWINS,      /* two objects of one image with an IoU of at least 0.8: one thing that is listed twice */
    DF_SUSPECT_KINDS
} DfSuspectKind;

enum { DF_SUSPECTS_DRAWN = 12 }; /* of each kind: so many are drawn, and df_explain_masks() reads their masks */

typedef struct {
    DfSuspectKind kind;
    uint32_t image;
    uint32_t detection;     /* or DF_NO_CASE                                             */
    uint32_t object, other; /* or DF_NO_CASE; other: the twin, which is later in the file */
    double score;           /* of the detection; 0 for twins                             */
    double iou;             /* of the boxes, or of the masks if masks are explained      */
} DfSuspect;

struct DfExplain;
/* Detections with a score of at least the explanation's threshold. By kind; detections by score, twins by IoU, the
 * largest first; of detections that lie on one another (IoU above 0.5) the first one alone. */
DF_API int df_explain_suspect(struct DfExplain *);
DF_API size_t df_explain_suspects(const struct DfExplain *); /* 0 before df_explain_suspect() */
DF_API DfSuspect df_explain_suspect_at(const struct DfExplain *, size_t);

DF_END_DECLS

#endif
