/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/evaluate.h -- private to eval/: the stages of an evaluation.
 *
 * A class is the unit of work. Its detections are put in order of score; each image's share is matched with the
 * ground truth of that image (match), which leaves one byte per detection, area range and IoU threshold; these bytes
 * are then counted in order of score (accumulate).
 */
#ifndef DF_EVAL_COCO_EVALUATE_H
#define DF_EVAL_COCO_EVALUATE_H

#include "eval/coco/data.h"
#include "eval/matcher.h"

/* A ground truth at its place: `place` counts the evaluated images in order of their ids. */
typedef struct {
    uint32_t annotation, place;
} CocoTruth;

typedef struct {
    const DfCocoResults *results;
    const CocoAnnotation *annotations;
    bool compare_masks;
    bool areas_of_masks;          /* else areas of detections are those of their boxes     */
    DfCocoParams params;          /* checked, sorted as pycocotools sorts them             */
    size_t n_classes, n_places, n_ranks;
    uint32_t *place_of_image;     /* DF_NO_ID: not evaluated                                  */
    uint32_t *class_of_category;  /* likewise                                              */
    uint32_t *rank_of_category;   /* order of the classes, also when all count as one      */
    CocoTruth *truths;            /* by class, then place                                  */
    size_t n_truths;
    size_t *truths_start;         /* of each class; n_classes + 1                          */
    uint32_t *order;              /* detections by class; then rank, if all count as one; then as given */
    size_t *order_start;
    bool *dropped;                /* of each detection: LVIS leaves it out; or NULL         */
    DfCocoEval *eval;
} CocoRun;

/* The detections of one class, best first, as the stages see them. */
typedef struct {
    size_t n;
    uint32_t *detection; /* index                                                          */
    uint32_t *place;     /* of its image                                                   */
    uint32_t *rank;      /* within its image, from 0                                       */
    uint8_t *outcome;    /* [n][areas][ious], as of eval/matcher.h; undefined where rank >= the largest max_dets */
    uint32_t *by_place;  /* 0..n-1 by place, best first within                             */
} CocoRanking;

/* The images and classes that the parameters choose; and truths and detections by class, those of the truths by image
 * too. */
int df_coco_number_images(CocoRun *, const DfCoco *);
int df_coco_number_classes(CocoRun *, const DfCocoResults *);
int df_coco_file(CocoRun *, const DfCocoResults *, DfPool *);

/* federation.c: which detections LVIS leaves out; and is the class of one not annotated completely in its image? */
int df_coco_drop(CocoRun *);
bool df_coco_is_incomplete(const DfCocoResults *, uint32_t detection);
double df_coco_area_of(const CocoRun *, uint32_t detection);

/* Fills outcome. Images are matched in parallel where the class is not already inside a task. */
int df_coco_match(const CocoRun *, size_t class_place, CocoRanking *, DfPool *);

/* Fills what is kept of precision, recall and scores of the class. */
int df_coco_accumulate(const CocoRun *, size_t class_place, const CocoRanking *);

int df_coco_summarize(DfCocoEval *, DfPool *);

/* One of the twelve numbers. */
typedef struct {
    bool precision;
    double iou;        /* -1: all                              */
    const char *area;
    int max_det;       /* place in max_dets; -1: the value 100 */
} CocoLine;
extern const CocoLine df_coco_lines[DF_COCO_STATS];
/* One of LVIS's thirteen. */
typedef struct {
    const char *name;
    bool precision;
    double iou;        /* -1: all */
    const char *area;
    char frequency;    /* 0: all  */
} LvisLine;
extern const LvisLine df_lvis_lines[DF_LVIS_STATS];
/* Places of its area and of its number of detections; false if the parameters have no such. */
bool df_coco_place(const DfCocoEval *, const CocoLine *, size_t *area, size_t *max_det);
size_t df_coco_least_curve(const DfCocoEval *); /* the least place in max_dets of which a table shows precision */

/* Precision (and scores) and recall: allocated, not filled; and where in them numbers begin. */
int df_coco_make_arrays(DfCocoEval *, bool scores);
size_t df_coco_curve_place(const DfCocoEval *, size_t class_place, size_t area, size_t max_det, size_t iou);
size_t df_coco_recall_place(const DfCocoEval *, size_t class_place, size_t area, size_t max_det);

/* Truth and results of a scoring, read; after a failure both are NULL. */
int df_coco_read_scored(DfCoco **truth, DfCocoResults **results, const DfCocoScoring *, DfPool *);

/* Does the annotation have what an evaluation needs? */
int df_coco_check_truth(const DfCoco *, uint32_t annotation, bool masks);
/* Can the masks of the results be compared with those of the ground truth, in all listed images? */
int df_coco_check_masks(const DfCocoResults *);

#endif
