/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/compare/compare.h -- results side by side: differences per metric and class, with bootstrap confidence
 * intervals over images. COCO results of boxes or masks; or the scores of single images of a semantic segmentation or
 * a classification (eval/compare/image_scores.h).
 *
 *     DfCompare *compare; char *text;
 *     df_compare_new(&compare, results, names, 2, &params, pool);
 *     df_compare_text(compare, false, &text);
 *
 * A bootstrap replicate draws as many images as there are, with replacement, the same ones for all results; its
 * metrics are those over the images drawn, an image drawn twice counting twice. The interval of a difference holds 95
 * of 100 replicates (percentiles, linear between replicates, as numpy). A difference is significant if its interval
 * does not hold 0. Efron and Tibshirani, An Introduction to the Bootstrap, 1993.
 */
#ifndef DF_EVAL_COMPARE_COMPARE_H
#define DF_EVAL_COMPARE_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/core.h"

DF_BEGIN_DECLS

struct DfCocoResults;
struct DfImageScores;

typedef struct {
    bool masks;        /* of COCO results compare the masks, not the boxes */
    size_t replicates; /* 0: no intervals                                  */
    uint64_t seed;
    double confidence; /* 0..1                                             */
    const int64_t *image_ids; /* of COCO results: only these n_image_ids are compared; NULL: all of the ground truth */
    size_t n_image_ids;
} DfCompareParams;
DF_API DfCompareParams df_compare_params(void); /* boxes, 1000 replicates, seed 0, confidence 0.95 */

/* One score of one result, and its difference from that of the first result. -1: there is no score, as there is no
 * ground truth. */
typedef struct {
    double value, low, high;                /* the score and its interval              */
    double difference, diff_low, diff_high; /* the difference and its interval; or NAN */
    bool significant;                       /* the difference's interval excludes 0    */
} DfCompared;

typedef struct DfCompare DfCompare;
/* n >= 1 results against the same ground truth; the first is what the others are compared with. `names` are copied. */
DF_API int df_compare_new(DfCompare **out, const struct DfCocoResults *const *results, const char *const *names,
                          size_t n, const DfCompareParams *, DfPool *);
/* The same of single images' scores, all of the same kind and about the same images. */
DF_API int df_compare_images(DfCompare **out, const struct DfImageScores *const *results, const char *const *names,
                             size_t n, const DfCompareParams *, DfPool *);
DF_API void df_compare_free(DfCompare *); /* NULL is fine */

/* What was compared, by place: {"AP", "ap"}, and so on; the first one is the kind's main metric. */
typedef struct {
    const char *name, *key;
} DfCompareMetric;
DF_API size_t df_compare_metrics(const DfCompare *, const DfCompareMetric **);
DF_API size_t df_compare_image_count(const DfCompare *);
DF_API size_t df_compare_classes(const DfCompare *);
DF_API const char *df_compare_name(const DfCompare *, size_t result);
DF_API const char *df_compare_class_name(const DfCompare *, size_t class_place);
DF_API DfCompared df_compare_metric(const DfCompare *, size_t result, size_t metric);
DF_API DfCompared df_compare_class(const DfCompare *, size_t result, size_t class_place); /* its AP, IoU or top-1 */

DF_API int df_compare_text(const DfCompare *, bool per_class, char **out); /* df_free them all */
DF_API int df_compare_markdown(const DfCompare *, bool per_class, char **out);
DF_API int df_compare_json(const DfCompare *, char **out);                 /* keys: docs/metrics.md */

DF_END_DECLS

#endif
