/* SPDX-License-Identifier: Apache-2.0
 *
 * report/compare_page.c -- the page that shows results side by side: its scores and classes. What changed in single
 * images is in compare_images.c.
 */
#include "report/compare_page.h"

#include <math.h>
#include <stdlib.h>

#include "report/compare_parts.h"

/* ---- scores ------------------------------------------------------------------------------------------------------ */

/* The axis of a metric: a part of 0..1 in which all its intervals lie, so that they can be told apart. */
typedef struct {
    double from, to;
} Span;

static Span span_of(const DfComparePage *p, size_t metric)
{
    Span s = { 1, 0 };
    for (size_t r = 0; r < p->n; r++) {
        const DfCompared n = df_compare_metric(p->compare, r, metric);
        s.from = fmin(s.from, isnan(n.low) ? n.value : n.low);
        s.to = fmax(s.to, isnan(n.high) ? n.value : n.high);
    }
    s.from = fmax(0, floor(10 * s.from) / 10);
    s.to = fmin(1, ceil(10 * s.to) / 10);
    if (!(s.to > s.from))
        s.to = s.from + 0.1;
    return s;
}

static double place(const Span *s, double x)
{
    return (x - s->from) / (s->to - s->from);
}

static void score(DfTextbuf *t, const DfComparePage *p, size_t metric, size_t r, const Span *span)
{
    const DfCompared n = df_compare_metric(p->compare, r, metric);
    const DfCompared first = df_compare_metric(p->compare, 0, metric);
    df_textbuf_add(t, "<div class=slice><div><b>");
    df_textbuf_html(t, df_compare_name(p->compare, r));
    df_textbuf_add(t, "</b></div>");
    if (n.value < 0) {
        df_textbuf_add(t, "<div class=dim>nothing to score</div></div>\n");
        return;
    }
    df_report_whisker(t, place(span, n.value), place(span, n.low), place(span, n.high), place(span, first.value));
    df_textbuf_add(t, "<div><b>%.2f</b>", 100 * n.value);
    if (r > 0)
        df_report_difference(t, &n);
    if (isfinite(n.low))
        df_textbuf_add(t, "<small>%.1f to %.1f</small>", 100 * n.low, 100 * n.high);
    df_textbuf_add(t, "</div></div>\n");
}

static void scores(ReportPage *page, const DfComparePage *p)
{
    const DfCompareMetric *metrics;
    const size_t n = df_compare_metrics(p->compare, &metrics);
    DfTextbuf *t = &page->text;
    df_report_section(page, "Scores", "Scores",
                      "A point, and the interval in which the score would lie for other images of the same kind "
                      "(bootstrap over the images). The dotted line is the score of the first. A star marks a "
                      "difference from the first whose own interval does not contain 0.");
    df_textbuf_add(t, "<div class=two>");
    for (size_t m = 0; m < n; m++) {
        const Span span = span_of(p, m);
        df_textbuf_add(t, "<div class=\"panel slices\"><h3>%s <span class=dim>axis from %.0f to %.0f</span></h3>",
                       metrics[m].name, 100 * span.from, 100 * span.to);
        for (size_t r = 0; r < p->n; r++)
            score(t, p, m, r, &span);
        df_textbuf_add(t, "</div>");
    }
    df_textbuf_add(t, "</div>");
    df_report_section_end(page);
}

/* ---- classes ----------------------------------------------------------------------------------------------------- */

enum { CLASSES = 60 };

typedef struct {
    size_t class;
    double difference;
} Ranked;

static int by_size(const void *a, const void *b)
{
    const Ranked *x = a;
    const Ranked *y = b;
    const double one = fabs(x->difference);
    const double other = fabs(y->difference);
    if (one != other)
        return one < other ? 1 : -1;
    return (x->class > y->class) - (x->class < y->class);
}

/* The classes with the largest differences from the first result. */
static size_t rank(const DfComparePage *p, size_t r, Ranked *ranked)
{
    size_t n = 0;
    for (size_t k = 0; k < df_compare_classes(p->compare); k++) {
        const double difference = df_compare_class(p->compare, r, k).difference;
        if (isfinite(difference))
            ranked[n++] = (Ranked){ k, difference };
    }
    if (n > 1)
        qsort(ranked, n, sizeof *ranked, by_size);
    return n;
}

