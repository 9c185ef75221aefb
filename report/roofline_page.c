/* SPDX-License-Identifier: Apache-2.0
 *
 * report/roofline_page.c -- modules as dots below the roof of a machine, both axes logarithmic, and the table of them.
 */
#include "report/roofline.h"

#include <math.h>

#include "report/page.h"
#include "report/plot.h"

/* A module has a place in the drawing if it computes, moves something and takes time. */
static bool has_place(const DfRoofModule *m)
{
    return m->flop > 0 && m->bytes > 0 && m->seconds > 0;
}

static double intensity(const DfRoofModule *m)
{
    return log10(m->flop / m->bytes);
}

static double speed(const DfRoofModule *m)
{
    return log10(1e-9 * m->flop / m->seconds);
}

/* What the machine allows at a number of operations a byte (both as logarithms). */
static double roof_at(const DfRoofline *r, double x)
{
    return fmin(log10(1e-9 * r->peak), log10(1e-9 * r->bandwidth) + x);
}

/* Whole decades that hold all dots and the ridge. */
static ReportPlot axes_of(const DfRoofline *r)
{
    const double ridge = log10(r->peak / r->bandwidth);
    ReportPlot plot = { .x0 = floor(ridge), .x1 = ceil(ridge), .y0 = INFINITY, .y1 = ceil(log10(1e-9 * r->peak)),
                        .x_step = 1, .y_step = 1, .x_times = 1, .y_times = 1, .powers = true,
                        .x_name = "operations a byte", .y_name = "GFLOP/s",
                        .about = "Speed of each module over its operations a byte, below the roof of the machine" };
    for (size_t i = 0; i < r->n; i++)
        if (has_place(&r->module[i])) {
            plot.x0 = fmin(plot.x0, floor(intensity(&r->module[i])));
            plot.x1 = fmax(plot.x1, ceil(intensity(&r->module[i])));
            plot.y0 = fmin(plot.y0, floor(speed(&r->module[i])));
            plot.y1 = fmax(plot.y1, ceil(speed(&r->module[i])));
        }
    plot.y0 = fmin(plot.y0, plot.y1 - 1);
    return plot;
}

/* A line without length and with round ends: a dot that no stretching makes an ellipse. */
static void add_dot(DfTextbuf *t, const ReportPlot *plot, const DfRoofModule *m, double share)
{
    df_textbuf_add(t,
                   "<path fill=none stroke=\"var(--accent)\" stroke-linecap=round stroke-opacity=.6 stroke-width=%.1f "
                   "d=\"M%.1f "
                   "%.1fh.01\"><title>",
                   4 + 16 * sqrt(share), df_plot_x(plot, intensity(m)), df_plot_y(plot, speed(m)));
    df_textbuf_html(t, m->name);
    df_textbuf_add(t, ": %.2f ms</title></path>", 1e3 * m->seconds);
}

static void draw(ReportPage *page, const DfRoofline *r)
{
    const ReportPlot plot = axes_of(r);
    const double ridge = log10(r->peak / r->bandwidth);
    const double whole = r->n ? r->module[r->n - 1].seconds : 0;
    df_report_section(page, "Roofline", "Roofline",
                      "A dot is a module, larger where it takes more of the time. Left of the ridge memory bounds it, "
                      "right of it arithmetic; what is missing to the line is what could be won.");
    df_plot_begin(&page->text, &plot);
    df_textbuf_add(&page->text, "<path fill=none stroke=\"var(--bad)\" stroke-width=2 d=\"M%.1f %.1fL%.1f %.1fH%d\"/>",
                   df_plot_x(&plot, plot.x0), df_plot_y(&plot, roof_at(r, plot.x0)), df_plot_x(&plot, ridge),
                   df_plot_y(&plot, roof_at(r, ridge)), PLOT_SIDE);
    for (size_t i = 0; i < r->n; i++)
        if (has_place(&r->module[i]))
            add_dot(&page->text, &plot, &r->module[i], whole > 0 ? fmin(r->module[i].seconds / whole, 1) : 0);
    df_plot_end(&page->text, &plot);
    df_report_section_end(page);
}

static void add_row(ReportTable *table, const DfRoofline *r, const DfRoofModule *m)
{
    const double arithmetic = m->flop / r->peak;
    const double memory = m->bytes / r->bandwidth;
    df_report_row(table);
    df_report_cell_text(table, "wrap", m->name);
    df_report_cell(table, "");
    df_textbuf_add(table->text, "%.2f", 1e3 * m->seconds);
    df_report_cell(table, "");
    df_textbuf_add(table->text, "%.1f", m->seconds > 0 ? 1e-9 * m->flop / m->seconds : 0);
    df_report_cell_percent(table, m->seconds > 0 ? arithmetic / m->seconds : -1);
    df_report_cell(table, "");
    df_textbuf_add(table->text, "%.1f", m->seconds > 0 ? 1e-9 * m->bytes / m->seconds : 0);
    df_report_cell_percent(table, m->seconds > 0 ? memory / m->seconds : -1);
    df_report_cell_text(table, "", arithmetic > memory ? "arithmetic" : "memory");
    df_report_cell(table, "");
    df_textbuf_add(table->text, "%.2f\n", 1e3 * fmax(m->seconds - fmax(arithmetic, memory), 0));
}

static void list(ReportPage *page, const DfRoofline *r)
{
    static const ReportColumn columns[] = {
        { "module", true },  { "ms", false },          { "GFLOP/s", false }, { "of peak, %", false },
        { "GB/s", false },   { "of memory, %", false }, { "bound by", true }, { "ms above the roof", false },
    };
    ReportTable table = { &page->text, columns, sizeof columns / sizeof *columns, 0, true };
    df_report_section(page, "Modules", "Modules", "A module holds the ones below it; the last row is the network.");
    df_report_table(&table, "Modules", r->n);
    for (size_t i = 0; i < r->n; i++)
        add_row(&table, r, &r->module[i]);
    df_report_table_end(&table);
    df_report_section_end(page);
}

int df_report_roofline(const DfRoofline *r, char **out)
{
    ReportPage page;
    df_report_begin(&page, r->title);
    df_textbuf_add(&page.lead, "<p class=lead>");
    df_textbuf_html(&page.lead, r->about);
    df_textbuf_add(&page.lead, "</p>");
    draw(&page, r);
    list(&page, r);
    return df_report_end(&page, "Williams, Waterman, Patterson: Roofline, CACM 2009.", DF_OK, out);
}
