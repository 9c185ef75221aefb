/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/parts.h -- private: the parts of a detector.
 */
#ifndef DF_INFERENCE_PARTS_H
#define DF_INFERENCE_PARTS_H

#include "inference/sequence.h"

struct DfDetector {
    bool is_twin;            /* all but pool and context is another one's */
    DfArena *arena;          /* texts and class names */
    const char *config_path, *checkpoint_path;
    DfPool *pool;
    DfConfig *config;
    const DfNode *root;
    DfModel *model;
    DfCtx *c;
    int n_classes;           /* 0: a bare backbone    */
    DfPipeline *pipeline;
    DfClasses classes;       /* n = 0: numbers        */
    const char **numbers;    /* a text for each class */
    bool names_given;        /* by df_detector_take_names() */
    bool of_coco;            /* the classes are COCO's 80, whose ids have gaps */
    const int64_t *category_ids; /* of each label, by the categories of an annotation file; or NULL */
    bool labels_are_ids;     /* labels are COCO's category ids, as in DETR */
};

/* Names of the classes, from the config or from what the number of classes says. */
int df_detector_name_classes(DfDetector *);
/* What the checkpoint says of the classes it was trained for goes before that. */
void df_detector_take_learnt_names(DfDetector *);

/* Views of a picture as tensors of a fresh step. */
enum { DF_MOST_VIEWS = 64 };
typedef struct {
    int n;
    DfTensor *image[DF_MOST_VIEWS];
    DfImageMeta meta[DF_MOST_VIEWS];
} DetectorInput;

/* Too large an input is refused; with `whole`, for networks that see it at once, a large one for which memory is
 * short as well. */
int df_detector_input(DetectorInput *out, DfDetector *, const DfViews *, bool whole);

/* What a pass takes, by a dry one. */
typedef struct {
    double multiply_adds, bytes; /* bytes of activations, at most */
} DetectorCost;
int df_detector_cost(const DfDetector *, int n, int H, int W, DetectorCost *out);

/* Pictures of one view each, all of one size, side by side in a tensor of a fresh step. */
typedef struct {
    int n;
    DfTensor *image; /* n H W 3 */
    DfImageMeta meta[DF_MOST_BATCH];
} DetectorBatch;
int df_detector_batch(DetectorBatch *out, DfDetector *, DfPicture *const *, int n);

#endif
