/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/explain/explain.h -- why a COCO score of boxes or masks is what it is: kinds of errors, confusion,
 * calibration, thresholds, images; as JSON and as one HTML page that needs nothing else.
 *
 *     DfExplain *why; char *html;
 *     df_explain_new(&why, dt, eval, 0.3);        eval: of df_coco_evaluate() over the same results
 *     df_explain_pictures(why, json);             optional: the annotation file once more, for file names and sizes
 *     df_explain_masks(why, results_json);        optional: the results once more, for masks in the pictures
 *     df_report_explain(why, "results.json", &html);     report/report.h
 *
 * All is matched at IoU 0.5 with at most 100 detections of an image (eval/explain/tide.h). Detections inside of a
 * crowd count nowhere.
 */
#ifndef DF_EVAL_EXPLAIN_EXPLAIN_H
#define DF_EVAL_EXPLAIN_EXPLAIN_H

#include <stddef.h>
#include <stdint.h>

#include "boxes/boxes.h"
#include "core/core.h"
#include "eval/explain/slices.h"
#include "eval/explain/suspects.h"
#include "eval/explain/tide.h"

DF_BEGIN_DECLS

enum { DF_CALIBRATION_BINS = 10, DF_SCORE_BINS = 20 };

/* Detections of scores in [i / bins, (i + 1) / bins); scores outside of 0..1 are in the first and the last bin. */
typedef struct {
    size_t n, right;
    double score; /* sum */
} DfScoreBin;

typedef struct {
    size_t truths, detections;              /* without crowds, and what lies in them                          */
    size_t true_positives, false_positives, false_negatives; /* at the score threshold                       */
    double best_f1, best_f1_score;          /* the score threshold with the best F1; 0 and 1 if there is none */
    double ece;                             /* expected calibration error; NAN without detections             */
    double ap, ap50, ap75, ap_small, ap_medium, ap_large; /* -1: no ground truth                              */
} DfExplainClass;

typedef struct {
    size_t n_classes, n_images;
    double score_threshold;                 /* of confusion, counts and images                                */
    DfTide tide;
    uint64_t *confusion; /* [n_classes + 1][n_classes + 1]: row is the ground truth, column the detection; the
                            last row: detections of nothing, the last column: not found   */
    DfScoreBin bins[DF_CALIBRATION_BINS], histogram[DF_SCORE_BINS];
    double ece;
    DfExplainClass *classes;
} DfExplainNumbers;

typedef struct DfExplain DfExplain;
struct DfCocoEval;
struct DfCocoResults;

/* Borrows both; boxes or masks as the evaluation was of. `score_threshold` in 0..1. */
DF_API int df_explain_new(DfExplain **out, const struct DfCocoResults *, const struct DfCocoEval *,
                          double score_threshold);
/* Of n listed images alone, as the evaluation was; NULL: all. */
DF_API int df_explain_new_of(DfExplain **out, const struct DfCocoResults *, const struct DfCocoEval *,
                             double score_threshold, const int64_t *image_ids, size_t n);
DF_API void df_explain_free(DfExplain *); /* NULL is fine */
DF_API const DfExplainNumbers *df_explain_numbers(const DfExplain *);
DF_API int df_explain_pictures(DfExplain *, DfJson *json);
/* Of masks: the results once more, file by file in the order in which they were added; else they are drawn as boxes. */
DF_API int df_explain_masks(DfExplain *, DfJson *json);
DF_API void df_explain_draw_all(DfExplain *); /* before df_explain_masks(): read those of all images */

/* ---- cases: images, objects and detections, and what became of each ---------------------------------------------- */

DF_API const struct DfCocoEval *df_explain_eval(const DfExplain *);  /* the evaluation that is explained */
DF_API bool df_explain_of_masks(const DfExplain *);                  /* else of boxes                    */
DF_API const char *const *df_explain_class_names(const DfExplain *); /* [n_classes], by category id      */

#define DF_NO_CASE UINT32_MAX

typedef struct {
    const char *name;                   /* file_name, or the id                          */
    double width, height;               /* pixels; 0 if not known                        */
    size_t first_object, end_object;    /* its objects, in the order of the file         */
    size_t first_detection, end_detection; /* its detections, best first                 */
    uint32_t right, wrong, missed;      /* at the score threshold                        */
} DfExplainImage;
DF_API DfExplainImage df_explain_image(const DfExplain *, size_t image);
DF_API size_t df_explain_worst_image(const DfExplain *, size_t rank); /* by errors, most first; rank below n_images */

typedef struct {
    double box[4];                      /* x y w h                                       */
    uint32_t class_place, image, line;  /* line: of the annotation file                  */
    bool crowd, missed;                 /* missed: at every score                        */
    uint32_t found_by;                  /* a detection, or DF_NO_CASE                    */
    uint32_t nearly_found_by;           /* the best Cls or Loc error, or DF_NO_CASE      */
} DfExplainObject;
DF_API size_t df_explain_objects(const DfExplain *);
DF_API DfExplainObject df_explain_object(const DfExplain *, size_t object);

typedef struct {
    double box[4], score;
    uint32_t class_place, image, number;/* number: of the record in the results, from 1  */
    bool wrong;                         /* then `kind` says how                          */
    DfTideKind kind;
    uint32_t object;                    /* the one found, mistaken or badly found, or DF_NO_CASE */
    double iou;                         /* with it                                       */
} DfExplainDetection;
DF_API size_t df_explain_detections(const DfExplain *);
DF_API DfExplainDetection df_explain_detection(const DfExplain *, size_t detection);

/* Masks for drawings. Without runs: there is none, or it was not read. df_mask_done() *out. */
enum { DF_EXPLAIN_DRAWN = 24 };         /* df_explain_masks() reads those of so many worst images */
DF_API int df_explain_object_mask(const DfExplain *, size_t object, DfMask *out);
DF_API int df_explain_detection_mask(const DfExplain *, size_t detection, DfMask *out);

/* A thumbnail of an image, or of a part of it (x y width height in pixels, inside of the image; NULL: the whole): a
 * data: URI ("data:image/jpeg;base64,..") in *uri, which is df_free'd, or NULL for none. */
typedef int DfExplainThumbnail(void *user, const char *file_name, const double part[4], char **uri);
DF_API void df_explain_thumbnails(DfExplain *, DfExplainThumbnail *, void *user);
DF_API int df_explain_thumbnail(const DfExplain *, size_t image, const double part[4], char **uri); /* NULL: none */

DF_API int df_explain_json(const DfExplain *, char **out);             /* keys: docs/metrics.md; df_free it */

DF_END_DECLS

#endif
