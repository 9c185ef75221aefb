/* SPDX-License-Identifier: Apache-2.0
 *
 * report/page.c -- the frame of every page: its title, contents, cards, sections and tables.
 */
#include "report/page.h"

#include <ctype.h>
#include <math.h>

#include "report/style.h"

enum { FEW_SECTIONS = 3, LONG_TABLE = 30 };

/* ---- sections ---------------------------------------------------------------------------------------------------- */

/* "Label errors" -> "label-errors". */
static void add_anchor(DfTextbuf *t, const char *name)
{
    bool apart = false;
    for (size_t i = 0; name[i]; i++) {
        if (!isalnum((unsigned char)name[i])) {
            apart = i > 0;
            continue;
        }
        df_textbuf_add(t, "%s%c", apart ? "-" : "", tolower((unsigned char)name[i]));
        apart = false;
    }
}

void df_report_section(ReportPage *p, const char *name, const char *title, const char *lead)
{
    df_textbuf_add(&p->contents, "<a href=\"#");
    add_anchor(&p->contents, name);
    df_textbuf_add(&p->contents, "\">%s</a>", name);
    df_textbuf_add(&p->text, "<section id=\"");
    add_anchor(&p->text, name);
    df_textbuf_add(&p->text, "\"><h2>%s</h2><p class=lead>%s</p>\n", title, lead);
    p->sections++;
}

void df_report_section_end(ReportPage *p)
{
    df_textbuf_add(&p->text, "</section>\n");
}

/* ---- cards ------------------------------------------------------------------------------------------------------- */

static void card(DfTextbuf *t, bool main_one)
{
    df_textbuf_add(t, "<div class=\"card%s\"><b>", main_one ? " main" : "");
}

void df_report_card(DfTextbuf *t, const char *name, double value, bool main_one)
{
    card(t, main_one);
    if (value >= 0)
        df_textbuf_add(t, "%.1f", 100 * value);
    else
        df_textbuf_add(t, "&ndash;");
    df_textbuf_add(t, "</b><span>%s</span></div>", name);
}

void df_report_card_text(DfTextbuf *t, const char *name, const char *value, bool main_one)
{
    card(t, main_one);
    df_textbuf_html(t, value);
    df_textbuf_add(t, "</b><span>");
    df_textbuf_html(t, name);
    df_textbuf_add(t, "</span></div>");
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

void df_report_table(ReportTable *table, const char *label, size_t rows)
{
    DfTextbuf *t = table->text;
    df_textbuf_add(t, "<div class=\"panel scroll%s%s\" tabindex=0 role=region aria-label=\"%s\"><table><thead><tr>",
                   rows > LONG_TABLE ? " tall" : "", table->stacked ? " stack" : "", label);
    for (size_t i = 0; i < table->n; i++) {
        df_textbuf_add(t, "<th scope=col%s>", table->columns[i].words ? " class=l" : "");
        df_textbuf_html(t, table->columns[i].name);
        df_textbuf_add(t, "</th>");
    }
    df_textbuf_add(t, "</tr></thead><tbody>\n");
}

void df_report_row(ReportTable *table)
{
    df_textbuf_add(table->text, "<tr>");
    table->at = 0;
}

/* HTML closes cells and rows by itself. */
void df_report_cell(ReportTable *table, const char *more_classes)
{
    const ReportColumn *column = &table->columns[table->at++];
    df_textbuf_add(table->text, "<td");
    if (column->words || more_classes[0])
        df_textbuf_add(table->text, " class=\"%s%s%s\"", column->words ? "l" : "",
                       column->words && more_classes[0] ? " " : "", more_classes);
    if (table->stacked) {
        df_textbuf_add(table->text, " data-l=\"");
        df_textbuf_html(table->text, column->name);
        df_textbuf_add(table->text, "\"");
    }
    df_textbuf_add(table->text, ">");
}

void df_report_cell_text(ReportTable *table, const char *more_classes, const char *text)
{
    df_report_cell(table, more_classes);
    df_textbuf_html(table->text, text);
}

void df_report_cell_count(ReportTable *table, size_t n)
{
    df_report_cell(table, "");
    df_textbuf_add(table->text, "%zu", n);
}

void df_report_cell_percent(ReportTable *table, double x)
{
    df_report_cell(table, x >= 0 ? "" : "dim");
    if (x >= 0)
        df_textbuf_add(table->text, "%.1f", 100 * x);
    else
        df_textbuf_add(table->text, "&ndash;");
}

void df_report_cell_bar(ReportTable *table, double x)
{
    if (!(x >= 0)) {
        df_report_cell_percent(table, -1);
        return;
    }
    const ReportColumn *column = &table->columns[table->at++];
    df_textbuf_add(table->text, "<td");
    if (table->stacked) {
        df_textbuf_add(table->text, " data-l=\"");
        df_textbuf_html(table->text, column->name);
        df_textbuf_add(table->text, "\"");
    }
    df_textbuf_add(table->text, " class=bar style=\"--v:%.3f\">%.1f", fmin(x, 1), 100 * x);
}

void df_report_table_end(ReportTable *table)
{
    df_textbuf_add(table->text, "</tbody></table></div>");
}

/* ---- the page ---------------------------------------------------------------------------------------------------- */

void df_report_begin(ReportPage *p, const char *title)
{
    *p = (ReportPage){ .title = title };
}

static void add_head(DfTextbuf *t, const ReportPage *p)
{
    df_textbuf_add(t, "<!doctype html>\n<html lang=en><head><meta charset=utf-8>"
                      "<meta name=viewport content=\"width=device-width,initial-scale=1\">"
                      "<meta name=color-scheme content=\"light dark\"><title>");
    df_textbuf_html(t, p->title);
    df_textbuf_add(t, "</title>\n<style>");
    for (size_t i = 0; df_report_style[i]; i++)
        df_textbuf_add(t, "%s\n", df_report_style[i]);
    df_textbuf_add(t, "</style></head>\n<body><a class=skip href=\"#content\">Skip to the content</a>");
}

/* What was gathered. */
typedef struct {
    char *contents, *lead, *text;
} Pieces;

static void add_page(DfTextbuf *t, const ReportPage *p, const Pieces *pieces, const char *note)
{
    const bool listed = p->sections >= FEW_SECTIONS;
    add_head(t, p);
    df_textbuf_add(t, "<div class=\"page%s\"><header><h1>", listed ? " listed" : "");
    df_textbuf_html(t, p->title);
    df_textbuf_add(t, "</h1>%s</header>", pieces->lead);
    if (listed)
        df_textbuf_add(t, "<nav aria-label=Contents>%s</nav>", pieces->contents);
    df_textbuf_add(t, "<main id=content>%s</main><footer>Made by deformer. %s</footer></div></body></html>\n",
                   pieces->text, note);
}

int df_report_end(ReportPage *p, const char *note, int error, char **out)
{
    DfTextbuf t = { 0 };
    Pieces pieces = { NULL, NULL, NULL };
    const int of_contents = df_textbuf_take(&p->contents, &pieces.contents);
    const int of_lead = df_textbuf_take(&p->lead, &pieces.lead);
    const int of_text = df_textbuf_take(&p->text, &pieces.text);
    *out = NULL;
    if (error == DF_OK && (of_contents < 0 || of_lead < 0 || of_text < 0))
        error = df_fail_memory("a page");
    if (error == DF_OK) {
        add_page(&t, p, &pieces, note);
        error = df_textbuf_take(&t, out);
    }
    df_free(pieces.contents);
    df_free(pieces.lead);
    df_free(pieces.text);
    return error;
}
