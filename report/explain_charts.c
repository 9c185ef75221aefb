/* SPDX-License-Identifier: Apache-2.0
 *
 * report/explain_charts.c -- the drawings of the page: what errors cost, precision over recall, scores, calibration.
 */
#include <math.h>
#include <stdio.h>

#include "report/explain_parts.h"

/* ---- a frame with axes from 0 to 1 ------------------------------------------------------------------------------- */

typedef struct {
    double left, top, width, height;
} Frame;

static const Frame frame = { 44, 12, 420, 260 };

static double at_x(double x)
{
    return frame.left + x * frame.width;
}

static double at_y(double y)
{
    return frame.top + (1 - y) * frame.height;
}

static void frame_begin(DfTextbuf *t, const char *x_name, const char *y_name)
{
    df_textbuf_add(t, "<svg viewBox=\"0 0 476 312\" role=img>");
    for (int i = 0; i <= 5; i++) {
        const double v = i / 5.0;
        df_textbuf_add(
            t,
            "<path class=grid d=\"M%.1f %.1fH%.1f\"/><text x=%.1f y=%.1f text-anchor=end>%.1f</text><text x=%.1f y=%.1f text-anchor=middle>%.1f</text>",
            frame.left, at_y(v), frame.left + frame.width, frame.left - 7, at_y(v) + 4, v, at_x(v),
            frame.top + frame.height + 17, v);
    }
    df_textbuf_add(
        t,
        "<text x=%.1f y=308 text-anchor=middle>%s</text><text transform=\"translate(11 %.1f) rotate(-90)\" text-anchor=middle>%s</text>",
        at_x(0.5), x_name, at_y(0.5), y_name);
}

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
    [DF_TIDE_MISS] = { "Missed", "an object that no detection comes close to" },
};

static void tide_row(DfTextbuf *t, int row, const char *name, const char *meaning, const char *count, double cost,
                     double most, const char *class)
{
    const double y = 42 * row + (row >= DF_TIDE_KINDS ? 20 : 0);
    const double width = most > 0 && cost > 0 ? 470 * cost / most : 0;
    df_textbuf_add(t, "<text class=ink x=0 y=%.0f style=\"font-size:14px\">%s</text><text x=0 y=%.0f>%s</text>",
                   y + 14, name, y + 29, meaning);
    df_textbuf_add(
        t,
        "<rect class=%s x=250 y=%.0f width=%.1f height=16 rx=3 /><text class=ink x=%.1f y=%.0f style=\"font-size:13px\">%.2f<tspan fill-opacity=.6> %s</tspan></text>",
        class, y + 7, width < 2 ? 2 : width, 258 + (width < 2 ? 2 : width), y + 20, 100 * cost, count);
}

