/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/undrawn.h -- private to eval/: polygons of the ground truth that were read before the size of their image.
 */
#ifndef DF_EVAL_COCO_UNDRAWN_H
#define DF_EVAL_COCO_UNDRAWN_H

#include "eval/coco/data.h"

typedef struct {
    size_t annotation; /* whose they are: its place in the file, or in the piece that was read */
    double *numbers;   /* as in DfCocoSegmentation */
    size_t n;
} Polygons;

/* {0} to begin with. */
typedef struct {
    Polygons *at;
    size_t n, capacity;
    CocoBytes bytes; /* of the numbers */
} CocoUndrawn;

int df_coco_put_aside(CocoUndrawn *, const DfCocoSegmentation *, size_t annotation); /* what was just read */
int df_coco_undrawn_move(CocoUndrawn *to, CocoUndrawn *from, size_t annotations_before);
/* Into the masks of their annotations, by all threads; what cannot be drawn stays without runs. */
int df_coco_draw_undrawn(DfCoco *, const CocoUndrawn *);
void df_coco_undrawn_done(CocoUndrawn *);

#endif
