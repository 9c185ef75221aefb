/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/report/report_tables.c -- the classes of the page: their numbers, and which is taken for which.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "eval/report/report.h"

/* ---- classes ------------------------------------------------------------------------------------------------------ */

static void percent(DfTextbuf *t, double x)
{
    if (x >= 0)
        df_textbuf_add(t, "<td>%.1f</td>", 100 * x);
    else
        df_textbuf_add(t, "<td class=dim>&ndash;</td>");
}

static double share(size_t part, size_t rest)
{
    return part + rest ? (double)part / (double)(part + rest) : -1;
}

static void class_row(DfTextbuf *t, const char *name, const DfExplainClass *c)
{
    df_textbuf_add(t, "<tr><td class=l>");
    df_textbuf_html(t, name);
    df_textbuf_add(t, "</td><td>%zu</td><td>%zu</td>", c->truths, c->detections);
    df_textbuf_add(t, "<td class=bar><i style=\"width:%.1f%%\"></i></td>", c->ap > 0 ? 100 * c->ap : 0);
    const double aps[] = { c->ap, c->ap50, c->ap75, c->ap_small, c->ap_medium, c->ap_large };
    for (int i = 0; i < 6; i++)
        percent(t, aps[i]);
    percent(t, share(c->true_positives, c->false_positives));
    percent(t, share(c->true_positives, c->false_negatives));
    percent(t, c->truths ? c->best_f1 : -1);
    df_textbuf_add(t, "<td class=dim>%.2f</td>", c->best_f1_score);
    percent(t, isnan(c->ece) ? -1 : c->ece);
    df_textbuf_add(t, "</tr>\n");
}

void df_report_classes(DfTextbuf *t, const DfExplain *e)
{
    char lead[256];
    snprintf(lead, sizeof lead, "P and R: precision and recall of detections with a score of at least %.2f. F1: the best of all thresholds, and at which score. ECE: calibration error.",
             e->numbers.score_threshold);
    df_report_section(t, "Classes", lead);
    df_textbuf_add(t, "<div class=\"panel scroll\"><table><thead><tr><th class=l>class</th><th>objects</th><th>detections</th><th></th><th>AP</th><th>AP50</th><th>AP75</th><th>small</th>"
                      "<th>medium</th><th>large</th><th>P</th><th>R</th><th>F1</th><th>at</th><th>ECE</th></tr></thead><tbody>\n");
    for (size_t k = 0; k < e->numbers.n_classes; k++)
        class_row(t, e->view->class_names[k], &e->numbers.classes[k]);
    df_textbuf_add(t, "</tbody></table></div>");
    df_report_section_end(t);
}

/* ---- confusion ---------------------------------------------------------------------------------------------------- */

static const char *name_of(const DfExplain *e, size_t k, const char *none)
{
    return k < e->numbers.n_classes ? e->view->class_names[k] : none;
}

static uint64_t row_sum(const DfExplainNumbers *n, size_t row)
{
    uint64_t sum = 0;
    for (size_t c = 0; c <= n->n_classes; c++)
        sum += n->confusion[row * (n->n_classes + 1) + c];
    return sum;
}

static void cell(DfTextbuf *t, const DfExplain *e, size_t row, size_t column, uint64_t of, double size, double left, double top)
{
    const uint64_t count = e->numbers.confusion[row * (e->numbers.n_classes + 1) + column];
    if (count == 0)
        return;
    const double part = (double)count / (double)of;
    const bool edge = row == e->numbers.n_classes || column == e->numbers.n_classes;
    const double x = left + (double)column * size, y = top + (double)row * size;
    df_textbuf_add(t, "<g><title>");
    df_textbuf_html(t, name_of(e, row, "nothing"));
    df_textbuf_add(t, " &#8594; ");
    df_textbuf_html(t, name_of(e, column, "not found"));
    df_textbuf_add(t, ": %" PRIu64 " (%.1f%%)</title><rect class=%s fill-opacity=%.3f x=%.2f y=%.2f width=%.2f height=%.2f />", count, 100 * part,
                   row == column ? "good" : edge ? "missed" : "bad", 0.08 + 0.92 * sqrt(part), x, y, size - (size > 6 ? 1 : 0), size - (size > 6 ? 1 : 0));
    if (size >= 30)
        df_textbuf_add(t, "<text class=ink x=%.1f y=%.1f text-anchor=middle>%" PRIu64 "</text>", x + size / 2, y + size / 2 + 4, count);
    df_textbuf_add(t, "</g>");
}

