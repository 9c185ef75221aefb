/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/arrays.c -- the arrays of precision, recall and scores, and reordering them as pycocotools does.
 *
 * Here the numbers of a class are contiguous, so that threads fill separate memory, and little of it is touched; in
 * pycocotools the classes are an inner dimension, after the thresholds.
 */
#include "eval/coco/evaluate.h"

size_t df_coco_curve_place(const DfCocoEval *e, size_t k, size_t area, size_t max_det, size_t iou)
{
    return (((k * e->n_areas + area) * (e->n_max_dets - e->first_curve) + max_det - e->first_curve) * e->n_ious +
            iou) *
           e->n_recalls;
}

size_t df_coco_recall_place(const DfCocoEval *e, size_t k, size_t area, size_t max_det)
{
    return ((k * e->n_areas + area) * e->n_max_dets + max_det) * e->n_ious;
}

const double *df_coco_curve(const DfCocoEval *e, size_t k, size_t area, size_t max_det, size_t iou)
{
    return e->precision + df_coco_curve_place(e, k, area, max_det, iou);
}

int df_coco_make_arrays(DfCocoEval *e, bool scores)
{
    const size_t n = e->n_classes * e->n_areas * e->n_max_dets * e->n_ious;
    const size_t most = SIZE_MAX / sizeof(double);
    if (n > most / e->n_recalls)
        return df_fail_memory("the arrays of precision and recall");
    const size_t curves = df_coco_curve_place(e, e->n_classes, 0, e->first_curve, 0);
    e->precision = df_malloc(curves * sizeof(double));
    e->scores = scores ? df_malloc(curves * sizeof(double)) : NULL;
    e->recall = df_malloc(n * sizeof(double));
    return e->precision && (e->scores || !scores) && e->recall ? DF_OK
                                                               : df_fail_memory("the arrays of precision and recall");
}

int df_coco_eval_array(const DfCocoEval *e, DfCocoArray which, double **out)
{
    const double *const arrays[] = {
        [DF_COCO_PRECISION] = e->precision,
        [DF_COCO_RECALL] = e->recall,
        [DF_COCO_SCORES] = e->scores,
    };
    const double *const from = arrays[which];
    const size_t recalls = which == DF_COCO_RECALL ? 1 : e->n_recalls;
    const size_t columns = e->n_classes * e->n_areas * e->n_max_dets;
    const size_t n = e->n_ious * recalls * columns;
    *out = NULL;
    if (!e->scores)
        return df_fail(DF_EVALUE, "COCO evaluation: its arrays were not kept: set arrays in the parameters");
    double *to = *out = df_malloc(n * sizeof *to);
    if (!to)
        return df_fail_memory("the arrays of precision and recall");
    for (size_t t = 0; t < e->n_ious; t++)
        for (size_t r = 0; r < recalls; r++)
            for (size_t column = 0; column < columns; column++)
                *to++ = from[(column * e->n_ious + t) * recalls + r];
    return DF_OK;
}
