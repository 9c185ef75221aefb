/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/report/report.h -- private to eval/: the parts of the page that explains a score. Each appends a <section>. Everything is HTML, CSS and
 * inline SVG: no script, and nothing is loaded from anywhere. Colours are CSS variables, so that light and dark are one drawing.
 */
#ifndef DF_EVAL_REPORT_H
#define DF_EVAL_REPORT_H

#include "eval/explain/explain_data.h"
#include "eval/textbuf.h"

void df_report_section(DfTextbuf *, const char *title, const char *lead); /* opens it: heading and one line of text */
void df_report_section_end(DfTextbuf *);

void df_report_tide(DfTextbuf *, const DfExplain *);
int df_report_precision(DfTextbuf *, const DfExplain *);
void df_report_scores(DfTextbuf *, const DfExplain *);      /* histogram and reliability diagram */
void df_report_confusion(DfTextbuf *, const DfExplain *);
void df_report_classes(DfTextbuf *, const DfExplain *);
int df_report_images(DfTextbuf *, const DfExplain *);
int df_report_errors(DfTextbuf *, const DfExplain *);       /* lists of false and missed ones    */

#endif
