/* SPDX-License-Identifier: Apache-2.0
 *
 * report/page.h -- private: the frame of a page. Everything is HTML, CSS and inline SVG: there is no script, and
 * nothing is loaded from anywhere. Colours are CSS variables, so one drawing serves light and dark.
 *
 *     ReportPage p;
 *     df_report_begin(&p, "results.json");
 *     df_report_section(&p, "Classes", "Classes", "What each of them scores.");
 *     df_textbuf_add(&p.text, ..);
 *     df_report_section_end(&p);
 *     return df_report_end(&p, "Where it comes from.", error, out);
 */
#ifndef DF_REPORT_PAGE_H
#define DF_REPORT_PAGE_H

#include "core/core.h"

typedef struct {
    DfTextbuf text;     /* what stands under the title            */
    DfTextbuf contents; /* a link to every section                */
    DfTextbuf lead;     /* stands between the title and the contents */
    size_t sections;
    const char *title;
} ReportPage;

void df_report_begin(ReportPage *, const char *title);
/* The page with `note`, in HTML, at its end. Or frees everything and gives back `error`, if that is one. */
int df_report_end(ReportPage *, const char *note, int error, char **out);

/* Opens a section: its name in the contents, a heading, and a line of text in HTML. */
void df_report_section(ReportPage *, const char *name, const char *title, const char *lead);
void df_report_section_end(ReportPage *);

/* The main numbers stand in cards, between <div class=cards> and </div>. */
void df_report_card(DfTextbuf *, const char *name, double value, bool main_one); /* in percent; below 0: none */
void df_report_card_text(DfTextbuf *, const char *name, const char *value, bool main_one);

/* ---- tables ---- */

typedef struct {
    const char *name;
    bool words; /* stands at the left; numbers stand at the right */
} ReportColumn;

typedef struct {
    DfTextbuf *text;
    const ReportColumn *columns;
    size_t n, at;
    bool stacked; /* in a narrow window every row is a card */
} ReportTable;

/* `label` names it for those who hear the page; `rows` says whether it is so long that it scrolls by itself. */
void df_report_table(ReportTable *, const char *label, size_t rows);
void df_report_row(ReportTable *);
void df_report_cell(ReportTable *, const char *more_classes);    /* the text of the cell follows */
void df_report_cell_text(ReportTable *, const char *more_classes, const char *text);
void df_report_cell_count(ReportTable *, size_t);
void df_report_cell_percent(ReportTable *, double x);            /* 0..1; below 0 or NAN: none */
void df_report_cell_bar(ReportTable *, double x);                /* the same, over a bar       */
void df_report_table_end(ReportTable *);

#endif
