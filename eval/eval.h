/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/eval.h -- the public header of eval/: metrics, from plain arrays and files to numbers; independent of
 * tensors.
 *
 * COCO detection metrics follow pycocotools to the last bit:
 *
 *     DfCoco *gt; DfCocoResults *dt; DfCocoEval *eval; char *table;
 *     df_coco_open(&gt, "instances_val2017.json");
 *     df_coco_results_new(&dt, gt);
 *     df_coco_results_read(dt, "results.json");      or df_coco_results_add(dt, image_id, n, boxes, scores, categories)
 *     DfCocoParams params = df_coco_params();
 *     df_coco_evaluate(&eval, dt, &params, pool);
 *     df_coco_eval_table(eval, &table);                 eval->stats[0] is the AP
 *
 * and free in reverse order, because each object borrows the ones it was made from.
 */
#ifndef DF_EVAL_EVAL_H
#define DF_EVAL_EVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "annotations/annotations.h"
#include "core/core.h"
#include "eval/check/check.h"
#include "eval/check/maps.h"
#include "eval/cityscapes/instances.h"
#include "eval/coco/score.h"
#include "eval/compare/compare.h"
#include "eval/compare/image_scores.h"
#include "eval/explain/explain.h"
#include "eval/explain/tide.h"
#include "eval/imagenet.h"
#include "eval/map/devkit.h"
#include "eval/map/map.h"
#include "eval/openimages/openimages.h"
#include "boxes/boxes.h"
#include "eval/panoptic/panoptic.h"
#include "eval/semantic/miou.h"

DF_BEGIN_DECLS

/* ---- ground truth ------------------------------------------------------------------------------------------------ */

/* The images, annotations and categories of an annotation file. Ids are 64-bit integers or texts. */
typedef struct DfCoco DfCoco;
DF_API int df_coco_open(DfCoco **out, const char *path);
DF_API int df_coco_read(DfCoco **out, DfJson *json); /* from a reader at the start of its text; borrowed */
/* The same with several threads and, with `masks`, for comparing masks. Masks are compared while detections are read,
 * within each class; set across_classes if all classes count as one (use_categories = false) or errors are to be
 * explained. The pool also reads the results and must outlive `*out`. */
typedef struct {
    DfPool *pool;
    bool masks, across_classes;
    bool federated; /* the annotations are those of LVIS: neg_category_ids, not_exhaustive_category_ids, frequency */
    bool keypoints, oriented; /* these too: "keypoints", "obb" */
    double boundary_ratio;  /* masks and their boundaries, of this fraction of the image's diagonal (0.02); 0: none */
} DfCocoReading;
DF_API int df_coco_open_with(DfCoco **out, const char *path, const DfCocoReading *);
DF_API int df_coco_read_with(DfCoco **out, DfJson *json, const DfCocoReading *);
/* The same from memory, record by record. tell() fills the next record of a list: its fields and `has`, in memory that
 * the record owns (texts are not read); after the last record it returns DF_COCO_ENOUGH. Images are asked for first,
 * then categories and annotations. */
typedef struct {
    const char *name; /* for messages */
    void *arg;
    int (*tell)(void *arg, DfCocoList list, DfCocoRecord *);
} DfCocoTeller;
DF_API int df_coco_tell(DfCoco **out, const DfCocoTeller *, const DfCocoReading *);
DF_API void df_coco_free(DfCoco *);
DF_API size_t df_coco_images(const DfCoco *);
DF_API size_t df_coco_categories(const DfCoco *);
DF_API size_t df_coco_annotations(const DfCoco *);
/* Of the i-th listed image or category, in the order of the file, each once; a text is borrowed. */
DF_API DfId df_coco_listed_image(const DfCoco *, size_t i);
DF_API DfId df_coco_listed_category(const DfCoco *, size_t i);

/* ---- detections -------------------------------------------------------------------------------------------------- */

typedef struct DfCocoResults DfCocoResults;
DF_API int df_coco_results_new(DfCocoResults **out, const DfCoco *gt);
DF_API void df_coco_results_free(DfCocoResults *);
DF_API size_t df_coco_results_count(const DfCocoResults *);

/* Adds a results file: an array of {image_id, category_id, score} and bbox, segmentation, keypoints, obb or several.
 * As in pycocotools the first detection decides for all: if it has a box, a missing segmentation is the box, and areas
 * are those of boxes; else if it has a segmentation, all are compressed RLE, a missing box is the box of the mask, and
 * areas are those of masks; else if it has keypoints, the box is that of the keypoints. Areas of oriented boxes are
 * always their own. An image that is not in the ground truth is an error; a category that is not there is ignored.
 * After an error the results hold a part of the earlier records. */
DF_API int df_coco_results_read(DfCocoResults *, const char *path);
DF_API int df_coco_results_read_json(DfCocoResults *, DfJson *json);
/* the same from memory: the list DF_COCO_RESULTS */
DF_API int df_coco_results_tell(DfCocoResults *, const DfCocoTeller *);

