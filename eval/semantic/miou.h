/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/semantic/miou.h -- semantic segmentation: aAcc, mIoU, mAcc, mDice, mFscore as mmseg computes them, and
 * Boundary IoU beside them.
 *
 *     DfMiou *acc; DfMiouResult result;
 *     df_miou_new(&acc, 0);
 *     df_miou_add(acc, pred, label, width * height);           for every image, as it comes
 *     const DfMiouParams params = df_miou_params();             ADE20K's
 *     df_miou_result(&result, acc, &params);                    result.mean_iou
 *
 * The accumulator counts how often each pair of stored values (label, prediction) occurs: 256 x 256 counters,
 * whatever the number of images. What a value means (reduce_zero_label, ignore_index, the number of classes) is
 * decided at the end. Counts are integers, so accumulators can be merged in any order with the same bits.
 */
#ifndef DF_EVAL_SEMANTIC_MIOU_H
#define DF_EVAL_SEMANTIC_MIOU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/core.h"

DF_BEGIN_DECLS

enum { DF_MIOU_CLASSES = 256 }; /* at most */

typedef struct {
    int classes;            /* 1..256; the classes are 0..classes-1                                                */
    int ignore_index;       /* pixels with this label, after reduce_zero_label, are not counted; -1: all are       */
    bool reduce_zero_label; /* label 0 becomes 255, every other n becomes n - 1, then 254 becomes 255. Predictions
                               are not changed                                                                     */
    bool open_last_bin;     /* false: as numpy.histogram, the value `classes` counts as the last class (mmseg up
                               to 0.13); true: as torch.histc, it does not (mmseg from 0.14 on)                    */
    bool nan_to_num;        /* a class of 0 / 0 is `nan_value` instead of NAN, and counts in the means             */
    double nan_value;
    double beta;            /* of the F-score                                                                      */
} DfMiouParams;
DF_API DfMiouParams df_miou_params(void); /* 150 classes, 255, true, false, false, 0, 1 */

typedef struct DfMiou DfMiou;

/* `boundary_ratio` > 0 also counts for Boundary IoU: the width of the boundary as a part of the diagonal, 0.02 in
 * the paper. */
DF_API int df_miou_new(DfMiou **out, double boundary_ratio);
DF_API void df_miou_free(DfMiou *); /* NULL is fine */

/* n pixels, one byte each, as stored in the files. Without the geometry there is no boundary: use the other with
 * one. */
DF_API void df_miou_add(DfMiou *, const uint8_t *pred, const uint8_t *label, size_t n);
DF_API int df_miou_add_image(DfMiou *, const uint8_t *pred, const uint8_t *label, size_t height, size_t width);
DF_API void df_miou_clear(DfMiou *);                         /* as new                                 */
DF_API void df_miou_merge(DfMiou *into, const DfMiou *from); /* both made with the same boundary_ratio */
DF_API int df_miou_gather(DfMiou *, DfRanks *); /* every process has the counts of all. DF_EIO, DF_ENOMEM */

/* Of each class, and the means over the classes that are not NAN. All are fractions of 1. */
typedef struct {
    int classes;
    double all_acc;
    double mean_iou, mean_acc, mean_dice, mean_fscore, mean_precision, mean_recall;
    double mean_boundary_iou;             /* NAN without boundary                      */
    double iou[DF_MIOU_CLASSES];
    double acc[DF_MIOU_CLASSES];
    double dice[DF_MIOU_CLASSES];
    double fscore[DF_MIOU_CLASSES];
    double precision[DF_MIOU_CLASSES];
    double recall[DF_MIOU_CLASSES];
    double boundary_iou[DF_MIOU_CLASSES];
    uint64_t intersect[DF_MIOU_CLASSES];  /* pixels                                    */
    uint64_t pred_area[DF_MIOU_CLASSES];
    uint64_t label_area[DF_MIOU_CLASSES];
    uint64_t pixels, ignored;             /* that were added; of these not counted     */
    uint64_t label_outside, pred_outside; /* counted pixels whose value is no class    */
    bool has_boundary;
} DfMiouResult;
DF_API int df_miou_result(DfMiouResult *out, const DfMiou *, const DfMiouParams *);

/* Pixels of label class r predicted as class c, [r * classes + c]; values outside of the classes are left out.
 * df_free it. */
DF_API int df_miou_confusion(uint64_t **out, const DfMiou *, const DfMiouParams *);

/* Does this image hold, at a pixel that counts, a value that is no class? For a message about the file. */
DF_API bool df_miou_outside(const DfMiouParams *, const uint8_t *label, size_t n);

/* The table of classes and means as mmseg prints it, in percent; `names` NULL or one of each class. df_free it. */
DF_API int df_miou_table(const DfMiouResult *, const char *const *names, char **out);
/* What the JSON has beside the scores; NULL or {0}: nothing. */
typedef struct {
    const uint64_t *confusion;  /* from df_miou_confusion(); or NULL                                 */
    const char *members;        /* more members of the object as JSON, "\"unreadable\": 3"; or NULL  */
} DfMiouMore;
/* The keys are listed in docs/metrics.md. df_free it. */
DF_API int df_miou_json(const DfMiouResult *, const DfMiouParams *, const char *const *names, const DfMiouMore *,
                        char **out);

/* Which pixels lie on the boundary of the segment they belong to: within d (in rows and in columns) of a pixel of
 * another value or of the outside of the picture. This is Boundary IoU's boundary of every class at once.
 * boundary[height * width] gets 0 or 1. */
DF_API int df_boundary_of(uint8_t *boundary, const uint8_t *label, size_t height, size_t width, size_t d);
DF_API size_t df_boundary_distance(size_t height, size_t width, double ratio); /* round(ratio * diagonal), at least 1 */

DF_END_DECLS

#endif
