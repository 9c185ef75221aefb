/* SPDX-License-Identifier: Apache-2.0
 *
 * report/explain_parts.h -- private: the sections of the page that explains a COCO score. Each appends a <section>.
 */
#ifndef DF_REPORT_EXPLAIN_PARTS_H
#define DF_REPORT_EXPLAIN_PARTS_H

#include "eval/eval.h"
#include "report/page.h"
#include "report/picture.h"

void df_report_tide(ReportPage *, const DfExplain *);        /* what each kind of error costs        */
void df_report_precision(ReportPage *, const DfExplain *);    /* precision over recall                */
void df_report_scores(ReportPage *, const DfExplain *);      /* histogram and reliability diagram    */
void df_report_confusion(ReportPage *, const DfExplain *);
void df_report_classes(ReportPage *, const DfExplain *);
void df_report_slices(ReportPage *, const DfExplain *);     /* scores of parts of the data          */
int df_report_suspects(ReportPage *, const DfExplain *);    /* likely errors of the labels          */
int df_report_images(ReportPage *, const DfExplain *);       /* the images with most errors          */
void df_report_errors(ReportPage *, const DfExplain *);      /* false detections, objects not found  */

/* ---- pictures, of this page and of the one that compares ---- */

#define DF_REPORT_SHAPES_KEY                                                   \
    "<p class=key><span><i style=\"background:#2fd6a5\"></i>found</span>"      \
    "<span><i style=\"background:#ffb62e\"></i>missed</span>"                  \
    "<span><i style=\"background:#ff5468\"></i>wrong</span></p>"
const char *df_report_error_name(DfTideKind);                   /* "wrong class" */
int df_report_shot(DfTextbuf *, const DfExplain *, size_t image, const ReportGround *); /* the whole picture */

/* ---- numbers with intervals, of both pages too ---- */

/* All along an axis from 0 to 1; NAN: not drawn. */
void df_report_whisker(DfTextbuf *, double value, double low, double high, double mark);
void df_report_difference(DfTextbuf *, const DfCompared *);

#endif
