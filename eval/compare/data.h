/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/compare/data.h -- private to eval/: a comparison, and creating its kinds.
 *
 * A kind (coco.c, images.c) opens one, names the classes, and provides a function that scores a result on a weighted
 * set of images; intervals and differences are the same for all kinds (compare.c).
 */
#ifndef DF_EVAL_COMPARE_DATA_H
#define DF_EVAL_COMPARE_DATA_H

#include "eval/compare/compare.h"

struct DfCompare {
    DfArena *arena;
    const char *type;               /* "bbox", "segm", "miou", "topk"          */
    size_t n;                       /* results                                 */
    size_t n_metrics, n_classes, n_images, replicates;
    uint64_t seed;
    double confidence;
    const DfCompareMetric *metrics; /* [n_metrics]                             */
    const char *class_key;          /* "ap": the key of a class's score in JSON */
    const char **names;             /* [n]                                     */
    const char **class_names;       /* [n_classes]                             */
    const char **class_ids;         /* [n_classes]                             */
    bool *class_is_text;            /* [n_classes]: is its id a text in JSON?  */
    DfCompared *numbers;            /* [n][n_metrics + n_classes]              */
};

/* Fills row[n_metrics + n_classes] with the scores of a result when image i counts weight[i] times (NULL: once);
 * -1: there is none. */
typedef void CompareScore(const void *result, const uint16_t *weight, void *room, double *row);

typedef struct {
    const DfCompareMetric *metrics;
    size_t n_metrics;
    const char *class_key;
} CompareKind;

int df_compare_begin(DfCompare **out, const CompareKind *, const char *const *names, size_t n, const DfCompareParams *);
int df_compare_name_classes(DfCompare *, size_t n); /* makes room for the names; they are filled in with .. */
int df_compare_name_class(DfCompare *, size_t k, const char *id, const char *name, bool id_is_text);
/* `results` are n of `size` bytes each; `room` bytes of scratch memory for a call of `score`. */
int df_compare_run(DfCompare *, const void *results, size_t size, CompareScore *score, size_t room, DfPool *);

/* Sorts `values`; the interval that holds `confidence` of them, NAN of none. */
void df_compare_interval(double *values, size_t n, double confidence, double *low, double *high);

#endif
