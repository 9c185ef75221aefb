/* SPDX-License-Identifier: Apache-2.0
 *
 * models/score_rows.h -- private: from the small class scores of a segmentation head to the class of every pixel of the original
 * image, block by block.
 *
 * The reference enlarges scores twice, to the size of the network's input and from there to the original image, and keeps every
 * class of every pixel both times: 2.2 GB for 150 classes of a 2200x1650 picture. Here the scores stay small, and a block of
 * the result, a few rows by some columns, is made from the rows and columns it needs: they fit into the second cache.
 */
#ifndef DF_MODELS_SCORE_ROWS_H
#define DF_MODELS_SCORE_ROWS_H

#include "kernels/kernels.h"

/* Scores of a part of a view: h x w pixels of the network's input from (y, x) on, as a map of map_h x map_w x classes. */
typedef struct {
    int y, x, h, w, map_h, map_w;
    const float *scores;
} ScoreWindow;

/* One pass over the image: windows that cover height x width together; where they overlap their mean counts. */
typedef struct {
    int height, width, n;
    ScoreWindow *windows;
    bool flip_x, flip_y;   /* the view is mirrored; the result is mirrored back */
} ScoreView;

typedef struct {
    int classes, height, width; /* of the original image */
    bool align_corners;
    int n;
    const ScoreView *views;
} ScoreSet;

/* labels[height][width]: the first of the largest scores, after a mean of softmaxes if there are several views. `scores` and
 * `prob` ([height][width][classes]) are filled too unless NULL; scores are those of the first view. */
int df_score_labels(DfPool *, const DfKernels *, const ScoreSet *, uint16_t *labels, float *scores, float *prob);
/* The scores of a view at the size of the network's input: out[height][width][classes]. */
int df_score_view(const DfKernels *, const ScoreSet *, const ScoreView *, float *out);

#endif
