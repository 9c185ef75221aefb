/* SPDX-License-Identifier: Apache-2.0
 *
 * report/page.h -- private: the frame of a page. Everything is HTML, CSS and inline SVG: there is no script, and
 * nothing is loaded from anywhere. Colours are CSS variables, so one drawing serves light and dark.
 */
#ifndef DF_REPORT_PAGE_H
#define DF_REPORT_PAGE_H

#include "core/core.h"

/* Style and title; then cards with the main numbers (in percent; below 0: none); the end, with a note in HTML. */
void df_report_begin(DfTextbuf *, const char *title);
void df_report_card(DfTextbuf *, const char *name, double value, bool main_one);
void df_report_end(DfTextbuf *, const char *note);

void df_report_section(DfTextbuf *, const char *title, const char *lead); /* opens it: a heading and one line of text */
void df_report_section_end(DfTextbuf *);
void df_report_percent(DfTextbuf *, double x); /* a cell of a table, <td>; below 0: none */

#endif