/* The difference on an axis from -most to most, with its interval; the dotted line is 0. */
static void class_row(ReportTable *table, const DfComparePage *p, size_t r, size_t k, double most)
{
    const DfCompared n = df_compare_class(p->compare, r, k);
    df_report_row(table);
    df_report_cell_text(table, "", df_compare_class_name(p->compare, k));
    df_report_cell_percent(table, df_compare_class(p->compare, 0, k).value);
    df_report_cell_percent(table, n.value);
    df_report_cell(table, "");
    df_report_difference(table->text, &n);
    df_report_cell(table, "range");
    df_report_whisker(table->text, 0.5 + n.difference / most / 2, 0.5 + n.diff_low / most / 2,
                      0.5 + n.diff_high / most / 2, 0.5);
    df_textbuf_add(table->text, "\n");
}

static double largest(const DfComparePage *p, size_t r, const Ranked *ranked, size_t n)
{
    double most = 0.01;
    for (size_t i = 0; i < n; i++) {
        const DfCompared c = df_compare_class(p->compare, r, ranked[i].class);
        most = fmax(most, fabs(c.difference));
        if (isfinite(c.diff_low))
            most = fmax(most, fmax(fabs(c.diff_low), fabs(c.diff_high)));
    }
    return fmin(most, 1);
}

static void class_table(ReportPage *page, const DfComparePage *p, size_t r, const Ranked *ranked, size_t n)
{
    const ReportColumn columns[] = {
        { "class", true },       { df_compare_name(p->compare, 0), false }, { df_compare_name(p->compare, r), false },
        { "difference", false }, { "its interval", false },
    };
    const size_t shown = n < CLASSES ? n : CLASSES;
    const double most = largest(p, r, ranked, shown);
    ReportTable table = { &page->text, columns, sizeof columns / sizeof *columns, 0, false };
    df_textbuf_add(&page->text, "<h3 class=part>");
    df_textbuf_html(&page->text, df_compare_name(p->compare, r));
    df_textbuf_add(&page->text, "</h3>");
    df_report_table(&table, "Classes", shown);
    for (size_t i = 0; i < shown; i++)
        class_row(&table, p, r, ranked[i].class, most);
    df_report_table_end(&table);
}

static int classes(ReportPage *page, const DfComparePage *p)
{
    Ranked *ranked = df_malloc((df_compare_classes(p->compare) + 1) * sizeof *ranked);
    if (!ranked)
        return df_fail_memory("the ranking of classes");
    df_report_section(page, "Classes", "Classes that differ most",
                      "The score of each class by the first and each other one, and the difference with its interval; "
                      "the dotted line is no difference.");
    for (size_t r = 1; r < p->n; r++) {
        const size_t n = rank(p, r, ranked);
        class_table(page, p, r, ranked, n);
    }
    df_report_section_end(page);
    df_free(ranked);
    return DF_OK;
}

/* ---- the page ---------------------------------------------------------------------------------------------------- */

static void head(ReportPage *page, const DfComparePage *p)
{
    const DfCompareMetric *metrics;
    char name[64];
    df_compare_metrics(p->compare, &metrics);
    df_textbuf_add(&page->lead, "<p>%zu results &middot; %zu images &middot; %zu classes</p>", p->n,
                   df_compare_image_count(p->compare), df_compare_classes(p->compare));
    df_textbuf_add(&page->text, "<div class=cards>");
    for (size_t r = 0; r < p->n; r++) {
        const double value = df_compare_metric(p->compare, r, 0).value;
        df_snprintf(name, sizeof name, value < 0 ? "-" : "%.1f", 100 * value);
        df_report_card_text(&page->text, df_compare_name(p->compare, r), name, r == 0);
    }
    df_textbuf_add(&page->text, "</div><p class=note>%s of each.</p>\n", metrics[0].name);
}

int df_report_compare(const DfComparePage *p, char **out)
{
    ReportPage page;
    int error = DF_OK;
    df_report_begin(&page, p->title);
    head(&page, p);
    scores(&page, p);
    if (p->n > 1)
        error = classes(&page, p);
    for (size_t r = 1; error == DF_OK && p->explained && r < p->n; r++)
        error = df_report_changes(&page, p, r);
    for (size_t r = 1; error == DF_OK && p->images && r < p->n; r++)
        error = df_report_image_changes(&page, p, r);
    return df_report_end(&page,
                         "Intervals are a bootstrap over the images (Efron and Tibshirani, 1993), the same samples for "
                         "all results.",
                         error, out);
}
