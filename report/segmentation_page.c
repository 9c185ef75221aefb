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

static void class_row(DfTextbuf *t, const DfSegmentationPage *p, size_t k)
{
    const DfMiouResult *r = p->result;
    const size_t n = (size_t)r->classes, rival = rival_of(p, k);
    const double pixels = (double)(r->pixels - r->ignored);
    const double label = (double)r->label_area[k];
    df_textbuf_add(t, "<tr><td class=l>");
    df_textbuf_html(t, p->names[k]);
    df_textbuf_add(t, "</td>");
    df_report_percent(t, pixels > 0 ? label / pixels : -1);
    df_textbuf_add(t, "<td class=bar><i style=\"width:%.1f%%\"></i></td>", isnan(r->iou[k]) ? 0 : 100 * r->iou[k]);
    const double values[] = { r->iou[k], r->acc[k], r->precision[k], r->dice[k] };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        df_report_percent(t, isnan(values[i]) ? -1 : values[i]);
    if (rival < n) {
        df_textbuf_add(t, "<td class=l>");
        df_textbuf_html(t, p->names[rival]);
        df_textbuf_add(t, " <span class=dim>%.1f%%</span></td></tr>\n",
                       100 * (double)p->confusion[k * n + rival] / label);
    } else {
        df_textbuf_add(t, "<td class=\"l dim\">&ndash;</td></tr>\n");
    }
}

static void classes(DfTextbuf *t, const DfSegmentationPage *p)
{
    df_report_section(
        t, "Classes",
        "Recall is the share of the pixels of a class that were found (Acc in mmsegmentation); precision is the share of its predicted pixels that are correct. The last column is the class that its pixels are most often taken for, and for how many of them.");
    df_textbuf_add(
        t,
        "<div class=\"panel scroll\"><table><thead><tr><th class=l>class</th><th>share of pixels</th><th></th><th>IoU</th><th>recall</th><th>precision</th><th>Dice</th>"
        "<th class=l>taken for</th></tr></thead><tbody>\n");
    for (size_t k = 0; k < (size_t)p->result->classes; k++)
        class_row(t, p, k);
    df_textbuf_add(t, "</tbody></table></div>");
    df_report_section_end(t);
}

/* ---- images ------------------------------------------------------------------------------------------------------ */

static int by_cost(const void *a, const void *b)
{
    const DfImageSummary *x = a, *y = b;
    if (x->wrong != y->wrong)
        return x->wrong < y->wrong ? 1 : -1;
    return strcmp(x->name, y->name);
}

static void image_row(DfTextbuf *t, const DfSegmentationPage *p, const DfImageSummary *rank)
{
    df_textbuf_add(t, "<tr><td class=l>");
    df_textbuf_html(t, rank->name);
    df_textbuf_add(t, "</td><td>%.0f</td><td class=bar><i style=\"width:%.1f%%\"></i></td>", rank->wrong,
                   rank->acc > 0 ? 100 * rank->acc : 0);
    df_report_percent(t, rank->acc);
    df_report_percent(t, rank->miou);
    df_textbuf_add(t, "<td class=l>");
    df_textbuf_html(t, p->names[rank->worst]);
    df_textbuf_add(t, "</td></tr>\n");
}

static int images(DfTextbuf *t, const DfSegmentationPage *p)
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
        t, "Images with the most wrong pixels",
        "Accuracy is the share of correct pixels. mIoU is the mean over the classes in the image or in its prediction. The last column is the class that loses the most pixels.");
    df_textbuf_add(
        t,
        "<div class=\"panel scroll\"><table><thead><tr><th class=l>image</th><th>wrong pixels</th><th></th><th>accuracy</th><th>mIoU</th><th class=l>mostly lost</th>"
        "</tr></thead><tbody>\n");
    for (size_t i = 0; i < n && i < IMAGES && ranks[i].wrong > 0; i++)
        image_row(t, p, &ranks[i]);
    df_textbuf_add(t, "</tbody></table></div>");
    df_report_section_end(t);
    df_free(ranks);
    return DF_OK;
}

/* ---- the page ---------------------------------------------------------------------------------------------------- */

int df_report_segmentation(const DfSegmentationPage *p, char **out)
{
    const DfMiouResult *r = p->result;
    const struct {
        const char *name;
        double value;
    } cards[] = { { "mIoU", r->mean_iou },
                  { "aAcc", r->all_acc },
                  { "mAcc", r->mean_acc },
                  { "mDice", r->mean_dice },
                  { "mPrecision", r->mean_precision },
                  { "mBoundaryIoU", r->mean_boundary_iou } };
    const ReportMatrix matrix = { (size_t)r->classes, p->names, p->confusion, false };
    DfTextbuf t = { 0 };
    df_report_begin(&t, p->title);
    df_textbuf_add(&t,
                   "<p class=dim>%zu images &middot; %d classes &middot; %" PRIu64 " pixels, of which %" PRIu64
                   " are ignored</p>\n<div class=cards>",
                   df_image_scores_count(p->images), r->classes, r->pixels, r->ignored);
    for (size_t i = 0; i < sizeof cards / sizeof *cards - !r->has_boundary; i++)
        df_report_card(&t, cards[i].name, isnan(cards[i].value) ? -1 : cards[i].value, i == 0);
    df_textbuf_add(&t, "</div>\n");
    classes(&t, p);
    df_report_section(&t, "Confusion",
                      "Rows are the labels, columns the predictions. A darker cell is a larger share of its row.");
    df_report_matrix(&t, &matrix);
    df_report_section_end(&t);
    const int error = images(&t, p);
    df_report_end(&t, "Scores are computed as in mmsegmentation.");
    const int taken = df_textbuf_take(&t, out);
    if (error < 0 && taken == DF_OK) {
        df_free(*out);
        *out = NULL;
    }
    return error < 0 ? error : taken;
}