void df_report_tide(DfTextbuf *t, const DfExplain *e)
{
    const DfTide *tide = &df_explain_numbers(e)->tide;
    double most = fmax(tide->false_positives, tide->false_negatives);
    char count[48];
    for (int i = 0; i < DF_TIDE_KINDS; i++)
        most = fmax(most, tide->cost[i]);
    df_report_section(
        t, "Which errors cost most",
        "How many points AP50 would gain if all errors of one kind were corrected, and nothing else. A longer bar is a larger gain.");
    df_textbuf_add(t, "<div class=panel><svg viewBox=\"0 0 860 356\" role=img>");
    for (int i = 0; i < DF_TIDE_KINDS; i++) {
        snprintf(count, sizeof count, "&#160;%zu error%s", tide->count[i], tide->count[i] == 1 ? "" : "s");
        tide_row(t, i, kinds[i].name, kinds[i].meaning, count, tide->cost[i], most,
                 i == DF_TIDE_MISS ? "missed" : "bad");
    }
    df_textbuf_add(t, "<path class=grid d=\"M0 258H860\"/>");
    tide_row(t, 6, "False positives", "no wrong detection before a correct one", "", tide->false_positives, most,
             "accent");
    tide_row(t, 7, "False negatives", "no object missed", "", tide->false_negatives, most, "accent");
    df_textbuf_add(
        t,
        "</svg><p class=key>Points of AP50, which is now %.1f. The gains do not add up, because correcting one error can uncover another.</p></div>",
        100 * tide->ap50);
    df_report_section_end(t);
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

static void curve(DfTextbuf *t, const DfCocoEval *e, size_t threshold, double opacity)
{
    df_textbuf_add(t, "<path fill=none stroke=\"var(--accent)\" stroke-width=%s stroke-opacity=%.2f d=\"",
                   threshold == 0 ? "2.4" : "1.4", opacity);
    for (size_t r = 0; r < e->n_recalls; r++)
        df_textbuf_add(t, "%c%.1f %.1f", r ? 'L' : 'M',
                       at_x(e->n_recalls > 1 ? (double)r / (double)(e->n_recalls - 1) : 0),
                       at_y(mean_precision(e, threshold, r)));
    df_textbuf_add(t, "\"><title>IoU %.2f</title></path>", e->ious[threshold]);
}

/* The classes as small curves at the first threshold, so that the eye finds the odd one. */
static int small_curves(DfTextbuf *t, const DfExplain *e)
{
    const DfCocoEval *eval = df_explain_eval(e);
    const DfExplainClass *classes = df_explain_numbers(e)->classes;
    const size_t step = eval->n_recalls > 50 ? 4 : 1;
    df_textbuf_add(
        t,
        "<details%s><summary>The curve of every class at IoU %.2f</summary><div style=\"display:grid;grid-template-columns:repeat(auto-fill,minmax(130px,1fr));gap:14px;margin-top:14px\">",
        eval->n_classes <= 12 ? " open" : "", eval->ious[0]);
    for (size_t k = 0; k < eval->n_classes; k++) {
        if (classes[k].ap < 0)
            continue;
        df_textbuf_add(
            t,
            "<div><svg viewBox=\"0 0 130 74\"><path class=grid d=\"M1 1V73H129\"/><path fill=\"var(--accent)\" fill-opacity=.16 stroke=\"var(--accent)\" d=\"M1 73");
        for (size_t r = 0; r < eval->n_recalls; r += step) {
            const double p = df_coco_curve(eval, k, 0, eval->n_max_dets - 1, 0)[r];
            df_textbuf_add(t, "L%.1f %.1f",
                           1 + 128 * (double)r / (double)(eval->n_recalls > 1 ? eval->n_recalls - 1 : 1),
                           73 - 72 * (p > 0 ? p : 0));
        }
        df_textbuf_add(t, "L129 73\"/></svg><span style=\"font-size:12.5px\">");
        df_textbuf_html(t, df_explain_class_names(e)[k]);
        df_textbuf_add(t, "</span> <span class=dim style=\"font-size:12.5px\">%.1f</span></div>",
                       100 * classes[k].ap50);
    }
    df_textbuf_add(t, "</div></details>");
    return DF_OK;
}

int df_report_precision(DfTextbuf *t, const DfExplain *e)
{
    const DfCocoEval *eval = df_explain_eval(e);
    df_report_section(
        t, "Precision and recall",
        "The mean over all classes. AP is the area under a curve. Where the curves of high IoU are far below the others, objects are found but their positions are inaccurate.");
    df_textbuf_add(t, "<div class=panel><div class=two><div>");
    frame_begin(t, "recall", "precision");
    for (size_t i = eval->n_ious; i-- > 0;)
        curve(t, eval, i, eval->n_ious > 1 ? 1 - 0.75 * (double)i / (double)(eval->n_ious - 1) : 1);
    df_textbuf_add(t, "</svg></div><div><h3>AP at each IoU</h3><table><tbody>");
    for (size_t i = 0; i < eval->n_ious; i++) {
        double sum = 0;
        for (size_t r = 0; r < eval->n_recalls; r++)
            sum += mean_precision(eval, i, r);
        const double ap = 100 * sum / (double)eval->n_recalls;
        df_textbuf_add(
            t,
            "<tr><td class=l>%.2f</td><td>%.1f</td><td class=bar style=\"width:70%%\"><i style=\"width:%.1f%%\"></i></td></tr>",
            eval->ious[i], ap, ap);
    }
    df_textbuf_add(t, "</tbody></table></div></div>");
    const int error = small_curves(t, e);
    df_textbuf_add(t, "</div>");
    df_report_section_end(t);
    return error;
}

/* ---- scores ------------------------------------------------------------------------------------------------------ */

static void histogram(DfTextbuf *t, const DfExplainNumbers *n)
{
    size_t most = 1;
    for (int b = 0; b < DF_SCORE_BINS; b++)
        most = n->histogram[b].n > most ? n->histogram[b].n : most;
    const double wide = frame.width / DF_SCORE_BINS;
    const double root = sqrt((double)most);
    frame_begin(t, "score", "detections, relative to the fullest bin (square root)");
    for (int b = 0; b < DF_SCORE_BINS; b++) {
        const DfScoreBin *bin = &n->histogram[b];
        const double right = sqrt((double)bin->right) / root;
        const double wrong = sqrt((double)(bin->n - bin->right)) / root;
        const double x = frame.left + b * wide;
        df_textbuf_add(t, "<g><title>%.2f to %.2f: %zu correct, %zu wrong</title>", (double)b / DF_SCORE_BINS,
                       (double)(b + 1) / DF_SCORE_BINS, bin->right, bin->n - bin->right);
        df_textbuf_add(t, "<rect class=good x=%.1f y=%.1f width=%.1f height=%.1f rx=1.5 />", x + 1.5, at_y(right),
                       wide / 2 - 2, right * frame.height);
        df_textbuf_add(t, "<rect class=bad x=%.1f y=%.1f width=%.1f height=%.1f rx=1.5 /></g>", x + wide / 2 + .5,
                       at_y(wrong), wide / 2 - 2, wrong * frame.height);
    }
    df_textbuf_add(
        t,
        "</svg><p class=key><span><i style=\"background:var(--good)\"></i>correct</span><span><i style=\"background:var(--bad)\"></i>wrong</span></p>");
}

static void reliability(DfTextbuf *t, const DfExplainNumbers *n)
{
    const double wide = frame.width / DF_CALIBRATION_BINS;
    frame_begin(t, "score", "share of correct detections");
    for (int b = 0; b < DF_CALIBRATION_BINS; b++) {
        const DfScoreBin *bin = &n->bins[b];
        if (bin->n == 0)
            continue;
        const double share = (double)bin->right / (double)bin->n;
        const double mean = bin->score / (double)bin->n;
        const double inside = fmin(fmax(mean, 0), 1);
        const double top = fmax(share, inside);
        const double bottom = fmin(share, inside);
        const double x = frame.left + b * wide + 2;
        df_textbuf_add(
            t,
            "<g><title>%zu detections, mean score %.3f, correct %.3f</title><rect class=accent x=%.1f y=%.1f width=%.1f height=%.1f rx=2 />",
            bin->n, mean, share, x, at_y(share), wide - 4, share * frame.height);
        df_textbuf_add(t, "<rect fill=\"var(--bad)\" fill-opacity=.28 x=%.1f y=%.1f width=%.1f height=%.1f /></g>", x,
                       at_y(top), wide - 4, (top - bottom) * frame.height);
    }
    df_textbuf_add(t, "<path class=axis stroke-dasharray=\"4 4\" d=\"M%.1f %.1fL%.1f %.1f\"/></svg>", at_x(0),
                   at_y(0), at_x(1), at_y(1));
    df_textbuf_add(
        t,
        "<p class=key><span><i style=\"background:var(--accent)\"></i>share of correct detections</span><span><i style=\"background:var(--bad);opacity:.4\"></i>difference from the mean score</span></p>");
}

void df_report_scores(DfTextbuf *t, const DfExplain *e)
{
    const DfExplainNumbers *numbers = df_explain_numbers(e);
    df_report_section(
        t, "Scores",
        "Left: the scores of correct and of wrong detections. Right: whether a score can be read as a probability. Where a bar ends below the diagonal, scores are too high.");
    df_textbuf_add(t, "<div class=two><div class=panel><h3>Correct and wrong detections by score</h3>");
    histogram(t, numbers);
    df_textbuf_add(t, "</div><div class=panel><h3>Calibration");
    if (!isnan(numbers->ece))
        df_textbuf_add(t, " &middot; expected calibration error %.1f%%", 100 * numbers->ece);
    df_textbuf_add(t, "</h3>");
    reliability(t, numbers);
    df_textbuf_add(t, "</div></div>");
    df_report_section_end(t);
}
