/* SPDX-License-Identifier: Apache-2.0
 *
 * report/explain_charts.c -- the drawings of the page: what errors cost, precision over recall, scores, calibration.
 */
#include <math.h>
#include <stdio.h>

#include "report/explain_parts.h"
#include "report/plot.h"

/* ---- TIDE -------------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *name, *meaning;
} Kind;

static const Kind kinds[DF_TIDE_KINDS] = {
    [DF_TIDE_CLS] = { "Classification", "right place, wrong class" },
    [DF_TIDE_LOC] = { "Localisation", "right class, wrong place (IoU 0.1 to 0.5)" },
    [DF_TIDE_BOTH] = { "Both", "wrong class and wrong place" },
    [DF_TIDE_DUPE] = { "Duplicate", "a better detection found it already" },
    [DF_TIDE_BKG] = { "Background", "there is no object (IoU at most 0.1)" },
    [DF_TIDE_MISS] = { "Missed", "an object without any detection near it" },
};

static void tide_row(DfTextbuf *t, const Kind *kind, const char *count, double cost, double most, const char *class)
{
    df_textbuf_add(t, "<div><div><b>%s</b><small>%s</small></div><div class=track><i class=%s style=\"--v:%.4f\"></i>"
                      "<span>%.2f <small>%s</small></span></div></div>\n",
                   kind->name, kind->meaning, class, most > 0 && cost > 0 ? cost / most : 0, 100 * cost, count);
}

void df_report_tide(ReportPage *p, const DfExplain *e)
{
    static const Kind false_positives = { "False positives", "no wrong detection before a correct one" };
    static const Kind false_negatives = { "False negatives", "no object missed" };
    const DfTide *tide = &df_explain_numbers(e)->tide;
    DfTextbuf *t = &p->text;
    double most = fmax(tide->false_positives, tide->false_negatives);
    char count[48];
    for (int i = 0; i < DF_TIDE_KINDS; i++)
        most = fmax(most, tide->cost[i]);
    df_report_section(
        p, "Errors", "Which errors cost most",
        "How many points AP50 would gain if all errors of one kind were corrected, and nothing else. A longer bar is a "
        "larger gain.");
    df_textbuf_add(t, "<div class=panel><div class=bars>");
    for (int i = 0; i < DF_TIDE_KINDS; i++) {
        snprintf(count, sizeof count, "%zu error%s", tide->count[i], tide->count[i] == 1 ? "" : "s");
        tide_row(t, &kinds[i], count, tide->cost[i], most, i == DF_TIDE_MISS ? "missed" : "bad");
    }
    df_textbuf_add(t, "<hr>");
    tide_row(t, &false_positives, "", tide->false_positives, most, "accent");
    tide_row(t, &false_negatives, "", tide->false_negatives, most, "accent");
    df_textbuf_add(t,
                   "</div><p class=note>Points of AP50, which is now %.1f. The gains do not add up, because correcting "
                   "one "
                   "error can uncover another.</p></div>",
                   100 * tide->ap50);
    df_report_section_end(p);
}

/* ---- precision over recall --------------------------------------------------------------------------------------- */

/* Mean over the classes with ground truth; all areas, most detections. */
static double mean_precision(const DfCocoEval *e, size_t threshold, size_t recall)
{
    double sum = 0;
    size_t n = 0;
    for (size_t k = 0; k < e->n_classes; k++) {
        const double p = df_coco_curve(e, k, 0, e->n_max_dets - 1, threshold)[recall];
        if (p > -1) {
            sum += p;
            n++;
        }
    }
    return n ? sum / (double)n : 0;
}

static void curve(DfTextbuf *t, const ReportPlot *plot, const DfCocoEval *e, size_t threshold, double opacity)
{
    df_textbuf_add(t, "<path fill=none stroke=\"var(--accent)\" stroke-width=%s stroke-opacity=%.2f d=\"",
                   threshold == 0 ? "2.6" : "1.4", opacity);
    for (size_t r = 0; r < e->n_recalls; r++)
        df_textbuf_add(t, "%c%.0f %.0f", r ? 'L' : 'M',
                       df_plot_x(plot, e->n_recalls > 1 ? (double)r / (double)(e->n_recalls - 1) : 0),
                       df_plot_y(plot, mean_precision(e, threshold, r)));
    df_textbuf_add(t, "\"><title>IoU %.2f</title></path>", e->ious[threshold]);
}

