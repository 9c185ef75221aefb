/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/imagenet.h -- image classification: top-1 and top-5 accuracy, of all and of each class, and against several
 * right labels per image (ReaL: Beyer et al., Are we done with ImageNet?, 2020).
 *
 * A class is in the top k if fewer than k classes score higher; of equal scores the lower class stands first, as a
 * stable sort has it. NaN scores below everything.
 */
#ifndef DF_EVAL_IMAGENET_H
#define DF_EVAL_IMAGENET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/core.h"

DF_BEGIN_DECLS

enum { DF_TOP = 5 }; /* how deep a ranking is kept */

typedef struct DfTopk DfTopk;
DF_API int df_topk_new(DfTopk **out, int classes); /* 1 to 2^20 */
DF_API void df_topk_free(DfTopk *);                /* NULL is fine */

/* The best min(DF_TOP, classes) classes of one row of scores, best first; the rest of `best` is -1. */
DF_API void df_topk_rank(const float *scores, int classes, int32_t best[DF_TOP]);

/* One image: its ranking (-1: no more) and its label. A label or class outside of 0..classes-1 is DF_EVALUE. */
DF_API int df_topk_add(DfTopk *, const int32_t best[DF_TOP], int32_t label);
/* The same image against all labels that are right for it; none: the image does not count. */
DF_API int df_topk_add_real(DfTopk *, const int32_t best[DF_TOP], const int32_t *labels, size_t n);

typedef struct {
    int classes;
    uint64_t images, top1, top5;         /* counted; right at once; right within five         */
    uint64_t real_images, real_top1;     /* of the images with at least one real label        */
    double top1_acc, top5_acc, real_acc; /* fractions of 1; NAN without images                */
    double mean_class_acc;               /* top-1: the mean over the classes that have images */
    const uint64_t *class_images;        /* [classes], borrowed, as the next two              */
    const uint64_t *class_top1, *class_top5;
} DfTopkResult;
DF_API DfTopkResult df_topk_result(const DfTopk *);

/* `names`: NULL, or one of each class. df_free the text. The keys of the JSON are in docs/metrics.md. */
DF_API int df_topk_table(const DfTopkResult *, const char *const *names, bool per_class, char **out);
DF_API int df_topk_json(const DfTopkResult *, const char *const *names, char **out);

/* Real labels: a JSON list with a list of classes for each image, in order. */
typedef struct {
    size_t n;
    size_t *start;   /* [n + 1]                         */
    int32_t *labels; /* of image i from start[i] on     */
} DfRealLabels;
DF_API int df_real_labels_read(DfRealLabels *, DfJson *, int classes);
DF_API void df_real_labels_free(DfRealLabels *);

DF_END_DECLS

#endif
