/* SPDX-License-Identifier: Apache-2.0
 *
 * report/matrix.c -- which class is taken for which: a matrix, and its largest errors in words.
 */
#include <inttypes.h>
#include <math.h>

#include "report/matrix.h"

enum { DRAWN = 200, PAIRS = 12, LONG = 10000 };

static size_t side_of(const ReportMatrix *m)
{
    return m->n + m->nothing;
}

static const char *name_of(const ReportMatrix *m, size_t k, const char *none)
{
    return k < m->n ? m->names[k] : none;
}

static uint64_t count_at(const ReportMatrix *m, size_t row, size_t column)
{
    return m->counts[row * side_of(m) + column];
}

static uint64_t row_sum(const ReportMatrix *m, size_t row)
{
    uint64_t sum = 0;
    for (size_t c = 0; c < side_of(m); c++)
        sum += count_at(m, row, c);
    return sum;
}

static void cell(DfTextbuf *t, const ReportMatrix *m, size_t row, size_t column, uint64_t of, double size,
                 double left, double top)
{
    const uint64_t count = count_at(m, row, column);
    if (count == 0)
        return;
    const double part = (double)count / (double)of;
    const bool edge = row == m->n || column == m->n;
    const double x = left + (double)column * size;
    const double y = top + (double)row * size;
    df_textbuf_add(t, "<g><title>");
    df_textbuf_html(t, name_of(m, row, "nothing"));
    df_textbuf_add(t, " &#8594; ");
    df_textbuf_html(t, name_of(m, column, "not found"));
    df_textbuf_add(
        t, ": %" PRIu64 " (%.1f%%)</title><rect class=%s fill-opacity=%.3f x=%.2f y=%.2f width=%.2f height=%.2f />",
        count, 100 * part,
        row == column ? "good"
        : edge        ? "missed"
                      : "bad",
        0.08 + 0.92 * sqrt(part), x, y, size - (size > 6 ? 1 : 0), size - (size > 6 ? 1 : 0));
    if (size >= 30 && count < LONG)
        df_textbuf_add(t, "<text class=ink x=%.1f y=%.1f text-anchor=middle>%" PRIu64 "</text>", x + size / 2,
                       y + size / 2 + 4, count);
    else if (size >= 30)
        df_textbuf_add(t, "<text class=ink x=%.1f y=%.1f text-anchor=middle>%.1f%%</text>", x + size / 2,
                       y + size / 2 + 4, 100 * part);
    df_textbuf_add(t, "</g>");
}

static void draw(DfTextbuf *t, const ReportMatrix *m)
{
    const size_t n = side_of(m);
    const double left = 120;
    const double top = 108;
    const double size = fmin(56, 860 / (double)n);
    const double width = left + size * (double)n + 40;
    const double height = top + size * (double)n + 8;
    df_textbuf_add(t, "<svg viewBox=\"0 0 %.0f %.0f\" style=\"width:%.0fpx\" role=img>", width, height, width);
    for (size_t k = 0; k < n; k++) {
        const double at = ((double)k + 0.5) * size;
        const double text = fmin(11, fmax(5, size * 0.95));
        df_textbuf_add(t, "<text x=%.1f y=%.1f text-anchor=end style=\"font-size:%.1fpx\">", left - 6,
                       top + at + text / 3, text);
        df_textbuf_html(t, name_of(m, k, "nothing"));
        df_textbuf_add(t, "</text><text transform=\"translate(%.1f %.1f) rotate(-52)\" style=\"font-size:%.1fpx\">",
                       left + at, top - 6, text);
        df_textbuf_html(t, name_of(m, k, "not found"));
        df_textbuf_add(t, "</text>");
    }
    df_textbuf_add(t, "<rect class=grid x=%.1f y=%.1f width=%.1f height=%.1f />", left - .5, top - .5,
                   size * (double)n, size * (double)n);
    for (size_t r = 0; r < n; r++) {
        const uint64_t of = row_sum(m, r);
        for (size_t c = 0; c < n; c++)
            cell(t, m, r, c, of, size, left, top);
    }
    df_textbuf_add(t, "</svg>");
}

/* The pairs of classes that are confused most often, the worst first; how many there are. */
static size_t find_pairs(const ReportMatrix *m, size_t pair[PAIRS])
{
    const size_t n = side_of(m);
    size_t kept = 0;
    for (size_t i = 0; i < m->n * n; i++) {
        if (i % n == i / n || i % n >= m->n || m->counts[i] == 0)
            continue;
        size_t at = kept < PAIRS ? kept++ : PAIRS;
        if (at == PAIRS) {
            if (m->counts[pair[PAIRS - 1]] >= m->counts[i])
                continue;
            at = PAIRS - 1;
        }
        for (; at > 0 && m->counts[pair[at - 1]] < m->counts[i]; at--)
            pair[at] = pair[at - 1];
        pair[at] = i;
    }
    return kept;
}

static void worst_pairs(DfTextbuf *t, const ReportMatrix *m)
{
    const size_t n = side_of(m);
    size_t pair[PAIRS];
    const size_t kept = find_pairs(m, pair);
    if (kept)
        df_textbuf_add(t, "<h3 style=\"margin-top:20px\">Most often confused</h3><div class=key>");
    for (size_t i = 0; i < kept; i++) {
        const uint64_t count = m->counts[pair[i]];
        if (count < LONG)
            df_textbuf_add(t, "<span><b style=\"color:var(--ink)\">%" PRIu64 "</b> &times; ", count);
        else
            df_textbuf_add(t, "<span><b style=\"color:var(--ink)\">%.1f%%</b> of ",
                           100 * (double)count / (double)row_sum(m, pair[i] / n));
        df_textbuf_html(t, m->names[pair[i] / n]);
        df_textbuf_add(t, " taken for ");
        df_textbuf_html(t, m->names[pair[i] % n]);
        df_textbuf_add(t, "</span>");
    }
    if (kept)
        df_textbuf_add(t, "</div>");
}

void df_report_matrix(DfTextbuf *t, const ReportMatrix *m)
{
    df_textbuf_add(t, "<div class=\"panel scroll\">");
    if (m->n <= DRAWN)
        draw(t, m);
    else
        df_textbuf_add(t, "<p class=dim>The matrix of %zu classes is too large to draw; --json writes it.</p>", m->n);
    worst_pairs(t, m);
    df_textbuf_add(t, "</div>");
}