static void small_curve(DfTextbuf *t, const DfCocoEval *eval, size_t k)
{
    const size_t step = eval->n_recalls > 50 ? 4 : 1;
    df_textbuf_add(t, "<svg viewBox=\"0 0 130 74\" preserveAspectRatio=none aria-hidden=true><path class=grid d=\"M1 "
                      "1V73H129\"/>"
                      "<path fill=\"var(--accent)\" fill-opacity=.16 stroke=\"var(--accent)\" d=\"M1 73");
    for (size_t r = 0; r < eval->n_recalls; r += step) {
        const double p = df_coco_curve(eval, k, 0, eval->n_max_dets - 1, 0)[r];
        const double along = eval->n_recalls > 1 ? (double)r / (double)(eval->n_recalls - 1) : 0;
        df_textbuf_add(t, "L%.1f %.1f", 1 + 128 * along, 73 - 72 * (p > 0 ? p : 0));
    }
    df_textbuf_add(t, "L129 73\"/></svg>");
}

/* The classes as small curves at the first threshold, so that the eye finds the odd one. */
static void small_curves(DfTextbuf *t, const DfExplain *e)
{
    const DfCocoEval *eval = df_explain_eval(e);
    const DfExplainClass *classes = df_explain_numbers(e)->classes;
    df_textbuf_add(t, "<details%s><summary>The curve of every class at IoU %.2f</summary><div class=minis>",
                   eval->n_classes <= 12 ? " open" : "", eval->ious[0]);
    for (size_t k = 0; k < eval->n_classes; k++) {
        if (classes[k].ap < 0)
            continue;
        df_textbuf_add(t, "<div>");
        small_curve(t, eval, k);
        df_textbuf_html(t, df_explain_class_names(e)[k]);
        df_textbuf_add(t, " <span class=dim>%.1f</span></div>", 100 * classes[k].ap50);
    }
    df_textbuf_add(t, "</div></details>");
}

static void ap_of_ious(DfTextbuf *t, const DfCocoEval *eval)
{
    df_textbuf_add(t, "<table><tbody>");
    for (size_t i = 0; i < eval->n_ious; i++) {
        double sum = 0;
        for (size_t r = 0; r < eval->n_recalls; r++)
            sum += mean_precision(eval, i, r);
        const double ap = sum / (double)eval->n_recalls;
        df_textbuf_add(t, "<tr><td class=l>%.2f<td>%.1f<td style=\"width:75%%\"><div class=track><i class=accent "
                          "style=\"width:%.1f%%;height:.5rem\"></i></div>", eval->ious[i], 100 * ap, 100 * ap);
    }
    df_textbuf_add(t, "</tbody></table>");
}

void df_report_precision(ReportPage *p, const DfExplain *e)
{
    const DfCocoEval *eval = df_explain_eval(e);
    const ReportPlot plot = df_plot_of_shares("recall", "precision", "Precision over recall, a curve for each IoU");
    DfTextbuf *t = &p->text;
    df_report_section(
        p, "Precision", "Precision and recall",
        "The mean over all classes, a curve for each IoU: the darkest is that of 0.50. AP is the area under a curve. "
        "Where the curves of high IoU are far below the others, objects are found but their positions are inaccurate.");
    df_textbuf_add(t, "<div class=panel><div class=two><div>");
    df_plot_begin(t, &plot);
    for (size_t i = eval->n_ious; i-- > 0;)
        curve(t, &plot, eval, i, eval->n_ious > 1 ? 1 - 0.75 * (double)i / (double)(eval->n_ious - 1) : 1);
    df_plot_end(t, &plot);
    df_textbuf_add(t, "</div><div><h3>AP at each IoU</h3>");
    ap_of_ious(t, eval);
    df_textbuf_add(t, "</div></div>");
    small_curves(t, e);
    df_textbuf_add(t, "</div>");
    df_report_section_end(p);
}

/* ---- scores ------------------------------------------------------------------------------------------------------ */

