/* SPDX-License-Identifier: Apache-2.0
 *
 * report/explain_parts.h -- private: the sections of the page that explains a COCO score. Each appends a <section>.
 */
#ifndef DF_REPORT_EXPLAIN_PARTS_H
#define DF_REPORT_EXPLAIN_PARTS_H

#include "eval/eval.h"
#include "report/page.h"

void df_report_tide(DfTextbuf *, const DfExplain *);        /* what each kind of error costs        */
int df_report_precision(DfTextbuf *, const DfExplain *);    /* precision over recall                */
void df_report_scores(DfTextbuf *, const DfExplain *);      /* histogram and reliability diagram    */
void df_report_confusion(DfTextbuf *, const DfExplain *);
void df_report_classes(DfTextbuf *, const DfExplain *);
int df_report_images(DfTextbuf *, const DfExplain *);       /* the images with most errors          */
int df_report_errors(DfTextbuf *, const DfExplain *);       /* false detections, objects not found  */

#endif
