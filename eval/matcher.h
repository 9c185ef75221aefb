/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/matcher.h -- private to eval/: which object does a detection find? One rule for scores, errors and comparisons.
 *
 * Detections of an image come best first. Each takes the free object that it overlaps most, if the overlap reaches a
 * threshold; what is taken is gone for the others. An object that is ignored (a crowd, or of an area outside of the
 * range) is taken only if none that counts can be, and makes the detection neither right nor wrong.
 */
#ifndef DF_EVAL_MATCHER_H
#define DF_EVAL_MATCHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eval/eval.h"

/* ---- one choice ------------------------------------------------------------------------------------------------ */

#define NO_MATCH SIZE_MAX

/* Which of several equal overlaps wins. */
typedef enum {
    LAST_OF_EQUAL,  /* pycocotools: `if ious[dind, gind] < iou: continue` lets an equal one replace the best */
    FIRST_OF_EQUAL  /* TIDE's toolbox: numpy's argmax()                                                      */
} MatchTies;

/* The object with the largest overlap of at least `least` among the n listed ones; NO_MATCH if none reaches it. The
 * overlaps are those of one detection, by object. An overlap that is NAN is below nothing for LAST_OF_EQUAL, as in
 * pycocotools, and is no overlap for FIRST_OF_EQUAL. */
size_t df_largest_overlap(const double *overlap, const uint32_t *listed, size_t n, double least, MatchTies);

/* ---- all area ranges and thresholds of an image and class, as pycocotools has them ------------------------------- */

/* Is the area in the range, whose ends belong to it? */
static inline bool df_area_within(double area, const DfAreaRange *range)
{
    return !(area < range->low || area > range->high);
}

/* What became of a detection at an area range and threshold. */
enum { FALSE_POSITIVE, TRUE_POSITIVE, IGNORED };

typedef struct {
    const DfCocoParams *params; /* of which areas and ious count                                 */
    double least;               /* the least threshold                                           */
    size_t n;                   /* objects                                                       */
    double *overlap;            /* [n]: with the present detection; filled by the caller         */
    double most;                /* the largest of them                                           */
    size_t n_near;
    uint32_t *near;             /* [n_near]: objects whose overlap reaches the least threshold   */
    uint32_t *open;             /* [n]: those of them that can be taken, while one is chosen      */
    uint8_t *crowd;             /* [n]                                                           */
    uint8_t *id_is_zero;        /* [n]                                                           */
    uint8_t *ignored;           /* [areas][n]                                                    */
    uint8_t *taken;             /* [areas][ious][n]                                              */
    uint32_t *found; /* [areas][ious]: the object that a detection takes, or DF_NO_OBJECT; NULL: nobody asks */
} Matcher;

/* A matcher of n objects, all of them free, in df_matcher_bytes() of memory aligned to 8. Every object must be
 * described before the first detection comes. Crowds may be taken many times. */
size_t df_matcher_bytes(const DfCocoParams *, size_t n);
Matcher df_matcher_begin(const DfCocoParams *, size_t n, void *memory);
void df_matcher_object(Matcher *, size_t object, double area, bool crowd, bool id_is_zero);
void df_matcher_ignore(Matcher *, size_t object); /* at every area, though it is no crowd and can be taken once */

/* Matches the next detection, whose overlaps the caller has filled in: outcome[areas][ious]. Detections must come best
 * first. `area` is the detection's: one outside of a range that finds nothing is ignored there. */
void df_matcher_detection(Matcher *, double area, uint8_t *outcome);

#endif
