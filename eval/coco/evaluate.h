/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/evaluate.h -- private to eval/: the stages of an evaluation.
 *
 * Work is divided by classes. The detections of a class are sorted by score. Those of each image are matched with the
 * image's ground truth (match.c), which leaves one byte for each detection, area range and IoU threshold. These bytes
 * are then counted in the order of scores (accumulate.c).
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
    const struct CocoSimilarity *similarity;
    bool compare_masks;
    bool areas_of_masks;          /* else areas of detections are those of their boxes     */
    const double *vars;           /* of keypoints: (2 sigma)^2 of each                     */
    double least;                 /* the least IoU threshold: what is less alike may be called 0 */
    size_t n_keypoints;
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
    const bool *only;             /* of each image: no others are evaluated; or NULL         */
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

/* ---- how alike ------------------------------------------------------------------------------------------------- */

enum { MOST_KEYPOINTS = 1024 };

/* The objects of an image and class, side by side. */
typedef struct {
    const void *at;        /* [n] of the similarity's size */
    const uint8_t *crowd;  /* [n]                          */
    size_t n;
} CocoObjects;

/* similarity.c: what there is one of for each DfCocoType. */
typedef struct CocoSimilarity {
    size_t size;           /* bytes of an object as row() wants it                        */
    void (*object)(const CocoRun *, uint32_t annotation, void *to);
    /* row[n]: a detection with all of them */
    void (*row)(const CocoRun *, const CocoObjects *, uint32_t detection, double *row);
} CocoSimilarity;
const CocoSimilarity *df_coco_similarity(DfCocoType);
int df_coco_take_sigmas(CocoRun *); /* of the parameters, or those of the protocol */

/* The area of an object that counts: the annotation's own; of CrowdPose, which
 * gives none, about that of a person in its box. */
static inline double df_coco_truth_area(const CocoRun *run, const CocoAnnotation *a)
{
    return run->params.crowdpose ? a->box[3] * a->box[2] * 0.53 : a->area;
}

/* Neither found nor missed: crowds, people without keypoints; of LVIS and of boundaries, what says "ignore". */
static inline bool df_coco_is_ignored(const CocoRun *run, const CocoAnnotation *a)
{
    if (run->results->gt->federated)
        return a->ignore;
    if (a->crowd)
        return true;
    return run->params.type == DF_COCO_BOUNDARIES ? a->ignore
                                                  : run->params.type == DF_COCO_KEYPOINTS && a->no_keypoints;
}

/* ---- stages ---------------------------------------------------------------------------------------------------- */

/* Fills outcome. Images are matched in parallel where the class is not already inside a task. */
int df_coco_match(const CocoRun *, size_t class_place, CocoRanking *, DfPool *);

/* Fills what is kept of precision, recall and scores of the class. */
int df_coco_accumulate(const CocoRun *, size_t class_place, const CocoRanking *);

int df_coco_summarize(DfCocoEval *, DfPool *);

/* f1.c: memory of counts; those of a class with so many objects to find; "f1" of the JSON. */
int df_coco_make_counts(DfCocoEval *, const DfCocoParams *);
void df_coco_count(const CocoRun *, size_t class_place, const CocoRanking *, size_t positives);
void df_coco_append_f1(DfTextbuf *, const DfCocoEval *);

/* One of the numbers of a summary. */
typedef struct {
    bool precision;
    double iou;        /* -1: all                                                   */
    const char *area;  /* NULL: the number is not used                              */
    int max_det;       /* place in max_dets; or minus the number that it must hold  */
    double near;       /* IoU thresholds that are so close to `iou` count as well   */
    const char *part;  /* of the images, by how crowded they are; NULL: all         */
} CocoLine;
static inline bool df_coco_compares_masks(DfCocoType type)
{
    return type == DF_COCO_MASKS || type == DF_COCO_BOUNDARIES;
}

/* The twelve of boxes and masks, the ten of keypoints or the eleven of CrowdPose. */
const CocoLine *df_coco_lines(const DfCocoEval *, size_t *n);
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

/* A row of the table: one of the lines, or what else the parameters ask for. */
typedef struct {
    bool precision;
    double iou;        /* -1: all                                             */
    const char *area;
    int max_det;       /* the number itself                                   */
    double value;
    const char *part;
} CocoRow;
int df_coco_rows(const DfCocoEval *, CocoRow **rows, size_t *n); /* df_free it */

/* Precision (and scores) and recall: allocated, not filled; and where in them numbers begin. */
int df_coco_make_arrays(DfCocoEval *, bool scores);
size_t df_coco_curve_place(const DfCocoEval *, size_t class_place, size_t area, size_t max_det, size_t iou);
size_t df_coco_recall_place(const DfCocoEval *, size_t class_place, size_t area, size_t max_det);

/* The evaluation of some images: those with `only`, or all if it is NULL. And
 * CrowdPose's AP of easy, medium and hard ones. */
int df_coco_evaluate_images(DfCocoEval **out, const DfCocoResults *, const DfCocoParams *, const bool *only, DfPool *);
int df_coco_by_crowding(double out[3], const DfCocoResults *, const DfCocoParams *, DfPool *);

/* Truth and results of a scoring, read; after a failure both are NULL. */
int df_coco_read_scored(DfCoco **truth, DfCocoResults **results, const DfCocoScoring *, DfPool *);

/* Does the annotation have what an evaluation of this type needs? */
typedef struct {
    DfCocoType type;
    bool crowdpose;
    size_t n_keypoints; /* 0: any */
} CocoNeeds;
int df_coco_check_truth(const DfCoco *, uint32_t annotation, const CocoNeeds *);
/* Can the masks of the results be compared with those of the ground truth, in all listed images? */
int df_coco_check_masks(const DfCocoResults *);

#endif
