/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/compare/image_scores.h -- the contribution of each image to mIoU or to top-1 accuracy, and its file, from which
 * a bootstrap over images is computed.
 *
 *     DfImageScores *s;
 *     df_image_scores_new(&s, DF_IMAGES_MIOU, 150, names);
 *     df_image_scores_add_areas(s, "a", &result);              of an accumulator that has seen image a alone
 *     df_image_scores_write(s, "run/results.miou.json");
 *
 * docs/metrics.md documents the file. It is small, because an image lists only the classes that it has.
 */
#ifndef DF_EVAL_COMPARE_IMAGE_SCORES_H
#define DF_EVAL_COMPARE_IMAGE_SCORES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/core.h"
#include "eval/semantic/miou.h"

DF_BEGIN_DECLS

typedef enum { DF_IMAGES_MIOU, DF_IMAGES_TOPK } DfImagesKind;

typedef struct DfImageScores DfImageScores;
/* `class_names` are copied; NULL: there are none. */
DF_API int df_image_scores_new(DfImageScores **out, DfImagesKind, int classes, const char *const *class_names);
DF_API void df_image_scores_free(DfImageScores *); /* NULL is fine */

DF_API int df_image_scores_add_areas(DfImageScores *, const char *name, const DfMiouResult *);
DF_API int df_image_scores_add_top(DfImageScores *, const char *name, int label, bool top1, bool top5);

/* Adds the images of another of the same kind and classes. */
DF_API int df_image_scores_merge(DfImageScores *into, const DfImageScores *from);

DF_API int df_image_scores_classes(const DfImageScores *);
DF_API const char *const *df_image_scores_names(const DfImageScores *); /* of the classes; NULL: there are none */

/* An image by itself, of DF_IMAGES_MIOU. */
DF_API size_t df_image_scores_count(const DfImageScores *);
typedef struct {
    const char *name;
    double miou;    /* mean IoU of the classes that the image or its prediction has; -1: no pixel counts */
    double acc;     /* share of right pixels; -1: no pixel counts                                        */
    double wrong;   /* wrong pixels                                                                      */
    uint32_t worst; /* the class with most pixels that are not found                                     */
} DfImageSummary;
DF_API DfImageSummary df_image_scores_summary(const DfImageScores *, size_t image);

/* In the order of the names, whatever the order of adding. */
DF_API int df_image_scores_write(DfImageScores *, const char *path);
DF_API int df_image_scores_read(DfImageScores **out, const char *path);
DF_API int df_image_scores_read_json(DfImageScores **out, DfJson *);

DF_END_DECLS

#endif