static void matrix(DfTextbuf *t, const DfExplain *e)
{
    const size_t n = e->numbers.n_classes + 1;
    const double left = 120, top = 108, size = fmin(56, 860 / (double)n), width = left + size * (double)n + 40, height = top + size * (double)n + 8;
    df_textbuf_add(t, "<svg viewBox=\"0 0 %.0f %.0f\" style=\"width:%.0fpx\" role=img>", width, height, width);
    for (size_t k = 0; k < n; k++) {
        const double at = ((double)k + 0.5) * size, text = fmin(11, fmax(5, size * 0.95));
        df_textbuf_add(t, "<text x=%.1f y=%.1f text-anchor=end style=\"font-size:%.1fpx\">", left - 6, top + at + text / 3, text);
        df_textbuf_html(t, name_of(e, k, "nothing"));
        df_textbuf_add(t, "</text><text transform=\"translate(%.1f %.1f) rotate(-52)\" style=\"font-size:%.1fpx\">", left + at, top - 6, text);
        df_textbuf_html(t, name_of(e, k, "not found"));
        df_textbuf_add(t, "</text>");
    }
    df_textbuf_add(t, "<rect class=grid x=%.1f y=%.1f width=%.1f height=%.1f />", left - .5, top - .5, size * (double)n, size * (double)n);
    for (size_t r = 0; r < n; r++) {
        const uint64_t of = row_sum(&e->numbers, r);
        for (size_t c = 0; c < n; c++)
            cell(t, e, r, c, of, size, left, top);
    }
    df_textbuf_add(t, "</svg>");
}

/* The pairs that are confused most often, as words. */
static void worst_pairs(DfTextbuf *t, const DfExplain *e)
{
    enum { PAIRS = 12 };
    const size_t n = e->numbers.n_classes + 1;
    size_t pair[PAIRS], kept = 0;
    for (size_t i = 0; i < (n - 1) * n; i++) {
        if (i % n == i / n || i % n == n - 1 || e->numbers.confusion[i] == 0)
            continue;
        size_t at = kept < PAIRS ? kept++ : PAIRS;
        if (at == PAIRS) {
            if (e->numbers.confusion[pair[PAIRS - 1]] >= e->numbers.confusion[i])
                continue;
            at = PAIRS - 1;
        }
        for (; at > 0 && e->numbers.confusion[pair[at - 1]] < e->numbers.confusion[i]; at--)
            pair[at] = pair[at - 1];
        pair[at] = i;
    }
    if (kept)
        df_textbuf_add(t, "<h3 style=\"margin-top:20px\">Most often confused</h3><div class=key>");
    for (size_t i = 0; i < kept; i++) {
        df_textbuf_add(t, "<span><b style=\"color:var(--ink)\">%" PRIu64 "</b> &times; ", e->numbers.confusion[pair[i]]);
        df_textbuf_html(t, e->view->class_names[pair[i] / n]);
        df_textbuf_add(t, " taken for ");
        df_textbuf_html(t, e->view->class_names[pair[i] % n]);
        df_textbuf_add(t, "</span>");
    }
    if (kept)
        df_textbuf_add(t, "</div>");
}

void df_report_confusion(DfTextbuf *t, const DfExplain *e)
{
    char lead[256];
    snprintf(lead, sizeof lead, "Rows are what is there, columns what was said, at scores of at least %.2f; shades are shares of the row. Last column: not found. Last row: detections of nothing.",
             e->numbers.score_threshold);
    df_report_section(t, "Confusion", lead);
    df_textbuf_add(t, "<div class=\"panel scroll\">");
    if (e->numbers.n_classes <= 200)
        matrix(t, e);
    else
        df_textbuf_add(t, "<p class=dim>%zu classes are too many for a drawing; the JSON has the matrix.</p>", e->numbers.n_classes);
    worst_pairs(t, e);
    df_textbuf_add(t, "</div>");
    df_report_section_end(t);
}