static void bar(DfTextbuf *t, const ReportPlot *plot, const char *class, double x0, double x1, double height)
{
    const double left = df_plot_x(plot, x0);
    const double top = df_plot_y(plot, height);
    df_textbuf_add(t, "<rect class=%s x=%.1f y=%.1f width=%.1f height=%.1f />", class, left, top,
                   df_plot_x(plot, x1) - left, PLOT_SIDE - top);
}

static void histogram(DfTextbuf *t, const DfExplainNumbers *n)
{
    const ReportPlot plot = df_plot_of_shares("score", "detections, relative to the fullest bin (square root)",
                                              "Correct and wrong detections by score");
    const double wide = 1.0 / DF_SCORE_BINS;
    size_t most = 1;
    for (int b = 0; b < DF_SCORE_BINS; b++)
        most = n->histogram[b].n > most ? n->histogram[b].n : most;
    df_plot_begin(t, &plot);
    for (int b = 0; b < DF_SCORE_BINS; b++) {
        const DfScoreBin *bin = &n->histogram[b];
        const size_t wrong = bin->n - bin->right;
        df_textbuf_add(t, "<g><title>%.2f to %.2f: %zu correct, %zu wrong</title>", b * wide, (b + 1) * wide,
                       bin->right, wrong);
        bar(t, &plot, "good", (b + .08) * wide, (b + .48) * wide, sqrt((double)bin->right / (double)most));
        bar(t, &plot, "bad", (b + .52) * wide, (b + .92) * wide, sqrt((double)wrong / (double)most));
        df_textbuf_add(t, "</g>");
    }
    df_plot_end(t, &plot);
    df_textbuf_add(t, "<p class=key><span><i class=good></i>correct</span><span><i class=bad></i>wrong</span></p>");
}

static void reliability(DfTextbuf *t, const DfExplainNumbers *n)
{
    const ReportPlot plot = df_plot_of_shares("score", "share of correct detections",
                                              "Share of correct detections by score");
    const double wide = 1.0 / DF_CALIBRATION_BINS;
    df_plot_begin(t, &plot);
    for (int b = 0; b < DF_CALIBRATION_BINS; b++) {
        const DfScoreBin *bin = &n->bins[b];
        if (bin->n == 0)
            continue;
        const double share = (double)bin->right / (double)bin->n;
        const double mean = bin->score / (double)bin->n;
        const double x0 = (b + .06) * wide;
        const double x1 = (b + .94) * wide;
        df_textbuf_add(t, "<g><title>%zu detections, mean score %.3f, correct %.3f</title>", bin->n, mean, share);
        bar(t, &plot, "accent", x0, x1, share);
        df_textbuf_add(t, "<path stroke=\"var(--bad)\" stroke-width=2.5 d=\"M%.1f %.1fH%.1f\"/></g>",
                       df_plot_x(&plot, x0), df_plot_y(&plot, mean), df_plot_x(&plot, x1));
    }
    df_textbuf_add(t, "<path class=axis stroke-dasharray=\"4 4\" d=\"M0 %dL%d 0\"/>", PLOT_SIDE, PLOT_SIDE);
    df_plot_end(t, &plot);
    df_textbuf_add(t, "<p class=key><span><i class=accent></i>share of correct detections</span><span><i "
                      "class=bad></i>mean score</span></p>");
}

void df_report_scores(ReportPage *p, const DfExplain *e)
{
    const DfExplainNumbers *numbers = df_explain_numbers(e);
    DfTextbuf *t = &p->text;
    df_report_section(
        p, "Scores", "Scores",
        "First: the scores of correct and of wrong detections. Second: whether a score can be read as a probability. "
        "Where a bar ends below its line, scores are too high.");
    df_textbuf_add(t, "<div class=two><div class=panel><h3>Correct and wrong detections by score</h3>");
    histogram(t, numbers);
    df_textbuf_add(t, "</div><div class=panel><h3>Calibration");
    if (!isnan(numbers->ece))
        df_textbuf_add(t, " &middot; expected calibration error %.1f%%", 100 * numbers->ece);
    df_textbuf_add(t, "</h3>");
    reliability(t, numbers);
    df_textbuf_add(t, "</div></div>");
    df_report_section_end(p);
}
