/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/compare/outcomes.h -- private to eval/: what became of every detection at COCO's thresholds and areas, so that scores over other sets of
 * images need no matching again.
 */
#ifndef DF_EVAL_COMPARE_OUTCOMES_H
#define DF_EVAL_COMPARE_OUTCOMES_H

#include "eval/coco/view.h"

enum { OUTCOME_AREAS = 4, OUTCOME_IOUS = 10, OUTCOME_BEST = 100 };

/* Bit t of right[a]: true positive at threshold t and area a; of counts[a]: true or false positive, not ignored. */
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

int df_outcomes_of(Outcomes *, const CocoView *);
void df_outcomes_done(Outcomes *);

/* Scores with images counted `weight` times (NULL: once). [class][area]: the mean AP, AP50, AP75 and AR of a class; -1 if no ground truth. */
typedef struct {
    double ap, ap50, ap75, ar;
} ClassScore;
int df_outcomes_score(const Outcomes *, size_t class_place, const uint16_t *weight, double *room, ClassScore out[OUTCOME_AREAS]);
size_t df_outcomes_room(const Outcomes *); /* doubles that `room` must hold */

#endif
