/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/compare/outcomes.h -- private to eval/: the outcome of every detection at COCO's thresholds and areas, so that
 * scores of other sets of images need no new matching.
 */
#ifndef DF_EVAL_COMPARE_OUTCOMES_H
#define DF_EVAL_COMPARE_OUTCOMES_H

#include "eval/coco/view.h"

enum { OUTCOME_AREAS = 4, OUTCOME_IOUS = 10, OUTCOME_RECALLS = 101, OUTCOME_BEST = 100 };

/* What became of a detection: bit t of right[a] is set if it is a true positive at threshold t and area a, bit t
 * of counts[a] if it is a true or a false positive and not ignored. */
typedef struct {
    uint32_t image;
    uint16_t right[OUTCOME_AREAS], counts[OUTCOME_AREAS];
} Outcome;

typedef struct {
    size_t n_classes;
    Outcome *outcomes;     /* by class, best first; equal scores by image            */
    size_t *start;         /* [n_classes + 1]                                        */
    uint32_t *truth_image; /* ground truth that is no crowd, by class: its image     */
    uint8_t *truth_areas;  /* bit a: it is in area a                                 */
    size_t *truth_start;   /* [n_classes + 1]                                        */
} Outcomes;

/* What the ranges are about, of an object or of a detection; COCO's are about the area. */
typedef double OutcomeMeasure(const CocoView *, size_t at, bool detection);
double df_outcome_area(const CocoView *, size_t at, bool detection);
typedef struct {
    const DfAreaRange *ranges; /* [OUTCOME_AREAS], the first one takes everything */
    OutcomeMeasure *measure;
} OutcomeRanges;

int df_outcomes_of(Outcomes *, const CocoView *); /* by COCO's areas */
int df_outcomes_by(Outcomes *, const CocoView *, const OutcomeRanges *);
/* What of `from` counts in one of its ranges and, unless it is NULL, in these images [n_images]: as range 0. */
int df_outcomes_select(Outcomes *, const Outcomes *from, int range, const bool *images);
void df_outcomes_done(Outcomes *);

/* The scores of a class in each area, with images counted `weight` times (NULL: once). ap and ar are means over
 * the thresholds; -1: there is no ground truth. */
typedef struct {
    double ap, ap50, ap75, ar;
} ClassScore;
void df_outcomes_score(const Outcomes *, size_t class_place, const uint16_t *weight, void *room,
                       ClassScore out[OUTCOME_AREAS]);
void df_outcomes_score_in(const Outcomes *, size_t class_place, int range, const uint16_t *weight, void *room,
                          ClassScore *out); /* in one of the ranges */
size_t df_outcomes_room(const Outcomes *); /* bytes that `room` must hold, aligned to 8 */

#endif
