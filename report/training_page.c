/* SPDX-License-Identifier: Apache-2.0
 *
 * report/training_page.c -- the page of a training run, and its charts.
 */
#include "report/training.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/page.h"
#include "report/plot.h"

/* ---- the frame of a chart ---------------------------------------------------------------------------------------- */

enum { LEFT = 46, TOP = 10, WIDTH = 330, HEIGHT = 190, COLOURS = 8, POINTS = 240 };

typedef struct {
    double left, top, width, height; /* of the frame                             */
    double x1, y0, y1;               /* the values at its edges; steps begin at 0 */
    bool percent;
} Axes;

/* In a drawing by itself, and in a page, whose drawings are stretched (plot.h). */
static const Axes in_drawing = { .left = LEFT, .top = TOP, .width = WIDTH, .height = HEIGHT };
static const Axes in_page = { .width = PLOT_SIDE, .height = PLOT_SIDE };

static double at_x(const Axes *a, double x)
{
    return a->left + a->width * (a->x1 > 0 ? x / a->x1 : 0);
}

/* What lies beyond the frame runs along its edge. */
static double at_y(const Axes *a, double y)
{
    const double share = (y - a->y0) / (a->y1 - a->y0);
    return a->top + a->height * (1 - fmin(fmax(share, 0), 1));
}

/* 1, 2 or 5 times a power of ten: the distance of about `n` lines. */
static double round_step(double range, int n)
{
    const double raw = range / n;
    const double power = pow(10, floor(log10(raw)));
    const double times = raw / power;
    if (times <= 1)
        return power;
    if (times <= 2)
        return 2 * power;
    return times <= 5 ? 5 * power : 10 * power;
}

/* 0.25, 1200, 3k: short enough for the margin. */
static void print_tick(DfTextbuf *t, double v)
{
    if (fabs(v) >= 10000)
        df_textbuf_add(t, "%gk", v / 1000);
    else
        df_textbuf_add(t, "%g", fabs(v) < 1e-12 ? 0.0 : v);
}

static void draw_axes(DfTextbuf *t, const Axes *a)
{
    const double across = round_step(a->y1 - a->y0, 4);
    for (double v = ceil(a->y0 / across - 1e-9) * across; v <= a->y1 + across * 1e-9; v += across) {
        df_textbuf_add(t, "<path class=\"grid\" d=\"M%d %.1fh%d\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">",
                       LEFT, at_y(a, v), WIDTH, LEFT - 6, at_y(a, v) + 4);
        print_tick(t, a->percent ? 100 * v : v);
        df_textbuf_add(t, "</text>");
    }
    const double along = fmax(1, round_step(fmax(a->x1, 1), 4));
    for (double v = 0; v <= a->x1 + 1e-9; v += along) {
        df_textbuf_add(t, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">", at_x(a, v), TOP + HEIGHT + 17);
        print_tick(t, v);
        df_textbuf_add(t, "</text>");
    }
}

/* ---- which values it shows --------------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The largest value that the axis shows: all of them, or twice what nine of ten do not exceed. */
static double highest(const DfTrainingChart *chart, double *values)
{
    size_t n = 0;
    for (size_t i = 0; i < chart->n; i++)
        for (size_t k = 0; k < chart->curves[i].n; k++)
            if (isfinite(chart->curves[i].y[k]))
                values[n++] = chart->curves[i].y[k];
    if (n == 0)
        return 0;
    qsort(values, n, sizeof *values, by_value);
    const double most = values[n - 1];
    return chart->from_first ? fmin(most, 2 * values[(n - 1) * 9 / 10]) : most;
}

/* 0, or the smallest value if it is below. */
static double lowest(const DfTrainingChart *chart)
{
    double least = 0;
    for (size_t i = 0; i < chart->n; i++)
        for (size_t k = 0; k < chart->curves[i].n; k++)
            if (isfinite(chart->curves[i].y[k]))
                least = fmin(least, chart->curves[i].y[k]);
    return least;
}

