/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/explain/slice_cutting.h -- private to slices.c and slice_cutting.c: the slices while they are made.
 */
#ifndef DF_EVAL_EXPLAIN_SLICE_CUTTING_H
#define DF_EVAL_EXPLAIN_SLICE_CUTTING_H

#include "eval/compare/outcomes.h"
#include "eval/explain/data.h"
#include "eval/explain/slices.h"

enum { MOST_SLICES = 900 };

/* What is said of a slice. `chance` and its interval: the AP of as many images drawn at random; NaN of slices of
 * objects. */
typedef struct {
    const char *key, *name, *detail;
    size_t images, objects;
    bool of_images;
    double chance, chance_low, chance_high;
} SliceAbout;

struct ExplainSlices {
    DfArena *arena;
    DfCompare *compare;
    SliceAbout *about;      /* [n] */
    size_t n;
};

/* While it is made: outcomes[i] are those of slice i. */
typedef struct {
    ExplainSlices *slices;
    const CocoView *view;
    Outcomes outcomes[MOST_SLICES];
    Outcomes all;           /* at the ranges of areas, or of others */
    bool *in;               /* [n_images]: of the slice that is cut */
} SliceCutting;

/* Cuts everything, then its objects, then its images by their own contents and by the keys of their records in `gt`.
 * DF_EVALUE: more than MOST_SLICES; DF_ENOMEM. What was cut before is kept. */
int df_slice_cut(SliceCutting *, const DfSlicing *, DfJson *gt);

#endif
