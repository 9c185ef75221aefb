/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/report/report.h -- private to eval/: the parts of the page that explains a score. Each appends a <section>. Everything is HTML, CSS and
 * inline SVG: no script, and nothing is loaded from anywhere. Colours are CSS variables, so that light and dark are one drawing.
 */
#ifndef DF_EVAL_REPORT_REPORT_H
#define DF_EVAL_REPORT_REPORT_H

#include "eval/explain/data.h"
#include "core/core.h"

/* The frame of a page: style and title, cards with its main numbers (in percent; below 0: none), and its end. `note` is HTML. */
void df_report_begin(DfTextbuf *, const char *title);
void df_report_card(DfTextbuf *, const char *name, double value, bool main_one);
void df_report_end(DfTextbuf *, const char *note);
void df_report_percent(DfTextbuf *, double x); /* a cell of a table, <td>; below 0: none */

/* Which class is taken for which: counts[row][column], the row is what is there. */
typedef struct {
    size_t n;
    const char *const *names;
    const uint64_t *counts; /* [n][n], or [n + 1][n + 1] */
    bool nothing;           /* then the last row is nothing, the last column not found */
} ReportMatrix;
void df_report_matrix(DfTextbuf *, const ReportMatrix *);

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
