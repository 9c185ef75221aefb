/* SPDX-License-Identifier: Apache-2.0
 *
 * report/report.h -- the public header of report/: pages and drawings of what eval/ found. Every page is one HTML file
 * that loads nothing, without scripts (but for points_page.h, which has its own); every drawing is one SVG file. Texts
 * that are given back are zero-terminated: df_free() them.
 */
#ifndef DF_REPORT_REPORT_H
#define DF_REPORT_REPORT_H

#include "eval/eval.h"
#include "report/chart.h"
#include "report/compare_page.h"
#include "report/points_page.h"
#include "report/roofline.h"
#include "report/training.h"

DF_BEGIN_DECLS

/* Why a COCO score of boxes or masks is what it is: kinds of errors, curves, calibration, classes, confusion, the
 * worst images. */
DF_API int df_report_explain(const DfExplain *, const char *title, char **out);

/* Why the score of a semantic segmentation is what it is: classes, confusion, the worst images. */
typedef struct {
    const char *title;
    const DfMiouResult *result;
    const char *const *names;        /* one of each class                 */
    bool numbered;                   /* nobody gave names: these are numbers */
    const uint64_t *confusion;       /* of df_miou_confusion()            */
    const struct DfImageScores *images; /* every image by itself          */
} DfSegmentationPage;
DF_API int df_report_segmentation(const DfSegmentationPage *, char **out);

DF_END_DECLS

#endif