static int choose_axes(Axes *a, const Axes *frame, const DfTrainingChart *chart)
{
    size_t total = 0;
    *a = *frame;
    a->percent = chart->percent;
    for (size_t i = 0; i < chart->n; i++) {
        const DfCurve *curve = &chart->curves[i];
        total += curve->n;
        if (curve->n)
            a->x1 = fmax(a->x1, curve->x[curve->n - 1]);
    }
    double *values = df_malloc((total + 1) * sizeof *values);
    if (!values)
        return df_fail_memory("a chart");
    a->y1 = highest(chart, values);
    df_free(values);
    if (chart->percent)
        a->y1 = fmin(1, fmax(1.04 * a->y1, 0.1));
    else
        a->y1 = a->y1 > 0 ? 1.04 * a->y1 : 1;
    a->y0 = lowest(chart);
    return DF_OK;
}

/* ---- curves ------------------------------------------------------------------------------------------------------ */

/* Many values as the means of runs of them. */
typedef struct {
    size_t n;
    double x[POINTS], y[POINTS], least[POINTS], most[POINTS];
} Drawn;

static void summarise(Drawn *d, const DfCurve *c, bool smooth)
{
    const size_t points = smooth ? POINTS / 4 : POINTS;
    const size_t per = (c->n + points - 1) / points;
    d->n = 0;
    for (size_t i = 0; i < c->n; i += per) {
        double x = 0, y = 0, least = INFINITY, most = -INFINITY;
        int met = 0;
        for (size_t k = i; k < i + per && k < c->n; k++) {
            if (!isfinite(c->y[k]))
                continue;
            x += c->x[k];
            y += c->y[k];
            least = fmin(least, c->y[k]);
            most = fmax(most, c->y[k]);
            met++;
        }
        if (!met)
            continue;
        d->x[d->n] = x / met;
        d->y[d->n] = y / met;
        d->least[d->n] = least;
        d->most[d->n++] = most;
    }
}

static void draw_band(DfTextbuf *t, const Axes *a, const Drawn *d, size_t colour)
{
    df_textbuf_add(t, "<path class=\"band\" style=\"fill:var(--c%zu)\" d=\"M", colour);
    for (size_t i = 0; i < d->n; i++)
        df_textbuf_add(t, "%.1f %.1f ", at_x(a, d->x[i]), at_y(a, d->most[i]));
    for (size_t i = d->n; i-- > 0;)
        df_textbuf_add(t, "%.1f %.1f ", at_x(a, d->x[i]), at_y(a, d->least[i]));
    df_textbuf_add(t, "z\"/>");
}

static void draw_curve(DfTextbuf *t, const Axes *a, const DfCurve *curve, bool smooth, size_t colour)
{
    Drawn d;
    summarise(&d, curve, smooth);
    if (d.n == 0)
        return;
    if (smooth && curve->n > d.n)
        draw_band(t, a, &d, colour);
    df_textbuf_add(t, "<path class=\"curve\" style=\"stroke:var(--c%zu)\" d=\"M", colour);
    for (size_t i = 0; i < d.n; i++)
        df_textbuf_add(t, "%.1f %.1f ", at_x(a, d.x[i]), at_y(a, d.y[i]));
    df_textbuf_add(t, "\"/>");
    for (size_t i = 0; i < d.n && d.n <= 30; i++)
        df_textbuf_add(t, "<path class=\"dot\" style=\"stroke:var(--c%zu)\" d=\"M%.1f %.1fh0\"/>", colour,
                       at_x(a, d.x[i]), at_y(a, d.y[i]));
}

/* Name and last value of each curve, under its colour. */
static void draw_key(DfTextbuf *t, const DfTrainingChart *chart)
{
    df_textbuf_add(t, "<div class=key>");
    for (size_t i = 0; i < chart->n; i++) {
        const DfCurve *curve = &chart->curves[i];
        df_textbuf_add(t, "<span><i style=\"background:var(--c%zu)\"></i>", i % COLOURS);
        df_textbuf_html(t, curve->name);
        if (curve->n && isfinite(curve->y[curve->n - 1]))
            df_textbuf_add(t, chart->percent ? " <b>%.1f</b>" : " <b>%.4g</b>",
                           (chart->percent ? 100 : 1) * curve->y[curve->n - 1]);
        df_textbuf_add(t, "</span>");
    }
    df_textbuf_add(t, "</div>");
}

