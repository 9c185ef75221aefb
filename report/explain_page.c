/* SPDX-License-Identifier: Apache-2.0
 *
 * report/explain_page.c -- the page that explains a COCO score: its head, and its parts in their order.
 */
#include "report/explain_parts.h"
#include "report/report.h"

static void head(ReportPage *p, const DfExplain *e, const char *title)
{
    static const struct { const char *name; int place;
    } cards[] = {
        { "AP", 0 },        { "AP50", 1 },     { "AP75", 2 },  { "AP small", 3 },
        { "AP medium", 4 }, { "AP large", 5 }, { "AR100", 8 },
    };
    const DfExplainNumbers *numbers = df_explain_numbers(e);
    DfTextbuf *t = &p->text;
    size_t truths = 0;
    size_t detections = 0;
    for (size_t k = 0; k < numbers->n_classes; k++) {
        truths += numbers->classes[k].truths;
        detections += numbers->classes[k].detections;
    }
    df_report_begin(p, title);
    df_textbuf_add(
        &p->lead,
        "<p>%s: %zu images &middot; %zu objects of %zu classes &middot; %zu detections</p>",
        df_explain_of_masks(e) ? "masks" : "boxes", numbers->n_images, truths, numbers->n_classes, detections);
    df_textbuf_add(t, "<div class=cards>");
    for (size_t i = 0; i < sizeof cards / sizeof *cards; i++)
        df_report_card(t, cards[i].name, df_explain_eval(e)->stats[cards[i].place], i == 0);
    df_textbuf_add(t, "</div>\n");
}

int df_report_explain(const DfExplain *e, const char *title, char **out)
{
    ReportPage p;
    head(&p, e, title);
    df_report_tide(&p, e);
    df_report_precision(&p, e);
    df_report_scores(&p, e);
    df_report_classes(&p, e);
    df_report_confusion(&p, e);
    df_report_slices(&p, e);
    int error = df_report_images(&p, e);
    df_report_errors(&p, e);
    if (error == DF_OK)
        error = df_report_suspects(&p, e);
    return df_report_end(
        &p,
        "Average precision is computed as in pycocotools, errors as in TIDE (Bolya et al., ECCV 2020): at IoU 0.5, "
        "with the 100 best detections of each image. Detections inside a crowd region do not count.",
        error, out);
}
