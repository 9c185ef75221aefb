/* SPDX-License-Identifier: Apache-2.0
 *
 * report/explain_slices.c -- the scores of parts of the data, with their intervals.
 */
#include <math.h>
#include <string.h>

#include "report/explain_parts.h"

/* The axis ends at a whole number of tens above everything that is drawn. */
static double axis_end(const DfExplain *e)
{
    double most = 0.1;
    for (size_t i = 0; i < df_explain_slices(e); i++) {
        const DfCompared ap = df_explain_slice_at(e, i).ap;
        most = fmax(most, isnan(ap.high) ? ap.value : ap.high);
    }
    return fmin(1, ceil(10 * most - 1e-9) / 10);
}

/* A point at the score, a line over its interval, a dotted line at the score of everything. */
void df_report_whisker(DfTextbuf *t, double value, double low, double high, double mark)
{
    df_textbuf_add(t, "<div class=whisker>");
    if (isfinite(mark))
        df_textbuf_add(t, "<u style=\"left:%.2f%%\"></u>", 100 * mark);
    if (isfinite(low) && isfinite(high))
        df_textbuf_add(t, "<i style=\"left:%.2f%%;width:%.2f%%\"></i>", 100 * low, 100 * (high - low));
    if (isfinite(value))
        df_textbuf_add(t, "<b style=\"left:%.2f%%\"></b>", 100 * value);
    df_textbuf_add(t, "</div>");
}

/* "+2.1", green or red if it is significant. */
void df_report_difference(DfTextbuf *t, const DfCompared *n)
{
    const char *class = "dim";
    if (n->significant)
        class = n->difference > 0 ? "up" : "down";
    const double points = fabs(n->difference) < 0.0005 ? 0 : 100 * n->difference; /* no -0.0 */
    if (isfinite(n->difference))
        df_textbuf_add(t, " <span class=%s>%+.1f%s</span>", class, points, n->significant ? "*" : "");
}

/* What the slice is held against: chance, or everything. */
static double expected(const DfSlice *s, const DfSlice *everything)
{
    return isnan(s->chance) ? everything->ap.value : s->chance;
}

static void add_numbers(DfTextbuf *t, const DfSlice *s, const DfSlice *everything)
{
    DfCompared ap = s->ap;
    ap.difference = ap.value - expected(s, everything);
    ap.significant = ap.value < s->chance_low || ap.value > s->chance_high;
    df_textbuf_add(t, "<div><b>%.1f</b>", 100 * ap.value);
    df_report_difference(t, &ap);
    if (isfinite(ap.low))
        df_textbuf_add(t, "<small>%.1f to %.1f</small>", 100 * ap.low, 100 * ap.high);
    df_textbuf_add(t, "</div>");
}

static void row(DfTextbuf *t, const DfSlice *s, double end, const DfSlice *everything)
{
    df_textbuf_add(t, "<div class=slice><div><b>");
    df_textbuf_html(t, s->name);
    df_textbuf_add(t, "</b><small>%s%s%zu image%s &middot; %zu object%s</small></div>", s->detail,
                   s->detail[0] ? "<br>" : "", s->images, s->images == 1 ? "" : "s", s->objects,
                   s->objects == 1 ? "" : "s");
    if (s->ap.value < 0) {
        df_textbuf_add(t, "<div class=dim>no object</div></div>\n");
        return;
    }
    df_report_whisker(t, s->ap.value / end, s->ap.low / end, s->ap.high / end, expected(s, everything) / end);
    add_numbers(t, s, everything);
    df_textbuf_add(t, "</div>\n");
}

static void add_lead(ReportPage *p, const DfSlice *everything)
{
    char lead[512];
    df_snprintf(
        lead, sizeof lead,
        "AP of subsets of the objects or images, with its 95%% interval for other images of the same kind (bootstrap). "
        "Compare it with the dotted line: for objects, the AP of all objects, %.1f; for images, the AP of equally many "
        "images drawn at random. A star marks a significant difference.",
        100 * everything->ap.value);
    df_report_section(p, "Slices", "Scores of subsets of the data", lead);
}

void df_report_slices(ReportPage *p, const DfExplain *e)
{
    const size_t n = df_explain_slices(e);
    const char *key = NULL;
    DfTextbuf *t = &p->text;
    if (n == 0)
        return;
    const DfSlice everything = df_explain_slice_at(e, 0);
    const double end = axis_end(e);
    add_lead(p, &everything);
    df_textbuf_add(t, "<div class=two>");
    for (size_t i = 1; i < n; i++) {
        const DfSlice s = df_explain_slice_at(e, i);
        if (!key || strcmp(key, s.key) != 0) {
            df_textbuf_add(t, "%s<div class=\"panel slices\"><h3>", key ? "</div>" : "");
            df_textbuf_html(t, s.key);
            df_textbuf_add(t, "</h3>\n");
        }
        key = s.key;
        row(t, &s, end, &everything);
    }
    df_textbuf_add(t,
                   "</div></div><p class=note>Every axis goes from 0 to %.0f. Objects outside of a slice of area, "
                   "aspect or crowding are ignored in it. Crowding is the largest IoU of an object's box with another "
                   "object of the image.</p>",
                   100 * end);
    df_report_section_end(p);
}