static ReportPlot plot_of(const Axes *a)
{
    return (ReportPlot){
        .x1 = a->x1,
        .y0 = a->y0,
        .y1 = a->y1,
        .x_step = fmax(1, round_step(fmax(a->x1, 1), 4)),
        .y_step = round_step(a->y1 - a->y0, 4),
        .x_times = 1,
        .y_times = a->percent ? 100 : 1,
        .x_name = "step",
        .y_name = a->percent ? "percent" : "",
        .about = "Curves over the steps of the run",
    };
}

static int draw_chart(DfTextbuf *t, const DfTrainingChart *chart)
{
    Axes axes;
    const int error = choose_axes(&axes, &in_page, chart);
    if (error < 0)
        return error;
    const ReportPlot plot = plot_of(&axes);
    df_textbuf_add(t, "<div class=panel><h3>");
    df_textbuf_html(t, chart->title);
    df_textbuf_add(t, " <span class=dim>");
    df_textbuf_html(t, chart->lead);
    df_textbuf_add(t, "</span></h3>");
    df_plot_begin(t, &plot);
    for (size_t i = chart->n; i-- > 0;) /* the first one on top */
        draw_curve(t, &axes, &chart->curves[i], chart->smooth, i % COLOURS);
    df_plot_end(t, &plot);
    draw_key(t, chart);
    df_textbuf_add(t, "</div>\n");
    return DF_OK;
}

/* Eight colours that stay apart for most eyes (after Okabe and Ito), lighter on dark ground. */
#define CURVE_STYLE                                                                                                    \
    ":root{--c0:#2f6fb5;--c1:#d55e00;--c2:#1f8a70;--c3:#a0499b;--c4:#b07d00;--c5:#3f9fc9;--c6:#7a6a58;--c7:#c2406b}"   \
    "@media(prefers-color-scheme:dark){:root{--c0:#6fa8e6;--c1:#ff9a52;--c2:#45c4a0;--c3:#d394d0;--c4:#e5bb4f;"        \
    "--c5:#7fd0f0;--c6:#b7a796;--c7:#f07fa3}}svg .curve{fill:none;stroke-width:1.8;stroke-linejoin:round}"             \
    "svg .band{opacity:.16}.dot{fill:none;stroke-width:5;stroke-linecap:round}"
/* ---- a drawing by itself ----------------------------------------------------------------------------------------- */

enum { CELL = LEFT + WIDTH + 24, HEAD = 44, KEY_LINE = 18, KEY_SHOWN = 8 };

/* Name and last value of each curve, one a line below the frame. */
static void draw_names(DfTextbuf *t, const DfTrainingChart *chart)
{
    for (size_t i = 0; i < chart->n && i < KEY_SHOWN; i++) {
        const DfCurve *curve = &chart->curves[i];
        const int y = TOP + HEIGHT + 40 + KEY_LINE * (int)i;
        df_textbuf_add(t,
                       "<rect x=\"%d\" y=\"%d\" width=\"12\" height=\"4\" style=\"fill:var(--c%zu)\"/><text x=\"%d\" "
                       "y=\"%d\">",
                       LEFT, y - 6, i % COLOURS, LEFT + 20, y);
        df_textbuf_html(t, curve->name);
        if (curve->n && isfinite(curve->y[curve->n - 1]))
            df_textbuf_add(t, chart->percent ? "  %.1f" : "  %.4g",
                           (chart->percent ? 100 : 1) * curve->y[curve->n - 1]);
        df_textbuf_add(t, "</text>");
    }
}

static int draw_cell(DfTextbuf *t, const DfTrainingChart *chart, size_t place)
{
    Axes axes;
    const int error = choose_axes(&axes, &in_drawing, chart);
    if (error < 0)
        return error;
    df_textbuf_add(t, "<g transform=\"translate(%zu %d)\"><text class=\"title\" x=\"%d\" y=\"-20\">", place * CELL,
                   HEAD, LEFT);
    df_textbuf_html(t, chart->title);
    df_textbuf_add(t, "</text><text x=\"%d\" y=\"-4\">", LEFT);
    df_textbuf_html(t, chart->lead);
    df_textbuf_add(t, "</text>");
    draw_axes(t, &axes);
    for (size_t i = chart->n; i-- > 0;)
        draw_curve(t, &axes, &chart->curves[i], chart->smooth, i % COLOURS);
    draw_names(t, chart);
    df_textbuf_add(t, "</g>\n");
    return DF_OK;
}