/* Several files that are read one after the other are shards of one run. Distributed samplers repeat images to make
 * all shards equally large, so an image counts once: only the first file with detections for it is used. This counts
 * what is left out from later files. */
typedef struct {
    size_t images, detections;
} DfCocoRepeats;
DF_API DfCocoRepeats df_coco_results_repeats(const DfCocoResults *);

/* Adds the n detections of one image: boxes x y w h in pixels of the original image. The order of adding breaks ties.
 */
DF_API int df_coco_results_add(DfCocoResults *, int64_t image_id, size_t n, const double (*boxes)[4],
                               const double *scores, const int64_t *category_ids);
/* The same with masks. With boxes NULL they are the boxes of the masks, and areas those of the masks. */
DF_API int df_coco_results_add_masks(DfCocoResults *, int64_t image_id, size_t n, const DfMask *masks,
                                     const double (*boxes)[4], const double *scores, const int64_t *category_ids);

/* ---- evaluation -------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    double low, high; /* square pixels, both included */
} DfAreaRange;

/* What is compared: the IoU of boxes (bbox) and masks (segm), object keypoint similarity (keypoints), IoU of oriented
 * boxes (obb), the smaller of the IoUs of masks and of their boundaries (boundary; Cheng et al., CVPR 2021). */
typedef enum { DF_COCO_BOXES, DF_COCO_MASKS, DF_COCO_KEYPOINTS, DF_COCO_ORIENTED, DF_COCO_BOUNDARIES } DfCocoType;

/* pycocotools' Params. Arrays are borrowed during df_coco_evaluate(); those that pycocotools sorts may be in any
 * order. */
typedef struct DfCocoParams {
    DfCocoType type;
    size_t n_ious, n_recalls, n_max_dets, n_areas;
    const double *ious;             /* IoU thresholds            */
    const double *recalls;          /* recall thresholds         */
    const int *max_dets;            /* per image and class. LVIS: per image, the last; -1: all */
    const DfAreaRange *areas;
    bool use_categories;            /* false: all classes are one */
    const int64_t *image_ids;       /* NULL: all                  */
    size_t n_image_ids;
    const int64_t *category_ids;    /* NULL: all                  */
    size_t n_category_ids;
    size_t best_of_class; /* LVIS's fixed AP (Dave et al., 2021): the best so many detections of a class in all
                                     * images, areas of masks those of their pixels; 0: all, areas as pycocotools */
    const double *sigmas;           /* of the keypoints; NULL: the 17 of COCO, or the 14 of CrowdPose */
    size_t n_sigmas;
    bool crowdpose;                 /* keypoints by CrowdPose's rules (df_crowdpose_params())         */
    bool f1;                        /* count TP, FP, FN of the detections with at least the score f1_score      */
    double f1_score;
    bool all_curves;                /* precision for all max_dets, not only for those of the tables           */
    bool arrays;                    /* keep everything for df_coco_eval_array(), not only for the tables        */
} DfCocoParams;
DF_API DfCocoParams df_coco_params(void); /* the COCO challenge's        */
/* LVIS's (Gupta, Dollar and Girshick, CVPR 2019), for a ground truth that was read as federated: the best 300
 * detections of an image, without those of classes that are not annotated in the image. */
DF_API DfCocoParams df_lvis_params(void);
DF_API DfCocoParams df_coco_keypoint_params(void); /* of people's keypoints: the best 20, no small areas */
/* CrowdPose's (Li et al., CVPR 2019): 14 keypoints, areas from boxes, and images by how crowded they are. */
DF_API DfCocoParams df_crowdpose_params(void);
/* After reading with keypoints: true if every image has a crowdIndex and no annotation has an area. */
DF_API bool df_coco_is_crowdpose(const DfCoco *);
DF_API DfCocoParams df_coco_proposal_params(void); /* of boxes without classes, with max_dets 1, 10, 100 and 1000 */

enum { DF_COCO_STATS = 12, DF_LVIS_STATS = 13, DF_LVIS_MOST = 300, DF_LVIS_BEST_OF_CLASS = 10000 };

/* For detections with at least a certain score: true and false positives, and missed objects. */
typedef struct {
    uint64_t tp, fp, fn;
} DfCocoCounts;

