/* SPDX-License-Identifier: Apache-2.0
 *
 * report/segmentation_page.c -- the page that explains the score of a semantic segmentation: classes, which is taken
 * for which, and the images it does worst on.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/matrix.h"
#include "report/page.h"
#include "report/report.h"

enum { IMAGES = 50 };

/* ---- classes ----------------------------------------------------------------------------------------------------- */

/* The class that most of the pixels that are wrong go to; n: none is wrong. */
static size_t rival_of(const DfSegmentationPage *p, size_t k)
{
    const size_t n = (size_t)p->result->classes;
    size_t rival = n;
    for (size_t c = 0; c < n; c++)
        if (c != k && p->confusion[k * n + c] > (rival < n ? p->confusion[k * n + rival] : 0))
            rival = c;
    return rival;
}

static void class_row(ReportTable *table, const DfSegmentationPage *p, size_t k)
{
    const DfMiouResult *r = p->result;
    const size_t n = (size_t)r->classes;
    const size_t rival = rival_of(p, k);
    const double pixels = (double)(r->pixels - r->ignored);
    const double label = (double)r->label_area[k];
    df_report_row(table);
    df_report_cell_text(table, "", p->names[k]);
    df_report_cell_percent(table, pixels > 0 ? label / pixels : -1);
    df_report_cell_bar(table, r->iou[k]);
    df_report_cell_percent(table, r->acc[k]);
    df_report_cell_percent(table, r->precision[k]);
    df_report_cell_percent(table, r->dice[k]);
    if (rival < n) {
        df_report_cell_text(table, "", p->names[rival]);
        df_textbuf_add(table->text, " <span class=dim>%.1f%%</span>\n",
                       100 * (double)p->confusion[k * n + rival] / label);
    } else {
        df_report_cell(table, "dim");
        df_textbuf_add(table->text, "&ndash;\n");
    }
}

static void classes(ReportPage *page, const DfSegmentationPage *p)
{
    static const ReportColumn columns[] = {
        { "class", true },      { "share of pixels", false }, { "IoU", false },      { "recall", false },
        { "precision", false }, { "Dice", false },            { "taken for", true },
    };
    ReportTable table = { &page->text, columns, sizeof columns / sizeof *columns, 0, false };
    df_report_section(
        page, "Classes", "Classes",
        "Recall is the share of the pixels of a class that were found (Acc in mmsegmentation); precision is the share "
        "of its predicted pixels that are correct. The last column is the class that its pixels are most often taken "
        "for, and for how many of them.");
    df_report_table(&table, "Classes", (size_t)p->result->classes);
    for (size_t k = 0; k < (size_t)p->result->classes; k++)
        class_row(&table, p, k);
    df_report_table_end(&table);
    df_report_section_end(page);
}

/* ---- images ------------------------------------------------------------------------------------------------------ */

static int by_cost(const void *a, const void *b)
{
    const DfImageSummary *x = a, *y = b;
    if (x->wrong != y->wrong)
        return x->wrong < y->wrong ? 1 : -1;
    return strcmp(x->name, y->name);
}

static void image_row(ReportTable *table, const DfSegmentationPage *p, const DfImageSummary *rank)
{
    df_report_row(table);
    df_report_cell_text(table, "wrap", rank->name);
    df_report_cell(table, "");
    df_textbuf_add(table->text, "%.0f", rank->wrong);
    df_report_cell_bar(table, rank->acc);
    df_report_cell_percent(table, rank->miou);
    df_report_cell_text(table, "", p->names[rank->worst]);
    df_textbuf_add(table->text, "\n");
}

static void image_table(ReportPage *page, const DfSegmentationPage *p, const DfImageSummary *ranks, size_t n)
{
    static const ReportColumn columns[] = {
        { "image", true }, { "wrong pixels", false }, { "accuracy", false }, { "mIoU", false }, { "mostly lost", true },
    };
    ReportTable table = { &page->text, columns, sizeof columns / sizeof *columns, 0, true };
    df_report_table(&table, "Images", n);
    for (size_t i = 0; i < n && i < IMAGES && ranks[i].wrong > 0; i++)
        image_row(&table, p, &ranks[i]);
    df_report_table_end(&table);
}

static int images(ReportPage *page, const DfSegmentationPage *p)
{
    const DfImageScores *s = p->images;
    const size_t n = df_image_scores_count(s);
    DfImageSummary *ranks = df_malloc(n * sizeof *ranks);
    if (!ranks)
        return df_fail_memory("the ranking of images");
    for (size_t i = 0; i < n; i++)
        ranks[i] = df_image_scores_summary(s, i);
    if (n)
        qsort(ranks, n, sizeof *ranks, by_cost);
    df_report_section(
        page, "Images", "Images with the most wrong pixels",
        "Accuracy is the share of correct pixels. mIoU is the mean over the classes in the image or in its prediction. "
        "The last column is the class that loses the most pixels.");
    image_table(page, p, ranks, n);
    df_report_section_end(page);
    df_free(ranks);
    return DF_OK;
}

/* ---- the page ---------------------------------------------------------------------------------------------------- */

static void head(ReportPage *page, const DfSegmentationPage *p)
{
    DfTextbuf *t = &page->text;
    const DfMiouResult *r = p->result;
    const struct {
        const char *name;
        double value;
    } cards[] = {
        { "mIoU", r->mean_iou },   { "aAcc", r->all_acc },
        { "mAcc", r->mean_acc },   { "mDice", r->mean_dice },
        { "mPrecision", r->mean_precision }, { "mBoundaryIoU", r->mean_boundary_iou },
    };
    df_textbuf_add(&page->lead,
                   "<p>%zu images &middot; %d classes &middot; %" PRIu64 " pixels, of which %" PRIu64
                   " are ignored</p>",
                   df_image_scores_count(p->images), r->classes, r->pixels, r->ignored);
    if (p->numbered)
        df_textbuf_add(&page->lead, "<p>Classes are numbers here, from 0 on; --class-names FILE names them.</p>");
    df_textbuf_add(t, "<div class=cards>");
    for (size_t i = 0; i < sizeof cards / sizeof *cards - !r->has_boundary; i++)
        df_report_card(t, cards[i].name, isnan(cards[i].value) ? -1 : cards[i].value, i == 0);
    df_textbuf_add(t, "</div>\n");
}

int df_report_segmentation(const DfSegmentationPage *p, char **out)
{
    const ReportMatrix matrix = { (size_t)p->result->classes, p->names, p->confusion, false };
    ReportPage page;
    df_report_begin(&page, p->title);
    head(&page, p);
    classes(&page, p);
    df_report_section(&page, "Confusion", "Confusion",
                      "Rows are the labels, columns the predictions. A darker cell is a larger share of its row.");
    df_report_matrix(&page.text, &matrix);
    df_report_section_end(&page);
    const int error = images(&page, p);
    return df_report_end(&page, "Scores are computed as in mmsegmentation.", error, out);
}