int df_report_curves(const DfTrainingChart *charts, size_t n, char **out)
{
    DfTextbuf t = { 0 };
    size_t lines = 0;
    int error = DF_OK;
    for (size_t i = 0; i < n; i++)
        lines = charts[i].n > lines ? charts[i].n : lines;
    lines = lines < KEY_SHOWN ? lines : KEY_SHOWN;
    df_textbuf_add(&t, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %zu %zu\">"
                   "<style>" CURVE_STYLE ":root{--ink:#222;--soft:#666;--line:#ddd}"
                   "@media(prefers-color-scheme:dark){:root{--ink:#eee;--soft:#aaa;--line:#444}}"
                   "text{font:12px sans-serif;fill:var(--soft)}.title{font:600 15px sans-serif;fill:var(--ink)}"
                   ".grid{stroke:var(--line);fill:none}</style>\n",
                   n * CELL, (size_t)(HEAD + TOP + HEIGHT + 30) + lines * KEY_LINE);
    for (size_t i = 0; error == DF_OK && i < n; i++)
        error = draw_cell(&t, &charts[i], i);
    df_textbuf_add(&t, "</svg>\n");
    if (error == DF_OK)
        return df_textbuf_take(&t, out);
    df_free(t.at);
    return error;
}

/* ---- the page ---------------------------------------------------------------------------------------------------- */

static const char style[] =
    "<style>" CURVE_STYLE ".key b{color:var(--ink);font-weight:600}.shot p b{font-weight:600}"
    "</style>\n";

static void put_cards(DfTextbuf *t, const DfTrainingPage *page)
{
    df_textbuf_add(t, "<div class=cards>");
    for (size_t i = 0; i < page->n_cards; i++)
        df_report_card_text(t, page->card_names[i], page->card_values[i], i == 0);
    df_textbuf_add(t, "</div>\n");
}

static int put_charts(ReportPage *p, const DfTrainingPage *page)
{
    int error = DF_OK;
    df_report_section(p, "Curves", "Curves", "Over the steps of the run.");
    df_textbuf_add(&p->text, "<div class=two>");
    for (size_t i = 0; error == DF_OK && i < page->n_charts; i++)
        error = draw_chart(&p->text, &page->charts[i]);
    df_textbuf_add(&p->text, "</div>");
    df_report_section_end(p);
    return error;
}

static void put_half(DfTextbuf *t, const char *what, const char *path)
{
    df_textbuf_add(t, "<div><img alt=\"as %s\" src=\"", what);
    df_textbuf_html(t, path);
    df_textbuf_add(t, "\"><p>%s</p></div>", what);
}

static void put_picture(DfTextbuf *t, const DfTrainingPicture *p)
{
    df_textbuf_add(t, "<div class=shot><div class=pair>");
    put_half(t, "labelled", p->truth);
    put_half(t, "found", p->found);
    df_textbuf_add(t, "</div><p><b>");
    df_textbuf_html(t, p->name);
    df_textbuf_add(t, "</b></p></div>\n");
}

static void put_pictures(ReportPage *p, const DfTrainingPage *page)
{
    df_report_section(p, "Pictures", "Validation pictures", page->pictures_lead);
    df_textbuf_add(&p->text, "<div class=\"shots wide\">");
    for (size_t i = 0; i < page->n_pictures; i++)
        put_picture(&p->text, &page->pictures[i]);
    df_textbuf_add(&p->text, "</div>");
    df_report_section_end(p);
}

int df_report_training(const DfTrainingPage *page, char **out)
{
    ReportPage p;
    int error = DF_OK;
    df_report_begin(&p, page->title);
    if (page->reload > 0) /* browsers take it in the body too */
        df_textbuf_add(&p.text, "<meta http-equiv=refresh content=%d>", page->reload);
    df_textbuf_add(&p.text, "%s", style);
    df_textbuf_add(&p.lead, "<p>");
    df_textbuf_html(&p.lead, page->state);
    df_textbuf_add(&p.lead, "</p>");
    put_cards(&p.text, page);
    if (page->n_charts)
        error = put_charts(&p, page);
    if (page->n_pictures)
        put_pictures(&p, page);
    return df_report_end(
        &p, page->reload > 0 ? "This page reloads itself during the run." : "The run is over.", error, out);
}
