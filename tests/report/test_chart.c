/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/report/test_chart.c -- the chart of models: well formed, complete, and without anything that loads or runs.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/report.h"

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (; (text = strstr(text, what)); text += strlen(what))
        n++;
    return n;
}

static const DfChartPoint points[] = {
    { "DAT-T", "DAT", 4.6, 82.0, 81.6, 82.4 }, { "DAT-B", "DAT", 15.8, 84.0, 83.7, 84.4 }, { "DAT-S", "DAT", 9.0, 83.7, 83.3, 84.1 },
    { "Swin-T", "Swin", 4.5, 81.3, NAN, NAN },  { "Swin-S", "Swin", 8.7, 83.0, NAN, NAN },  { "<odd> & \"one\"", NULL, 6, 80, NAN, NAN },
};

Test(chart, shows_every_point_and_joins_families)
{
    const DfChart chart = { "A <title>", "below", "cost", "AP", false, points, sizeof points / sizeof *points };
    char *svg;
    cr_assert_eq(df_chart_svg(&chart, &svg), DF_OK, "%s", df_error());
    for (size_t i = 0; i < 5; i++)
        cr_expect(strstr(svg, points[i].name) != NULL, "%s", points[i].name);
    cr_expect(strstr(svg, "&lt;odd&gt; &amp; &quot;one&quot;") && strstr(svg, "A &lt;title&gt;") && !strstr(svg, "<odd>"));
    cr_expect_eq(count(svg, "<path class=\"line "), 2);
    cr_expect_eq(count(svg, "<path class=\"bar "), 3);
    cr_expect_eq(count(svg, "<path class=\"dot "), 6);
    cr_expect(!strstr(svg, "<script") && !strstr(svg, "href") && !strstr(svg, "nan") && !strstr(svg, "inf") && count(svg, "http") == 1);
    cr_expect(strstr(svg, "prefers-color-scheme:dark") && df_ends_with(svg, "</svg>\n"));
    cr_expect_eq(count(svg, "<g>"), count(svg, "</g>"));
    cr_expect_eq(count(svg, "<text"), count(svg, "</text>"));
    /* The line of a family goes from left to right: T, S, B. */
    const char *line = strstr(svg, "<path class=\"line "), *m = strchr(line, 'M');
    double x[3], y[3];
    cr_assert_eq(sscanf(m, "M%lf %lfL%lf %lfL%lf %lf", &x[0], &y[0], &x[1], &y[1], &x[2], &y[2]), 6);
    cr_expect(x[0] < x[1] && x[1] < x[2] && y[0] > y[1]);
    df_free(svg);
}

Test(chart, odd_numbers_of_points)
{
    char *svg;
    DfChart chart = { "t", "", "x", "y", true, points, 0 };
    for (chart.n = 0; chart.n < 3; chart.n++) {
        cr_assert_eq(df_chart_svg(&chart, &svg), DF_OK);
        cr_expect_eq(count(svg, "<path class=\"dot "), chart.n);
        cr_expect(!strstr(svg, "nan") && !strstr(svg, "inf"));
        df_free(svg);
    }
    const DfChartPoint zero = { "zero", NULL, 0, 0, 0, 0 }, unknown = { "unknown", NULL, NAN, 1, NAN, NAN };
    chart.n = 1;
    chart.points = &zero;
    cr_assert_eq(df_chart_svg(&chart, &svg), DF_OK);
    cr_expect(!strstr(svg, "nan") && !strstr(svg, "inf"));
    df_free(svg);
    chart.points = &unknown;
    cr_expect_eq(df_chart_svg(&chart, &svg), DF_EVALUE);
}
