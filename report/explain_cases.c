/* SPDX-License-Identifier: Apache-2.0
 *
 * report/explain_cases.c -- the cases of the page: false detections of high score, large objects not found.
 */
#include <math.h>
#include <stdio.h>

#include "report/explain_parts.h"

enum { ROWS = 60 };

const char *df_report_error_name(DfTideKind kind)
{
    static const char *const names[DF_TIDE_KINDS] = {
        [DF_TIDE_CLS] = "wrong class",       [DF_TIDE_LOC] = "wrong place", [DF_TIDE_BOTH] = "wrong class and place",
        [DF_TIDE_DUPE] = "found twice",      [DF_TIDE_BKG] = "no object",   [DF_TIDE_MISS] = "missed",
    };
    return names[kind];
}

static void false_row(ReportTable *table, const DfExplain *e, size_t at)
{
    const char *const *names = df_explain_class_names(e);
    const DfExplainDetection d = df_explain_detection(e, at);
    df_report_row(table);
    df_report_cell_text(table, "", names[d.class_place]);
    df_report_cell(table, "");
    df_textbuf_add(table->text, "%.3f", d.score);
    df_report_cell(table, "");
    df_textbuf_add(table->text, "<span class=tag>%s</span>", df_report_error_name(d.kind));
    if (d.object == DF_NO_CASE)
        df_report_cell_text(table, "dim", "none close");
    else
        df_report_cell_text(table, "", names[df_explain_object(e, d.object).class_place]);
    df_report_cell(table, "");
    df_textbuf_add(table->text, "%.2f", d.iou);
    df_report_cell_text(table, "wrap", df_explain_image(e, d.image).name);
    df_report_cell(table, "dim");
    df_textbuf_add(table->text, "%u\n", d.number);
}

static void missed_row(ReportTable *table, const DfExplain *e, size_t at)
{
    const char *const *names = df_explain_class_names(e);
    const DfExplainObject object = df_explain_object(e, at);
    df_report_row(table);
    df_report_cell_text(table, "", names[object.class_place]);
    df_report_cell(table, "");
    df_textbuf_add(table->text, "%.0f &times; %.0f", object.box[2], object.box[3]);
    if (object.nearly_found_by == DF_NO_CASE) {
        df_report_cell_text(table, "dim", "no");
    } else {
        const DfExplainDetection near = df_explain_detection(e, object.nearly_found_by);
        df_report_cell(table, "");
        df_textbuf_add(table->text, "<span class=tag>%s</span> ", df_report_error_name(near.kind));
        df_textbuf_html(table->text, names[near.class_place]);
        df_textbuf_add(table->text, " %.2f", near.score);
    }
    df_report_cell_text(table, "wrap", df_explain_image(e, object.image).name);
    df_report_cell(table, "dim");
    df_textbuf_add(table->text, "%u\n", object.line);
}

/* Of n things the first ROWS in order of descending value, as indices; what `keep` does not want is left out. */
typedef double Value(const DfExplain *, size_t at); /* NAN: not wanted */

static double false_value(const DfExplain *e, size_t at)
{
    const DfExplainDetection detection = df_explain_detection(e, at);
    return detection.wrong ? detection.score : (double)NAN;
}

static double missed_value(const DfExplain *e, size_t at)
{
    const DfExplainObject object = df_explain_object(e, at);
    return object.missed ? object.box[2] * object.box[3] : (double)NAN;
}

static size_t first_rows(const DfExplain *e, size_t n, Value *value, size_t rows[ROWS])
{
    double kept[ROWS];
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        const double x = value(e, i);
        if (isnan(x) || (count == ROWS && x <= kept[ROWS - 1]))
            continue;
        size_t at = count < ROWS ? count++ : ROWS - 1;
        for (; at > 0 && kept[at - 1] < x; at--) {
            kept[at] = kept[at - 1];
            rows[at] = rows[at - 1];
        }
        kept[at] = x;
        rows[at] = i;
    }
    return count;
}

static void false_ones(ReportPage *p, const DfExplain *e)
{
    static const ReportColumn columns[] = {
        { "detected as", true }, { "score", false }, { "kind", true },    { "object", true },
        { "IoU", false },        { "image", true },  { "record", false },
    };
    ReportTable table = { &p->text, columns, sizeof columns / sizeof *columns, 0, true };
    size_t rows[ROWS];
    const size_t n = first_rows(e, df_explain_detections(e), false_value, rows);
    df_report_section(p, "Wrong", "Wrong detections with the highest scores",
                      "These cost most. IoU is the overlap with the object in the column before. The last column is "
                      "the position of the detection in the results file.");
    df_report_table(&table, "Wrong detections", n);
    for (size_t i = 0; i < n; i++)
        false_row(&table, e, rows[i]);
    df_report_table_end(&table);
    df_report_section_end(p);
}

static void missed_ones(ReportPage *p, const DfExplain *e)
{
    static const ReportColumn columns[] = {
        { "class", true }, { "size", false }, { "nearly found by", true }, { "image", true }, { "line", false },
    };
    ReportTable table = { &p->text, columns, sizeof columns / sizeof *columns, 0, true };
    size_t rows[ROWS];
    const size_t n = first_rows(e, df_explain_objects(e), missed_value, rows);
    df_report_section(p, "Missed", "Large objects that were not found",
                      "Not found at any score. There may be a detection near it with another class or in the wrong "
                      "place. The last column is the line in the annotation file.");
    df_report_table(&table, "Objects that were not found", n);
    for (size_t i = 0; i < n; i++)
        missed_row(&table, e, rows[i]);
    df_report_table_end(&table);
    df_report_section_end(p);
}

void df_report_errors(ReportPage *p, const DfExplain *e)
{
    false_ones(p, e);
    missed_ones(p, e);
}
