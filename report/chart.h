/* SPDX-License-Identifier: Apache-2.0
 *
 * report/chart.h -- a drawing of points with names and intervals: accuracy over cost. One SVG file without scripts,
 * light or dark as its reader is.
 */
#ifndef DF_REPORT_CHART_H
#define DF_REPORT_CHART_H

#include <stdbool.h>
#include <stddef.h>

#include "core/core.h"

DF_BEGIN_DECLS

typedef struct {
    const char *name;
    const char *family;  /* points of a family are joined, in order of x, and share a colour; NULL: alone */
    double x, y;
    double low, high;    /* an interval of y; NAN: none                                                   */
} DfChartPoint;

typedef struct {
    const char *title, *subtitle, *x_name, *y_name; /* subtitle may be "" */
    bool less_is_better; /* of y                */
    const DfChartPoint *points;
    size_t n;
} DfChart;

DF_API int df_chart_svg(const DfChart *, char **out); /* df_free it */

DF_END_DECLS

#endif
