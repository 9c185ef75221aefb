/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/dense/candidates.h -- private: the boxes of a dense head that are passed to non-maximum suppression.
 */
#ifndef DF_HEADS_DENSE_CANDIDATES_H
#define DF_HEADS_DENSE_CANDIDATES_H

#include "heads/dense.h"

/* How the outputs of a head are read. */
typedef struct {
    DfAnchors anchors;
    DfDeltaCoder coder;
    bool sigmoid;    /* each class has a probability of its own; else a softmax over the classes, background last */
    int classes;     /* an anchor's scores that count                                                             */
    int columns;     /* an anchor's scores: with a softmax one more                                               */
    int nms_pre;     /* at most so many anchors of a level become candidates, the best; <= 0: all                 */
    bool pairs;      /* a candidate is an anchor and one class of it with a score above score_thr, as in mmdet 3.x;
                      * nms_pre -1 is then all but the worst, and 0 none                                          */
    double score_thr;
    bool by_logit;   /* the best anchors are those of the largest logit, which is their score then, too (of one class) */
    double min_size; /* without `pairs`: candidates are at least so wide and high, in network pixels; 0: of any size */
    bool drop_empty; /* they are wider and higher than min_size, so that those without area go; < 0: of any size  */
} DenseDecoder;

typedef struct {
    size_t n, capacity;
    float *boxes;  /* [n][4], x1 y1 x2 y2 in network pixels */
    float *scores; /* [n][classes], probabilities           */
    int *levels;   /* [n]                                   */
} Candidates;

/* Adds those of image `image` of a batch, level by level; of a level all in the order of its anchors or, if there are
 * more than nms_pre, the best first. DF_ENOMEM. */
int df_candidates_add(Candidates *, const DenseDecoder *, const DfDense *, int image, const DfImageMeta *);
int df_candidates_room(Candidates *, size_t more, int classes); /* for `more` of them behind the n; DF_ENOMEM */
/* Leaves those that are wider and higher than `size`, in whatever pixels the boxes are. */
void df_candidates_drop_small(Candidates *, int classes, double size);
void df_candidates_done(Candidates *);

#endif
