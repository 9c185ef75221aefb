/* SPDX-License-Identifier: Apache-2.0
 *
 * report/plot.h -- private: a drawing with axes in a page. The drawing is an SVG of PLOT_SIDE x PLOT_SIDE that is
 * stretched to the room there is; numbers and names stand around it as text, so that they are as large in a narrow
 * window as in a wide one.
 */
#ifndef DF_REPORT_PLOT_H
#define DF_REPORT_PLOT_H

#include "core/core.h"

enum { PLOT_SIDE = 1000 };

typedef struct {
    double x0, x1, y0, y1;              /* the values at the edges                     */
    double x_step, y_step;              /* from one number at an axis to the next      */
    double x_times, y_times;            /* what numbers at an axis are multiplied with */
    const char *x_name, *y_name;        /* HTML                                        */
    const char *about;                  /* HTML: the drawing in a sentence             */
    bool powers;                        /* values are logarithms; the numbers are powers of 10 */
} ReportPlot;

double df_plot_x(const ReportPlot *, double x); /* 0 .. PLOT_SIDE */
double df_plot_y(const ReportPlot *, double y);

/* Both axes from 0 to 1. */
ReportPlot df_plot_of_shares(const char *x_name, const char *y_name, const char *about);

void df_plot_begin(DfTextbuf *, const ReportPlot *); /* what is drawn follows */
void df_plot_end(DfTextbuf *, const ReportPlot *);

#endif
