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

static void class_row(ReportTable *table, const char *name, const DfExplainClass *c)
{
    const double aps[] = { c->ap50, c->ap75, c->ap_small, c->ap_medium, c->ap_large };
    df_report_row(table);
    df_report_cell_text(table, "", name);
    df_report_cell_count(table, c->truths);
    df_report_cell_count(table, c->detections);
    df_report_cell_bar(table, c->ap);
    for (size_t i = 0; i < sizeof aps / sizeof *aps; i++)
        df_report_cell_percent(table, aps[i]);
    df_report_cell_percent(table, share(c->true_positives, c->false_positives));
    df_report_cell_percent(table, share(c->true_positives, c->false_negatives));
    df_report_cell_percent(table, c->truths ? c->best_f1 : -1);
    df_report_cell(table, "dim");
    df_textbuf_add(table->text, "%.2f", c->best_f1_score);
    df_report_cell_percent(table, c->ece);
}

void df_report_classes(ReportPage *p, const DfExplain *e)
{
    static const ReportColumn columns[] = {
        { "class", true }, { "objects", false }, { "detections", false }, { "AP", false },     { "AP50", false },
        { "AP75", false }, { "small", false },   { "medium", false },     { "large", false },  { "P", false },
        { "R", false },    { "F1", false },      { "at score", false },   { "ECE", false },
    };
    const DfExplainNumbers *numbers = df_explain_numbers(e);
    ReportTable table = { &p->text, columns, sizeof columns / sizeof *columns, 0, false };
    char lead[320];
    df_snprintf(
        lead, sizeof lead,
        "P and R are precision and recall of the detections with a score of at least %.2f. F1 is the best of all "
        "thresholds, at the score beside it. ECE is the expected calibration error.",
        numbers->score_threshold);
    df_report_section(p, "Classes", "Classes", lead);
    df_report_table(&table, "Classes", numbers->n_classes);
    for (size_t k = 0; k < numbers->n_classes; k++)
        class_row(&table, df_explain_class_names(e)[k], &numbers->classes[k]);
    df_report_table_end(&table);
    df_report_section_end(p);
}

/* ---- confusion --------------------------------------------------------------------------------------------------- */

void df_report_confusion(ReportPage *p, const DfExplain *e)
{
    const ReportMatrix matrix = { df_explain_numbers(e)->n_classes, df_explain_class_names(e),
                                  df_explain_numbers(e)->confusion, true };
    char lead[320];
    df_snprintf(
        lead, sizeof lead,
        "Rows are the classes of objects, columns the classes of detections with a score of at least %.2f. A darker "
        "cell is a larger share of its row. Last column: objects that were not found. Last row: detections without an "
        "object.",
        df_explain_numbers(e)->score_threshold);
    df_report_section(p, "Confusion", "Confusion", lead);
    df_report_matrix(&p->text, &matrix);
    df_report_section_end(p);
}
