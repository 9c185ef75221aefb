/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/average_precision.h -- private to eval/: precision over recall, and its interpolation.
 *
 * Detections of a class stand in the order of their scores. Down this ranking, with P objects to be found,
 *
 *     recall(i)    = TP(i) / P
 *     precision(i) = TP(i) / (TP(i) + FP(i))
 *     envelope(i)  = max over j >= i of precision(j)
 *     p(r)         = envelope at the first i with recall(i) >= r; 0 if there is none
 *     AP           = mean of p(r) over r = 0, 0.01, .., 1
 *
 * Only true positives are points i of a curve: recall stays and precision falls at all others, so that the envelope
 * never sees them.
 */
#ifndef DF_EVAL_AVERAGE_PRECISION_H
#define DF_EVAL_AVERAGE_PRECISION_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    size_t n;              /* true positives                                                              */
    double *precision;     /* [n]                                                                         */
    const uint64_t *found; /* [n]: objects found by then, ascending; NULL: 1, 2, .., n                    */
} PrecisionCurve;

/* pycocotools adds numpy.spacing(1), which is DBL_EPSILON, so that 0 / 0 is 0; TIDE's toolbox adds nothing. */
static inline double df_precision(double true_positives, double false_positives, double epsilon)
{
    return true_positives / (false_positives + true_positives + epsilon);
}

/* Turns precision into its envelope, in place. */
void df_precision_envelope(PrecisionCurve *);

/* How many of `positives` objects must be found to reach a recall: the first count with count / positives >= recall;
 * positives + 1 if there is none. positives > 0. */
size_t df_hits_needed(double recall, size_t positives);

/* p(r) at n recalls, from an envelope; needed[i] is df_hits_needed() of the i-th recall. With `found` they must
 * ascend. */
void df_precision_at(const PrecisionCurve *, const size_t *needed, size_t n, double *out);

/* Of points with any recalls, ascending, in the way of PASCAL VOC's devkits. Until 2009: the mean of the highest
 * precision at a recall of at least t, over t = 0, 0.1, .., 1. From 2010 on: the area below the envelope, the steps of
 * recall added in numpy's order; the room is for n + 1 numbers. */
double df_eleven_points(const double *recall, const double *precision, size_t n);
double df_area_below(const double *recall, const double *precision, size_t n, double *room);

/* The mean of p(r) over n ascending recalls, summed in their order. */
double df_average_precision(const PrecisionCurve *, const size_t *needed, size_t n);

#endif
