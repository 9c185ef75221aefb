/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/compare/image_scores_data.h -- private to eval/: scores of single images in memory.
 */
#ifndef DF_EVAL_COMPARE_IMAGE_SCORES_DATA_H
#define DF_EVAL_COMPARE_IMAGE_SCORES_DATA_H

#include "eval/compare/image_scores.h"

/* What an image adds to a class. */
enum {
    SCORE_HIT,   /* mIoU: pixels of the intersection.  top-k: 1 if right at once     */
    SCORE_OTHER, /* mIoU: pixels of the prediction.    top-k: 1 if right within five */
    SCORE_ALL,   /* mIoU: pixels of the label.         top-k: 1                      */
    SCORE_PARTS
};
typedef struct {
    uint32_t class;
    uint64_t part[SCORE_PARTS];
} ImageScore;

typedef struct {
    const char *name;
    size_t start, n; /* of its scores */
} ScoredImage;

struct DfImageScores {
    DfArena *arena;           /* holds the names */
    DfImagesKind kind;
    int classes;
    const char **class_names; /* or NULL         */
    ScoredImage *images;
    size_t n_images, images_capacity;
    ImageScore *scores;
    size_t n_scores, scores_capacity;
};

#endif