/* -1 means that there is no ground truth. A curve is precision over the recall thresholds. */
typedef struct DfCocoEval {
    DfCocoType type;                /* what was compared                                      */
    size_t n_ious, n_recalls, n_classes, n_areas, n_max_dets;
    double *ious;
    double *recalls;
    DfCocoCounts *counts; /* [classes][ious], with params.f1: over the first area and with the largest of max_dets */
    double f1_score;                /* of their detections                                    */
    double *recall;                 /* [classes][areas][max_dets][ious]                       */
    double *precision;              /* [classes][areas][max_dets from first_curve on][ious][recalls] */
    double *scores;                 /* likewise: of the detection that reaches the recall; NULL without params.arrays */
    size_t first_curve;             /* index in max_dets: smaller ones have no curves; 0 with params.arrays        */
    int *max_dets;                  /* ascending                                              */
    DfAreaRange *areas;
    int64_t *class_ids;             /* in the order of the arrays; -1 without use_categories  */
    const char **class_names;       /* "" if the file gives none                              */
    bool federated;                 /* by LVIS's rules                                        */
    char *frequency;                /* of each class: r, c or f                               */
    double lvis[DF_LVIS_STATS];     /* AP AP50 AP75 APs APm APl APr APc APf AR ARs ARm ARl            */
    size_t n_stats;
    double
        stats[DF_COCO_STATS]; /* AP AP50 AP75 APs APm APl AR1 AR10 AR100 ARs ARm ARl; of keypoints AP AP50 AP75 APm APl
                                       AR AR50 AR75 ARm ARl; of CrowdPose AP AP50 AP75 0 0 AR AR50 AR75 APeasy APmedium
                                       APhard                                                  */
    bool crowdpose;                 /* by its rules                                           */
    bool other_ious;                /* the thresholds are not the challenge's                 */
    DfArena *arena;                 /* holds all but the large arrays                           */
} DfCocoEval;

/* The result has the same bits for any number of threads. Memory does not grow with images x classes. */
DF_API int df_coco_evaluate(DfCocoEval **out, const DfCocoResults *, const DfCocoParams *, DfPool *);
DF_API void df_coco_eval_free(DfCocoEval *);

/* The curve at one class, area, max_det (from first_curve on) and IoU threshold, all by index: n_recalls numbers. */
DF_API const double *df_coco_curve(const DfCocoEval *, size_t class_place, size_t area, size_t max_det, size_t iou);

/* An array as in pycocotools, [ious][recalls][classes][areas][max_dets]; that of recall has no axis of recalls. Needs
 * params.arrays; df_free it. */
typedef enum { DF_COCO_PRECISION, DF_COCO_RECALL, DF_COCO_SCORES } DfCocoArray;
DF_API int df_coco_eval_array(const DfCocoEval *, DfCocoArray, double **out);

/* Mean over precision at one class, area and max_det (as above) and at one IoU threshold, or all if `iou` < 0; -1 if
 * none. */
DF_API int df_coco_ap(const DfCocoEval *, size_t class_place, double iou, size_t area, size_t max_det, double *ap);
/* likewise over recall */
DF_API int df_coco_ar(const DfCocoEval *, size_t class_place, double iou, size_t area, size_t max_det, double *ar);
/* Means over all classes, and thresholds as above. */
DF_API int df_coco_recall(const DfCocoEval *, size_t area, size_t max_det, double *ar); /* of all thresholds */
DF_API int df_coco_recall_at(const DfCocoEval *, double iou, size_t area, size_t max_det, double *ar);
DF_API int df_coco_precision(const DfCocoEval *, double iou, size_t area, size_t max_det, double *ap);

/* The matching of one image and class from given overlaps: the object that each detection matches at each threshold.
 * Detections are sorted, best first. */
#define DF_NO_OBJECT UINT32_MAX
typedef struct {
    size_t n_ious, n_detections, n_objects;
    const double *ious;
    const double *overlaps;         /* [n_detections][n_objects]                              */
    const uint8_t *ignored, *crowd; /* [n_objects]; a crowd can be matched many times         */
} DfCocoCell;
/* [n_ious][n_detections]: an index, or DF_NO_OBJECT */
DF_API int df_coco_match_cell(const DfCocoCell *, uint32_t *found);

/* The largest F1 = 2 p r / (p + r) along a curve, for the first area and the largest of max_dets: of one class, or the
 * mean over the classes with objects (class_place SIZE_MAX), at one IoU threshold or the mean over all (iou < 0). */
DF_API double df_coco_f1(const DfCocoEval *, size_t class_place, double iou);
/* Of one class, or of all together; needs params.f1. */
DF_API DfCocoCounts df_coco_counts(const DfCocoEval *, size_t class_place, size_t iou);
DF_API int df_coco_f1_table(const DfCocoEval *, bool per_class, char **out); /* both, of every threshold; df_free it */

/* The lines of pycocotools, and in the same form AP and AR for other areas, numbers of detections and IoU thresholds
 * of the parameters; df_free it. */
DF_API int df_coco_eval_table(const DfCocoEval *, char **out);
/* of proposals: recall alone, at every number of detections */
DF_API int df_coco_eval_recall_table(const DfCocoEval *, char **out);
DF_API int df_coco_eval_class_table(const DfCocoEval *, char **out);  /* AP and AR of each class               */
/* why numbers are -1, one line for each; "" if none is -1 */
DF_API int df_coco_eval_notes(const DfCocoEval *, bool of_classes, char **out);
/* Everything as JSON, for the key "bbox"; df_free it. docs/metrics.md has the keys. */
DF_API int df_coco_eval_json(const DfCocoEval *, char **out);

DF_END_DECLS

#endif
