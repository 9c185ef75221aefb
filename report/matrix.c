/* SPDX-License-Identifier: Apache-2.0
 *
 * report/matrix.c -- which class is taken for which: a matrix, and its largest errors in words.
 */
#include <inttypes.h>
#include <math.h>

#include "report/matrix.h"

enum { DRAWN = 200, PAIRS = 12, LONG = 10000, WITH_NUMBERS = 46, SMALLEST = 12 }; /* sides of a cell, in pixels */

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

static void cell(DfTextbuf *t, const ReportMatrix *m, size_t row, size_t column, uint64_t of, int side)
{
    const uint64_t count = count_at(m, row, column);
    const char *colour = row == column ? "good" : "bad";
    if (count == 0) {
        df_textbuf_add(t, "<td>");
        return;
    }
    if (row == m->n || column == m->n)
        colour = "miss";
    const double part = (double)count / (double)of;
    df_textbuf_add(t, "<td style=\"--c:var(--%s);--p:%.0f%%\" title=\"", colour, 8 + 72 * sqrt(part));
    df_textbuf_html(t, name_of(m, row, "nothing"));
    df_textbuf_add(t, " &#8594; ");
    df_textbuf_html(t, name_of(m, column, "not found"));
    df_textbuf_add(t, ": %" PRIu64 " (%.1f%%)\">", count, 100 * part);
    if (side >= WITH_NUMBERS && count < LONG)
        df_textbuf_add(t, "%" PRIu64, count);
    else if (side >= WITH_NUMBERS)
        df_textbuf_add(t, "%.1f%%", 100 * part);
}

/* A table, so that its letters keep their size: it scrolls in its box, and the names stay. */
static void draw(DfTextbuf *t, const ReportMatrix *m)
{
    const size_t n = side_of(m);
    const int side = n <= 20 ? WITH_NUMBERS : SMALLEST;
    df_textbuf_add(t,
                   "<div class=\"scroll matrix%s\" tabindex=0 role=region aria-label=Confusion "
                   "style=\"--n:%zu;--least:%dpx\">"
                   "<table><thead><tr><th>",
                   n > 30 ? " tall" : "", n, side);
    for (size_t k = 0; k < n; k++) {
        df_textbuf_add(t, "<th scope=col>");
        df_textbuf_html(t, name_of(m, k, "not found"));
    }
    df_textbuf_add(t, "</thead><tbody>\n");
    for (size_t r = 0; r < n; r++) {
        const uint64_t of = row_sum(m, r);
        df_textbuf_add(t, "<tr><th scope=row>");
        df_textbuf_html(t, name_of(m, r, "nothing"));
        for (size_t c = 0; c < n; c++)
            cell(t, m, r, c, of, side);
    }
    df_textbuf_add(t, "</tbody></table></div>");
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
        df_textbuf_add(t, "<h3>Most often confused</h3><div class=key>");
    for (size_t i = 0; i < kept; i++) {
        const uint64_t count = m->counts[pair[i]];
        if (count < LONG)
            df_textbuf_add(t, "<span><b class=ink>%" PRIu64 "</b> &times; ", count);
        else
            df_textbuf_add(t, "<span><b class=ink>%.1f%%</b> of ",
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
    df_textbuf_add(t, "<div class=\"panel measured\">");
    if (m->n <= DRAWN)
        draw(t, m);
    else
        df_textbuf_add(t, "<p class=dim>The matrix of %zu classes is too large to draw; --json writes it.</p>", m->n);
    worst_pairs(t, m);
    df_textbuf_add(t, "</div>");
}
