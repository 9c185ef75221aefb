/* SPDX-License-Identifier: Apache-2.0
 *
 * report/explain_tables.c -- the classes of the page: their numbers, and which class is taken for which.
 */
#include <math.h>
#include <stdio.h>

#include "report/explain_parts.h"
#include "report/matrix.h"

/* ---- classes ----------------------------------------------------------------------------------------------------- */

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
        df_report_percent(t, aps[i]);
    df_report_percent(t, share(c->true_positives, c->false_positives));
    df_report_percent(t, share(c->true_positives, c->false_negatives));
    df_report_percent(t, c->truths ? c->best_f1 : -1);
    df_textbuf_add(t, "<td class=dim>%.2f</td>", c->best_f1_score);
    df_report_percent(t, isnan(c->ece) ? -1 : c->ece);
    df_textbuf_add(t, "</tr>\n");
}

void df_report_classes(DfTextbuf *t, const DfExplain *e)
{
    char lead[320];
    df_snprintf(
        lead, sizeof lead,
        "P and R are precision and recall of the detections with a score of at least %.2f. F1 is the best of all thresholds, and stands before the threshold. ECE is the expected calibration error.",
        df_explain_numbers(e)->score_threshold);
    df_report_section(t, "Classes", lead);
    df_textbuf_add(
        t,
        "<div class=\"panel scroll\"><table><thead><tr><th class=l>class</th><th>objects</th><th>detections</th><th></th><th>AP</th><th>AP50</th><th>AP75</th><th>small</th>"
        "<th>medium</th><th>large</th><th>P</th><th>R</th><th>F1</th><th>at score</th><th>ECE</th></tr></thead><tbody>\n");
    const DfExplainNumbers *numbers = df_explain_numbers(e);
    for (size_t k = 0; k < numbers->n_classes; k++)
        class_row(t, df_explain_class_names(e)[k], &numbers->classes[k]);
    df_textbuf_add(t, "</tbody></table></div>");
    df_report_section_end(t);
}

/* ---- confusion --------------------------------------------------------------------------------------------------- */

void df_report_confusion(DfTextbuf *t, const DfExplain *e)
{
    const ReportMatrix matrix = { df_explain_numbers(e)->n_classes, df_explain_class_names(e),
                                  df_explain_numbers(e)->confusion, true };
    char lead[320];
    df_snprintf(
        lead, sizeof lead,
        "Rows are the classes of objects, columns the classes of detections with a score of at least %.2f. A darker cell is a larger share of its row. Last column: objects that were not found. Last row: detections without an object.",
        df_explain_numbers(e)->score_threshold);
    df_report_section(t, "Confusion", lead);
    df_report_matrix(t, &matrix);
    df_report_section_end(t);
}
