/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/openimages/score.h -- private to eval/: the stages of an evaluation, class by class.
 */
#ifndef DF_EVAL_OPENIMAGES_SCORE_H
#define DF_EVAL_OPENIMAGES_SCORE_H

#include "eval/openimages/data.h"

/* Objects by class and image, in the order in which equal overlaps are decided;
 * detections by class and image, best first. */
typedef struct {
    const DfOpenImages *data;
    const DfOpenImagesParams *params;
    DfOpenImagesScores *out;
    uint32_t *class_rank, *image_rank; /* by name, or as a list has them        */
    OiObject *objects;                 /* with ranks in place of image and class */
    size_t n_objects;
    uint32_t *found;                   /* places in data->found                 */
    size_t n_found;
    size_t *objects_start, *found_start; /* of each class; and the end            */
    int *errors;                       /* of each class                         */
} OiRun;

/* Fills all of that but errors. */
int df_openimages_order(OiRun *);

/* What the detections of a class and image came to: scores with 0 for a wrong one, 1 for a right
 * one, and the weight of a group that was found. */
typedef struct {
    double *score, *label;
    size_t n;
} OiOutcomes;

/* Detections [from, to) of run->found and objects [first, last), of one class and image. Adds to the outcomes,
 * which have room for as many as there are of both. */
int df_openimages_match(const OiRun *, size_t from, size_t to, size_t first, size_t last, OiOutcomes *);

#endif
