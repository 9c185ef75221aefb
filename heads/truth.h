/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/truth.h -- private: annotations for heads that assign boxes to objects: the objects of its classes, and the
 * boxes in which nothing is scored or learnt.
 */
#ifndef DF_HEADS_TRUTH_H
#define DF_HEADS_TRUTH_H

#include "boxes/boxes.h"

typedef struct {
    int n;
    float *boxes;   /* [n][4]: x1 y1 x2 y2 in network pixels                    */
    int *labels;    /* [n]                                                      */
    int *index;     /* [n]: which of the annotations                            */
    int n_ignored;
    float *ignored; /* [n_ignored][4]: crowds, and what is marked to be ignored */
} Truth;

/* All of it in the arena. Objects of classes that are not learnt (label -1) are left out. DF_EVALUE: a label beyond the
 * classes, a box that is no number or has no area. `image` is its number in the batch, for messages. */
int df_truth(Truth *out, const DfAnnotations *, int classes, int image, DfArena *);

#endif
