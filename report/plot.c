/* SPDX-License-Identifier: Apache-2.0
 *
 * report/plot.c -- a drawing with axes whose letters keep their size.
 */
#include "report/plot.h"

#include <math.h>

double df_plot_x(const ReportPlot *p, double x)
{
    return p->x1 > p->x0 ? PLOT_SIDE * (x - p->x0) / (p->x1 - p->x0) : 0;
}

/* What lies beyond the frame runs along its edge. */
double df_plot_y(const ReportPlot *p, double y)
{
    const double share = p->y1 > p->y0 ? (y - p->y0) / (p->y1 - p->y0) : 0;
    return PLOT_SIDE * (1 - fmin(fmax(share, 0), 1));
}

ReportPlot df_plot_of_shares(const char *x_name, const char *y_name, const char *about)
{
    return (ReportPlot){ 0, 1, 0, 1, 0.2, 0.2, 1, 1, x_name, y_name, about, false };
}

/* 0.25, 1200, 30k: short enough for the margin. */
static void add_tick(DfTextbuf *t, double v)
{
    if (fabs(v) >= 10000)
        df_textbuf_add(t, "%gk", v / 1000);
    else
        df_textbuf_add(t, "%.10g", fabs(v) < 1e-12 ? 0.0 : v);
}

static long first_line(double from, double step)
{
    return lrint(ceil(from / step - 1e-9));
}

static long last_line(double to, double step)
{
    return lrint(floor(to / step + 1e-9));
}

void df_plot_begin(DfTextbuf *t, const ReportPlot *p)
{
    df_textbuf_add(t,
                   "<div class=plot><div>%s</div><div class=area><svg viewBox=\"0 0 %d %d\" preserveAspectRatio=none "
                   "role=img aria-label=\"%s\">",
                   p->y_name, PLOT_SIDE, PLOT_SIDE, p->about);
    for (long i = first_line(p->y0, p->y_step); i <= last_line(p->y1, p->y_step); i++)
        df_textbuf_add(t, "<path class=grid d=\"M0 %.1fH%d\"/>", df_plot_y(p, (double)i * p->y_step), PLOT_SIDE);
}

void df_plot_end(DfTextbuf *t, const ReportPlot *p)
{
    df_textbuf_add(t, "</svg>");
    for (long i = first_line(p->y0, p->y_step); i <= last_line(p->y1, p->y_step); i++) {
        const double v = (double)i * p->y_step;
        df_textbuf_add(t, "<span class=y style=\"bottom:%.2f%%\">", 100 - 100 * df_plot_y(p, v) / PLOT_SIDE);
        add_tick(t, p->powers ? pow(10, v) : p->y_times * v);
        df_textbuf_add(t, "</span>");
    }
    for (long i = first_line(p->x0, p->x_step); i <= last_line(p->x1, p->x_step); i++) {
        const double v = (double)i * p->x_step;
        df_textbuf_add(t, "<span class=x style=\"left:%.2f%%\">", 100 * df_plot_x(p, v) / PLOT_SIDE);
        add_tick(t, p->powers ? pow(10, v) : p->x_times * v);
        df_textbuf_add(t, "</span>");
    }
    df_textbuf_add(t, "</div><div class=name>%s</div></div>", p->x_name);
}
