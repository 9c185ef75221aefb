/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/report/lists.c -- the cases of the page: images with most errors, false detections of high score, large objects not found.
 */
#include <math.h>
#include <stdio.h>

#include "boxes/boxes.h"
#include "eval/report/report.h"

enum { ROWS = 60 };

/* ---- images ------------------------------------------------------------------------------------------------------- */

static void box(DfTextbuf *t, const char *class, const double b[4], const char *name, const char *what)
{
    if (!(isfinite(b[0]) && isfinite(b[1]) && isfinite(b[2]) && isfinite(b[3]) && b[2] >= 0 && b[3] >= 0))
        return;
    df_textbuf_add(t, "<rect class=%s x=%.1f y=%.1f width=%.1f height=%.1f><title>", class, b[0], b[1], b[2], b[3]);
    df_textbuf_html(t, name);
    df_textbuf_add(t, "%s</title></rect>", what);
}

/* A mask as its outline; a box if it has none. */
static int shape(DfTextbuf *t, const CocoTruthMask *m, const char *class, const double b[4], const char *name, const char *what)
{
    DfMask mask = { 0 };
    DfTextbuf outline = { 0 };
    char *path = NULL;
    int error = m ? df_coco_mask_of(m, &mask) : DF_OK;
    if (error == DF_OK && (error = df_mask_outline(&outline, &mask)) == DF_OK)
        error = df_textbuf_take(&outline, &path);
    if (error == DF_OK && path[0]) {
        df_textbuf_add(t, "<path class=%s d=\"%s\"><title>", class, path);
        df_textbuf_html(t, name);
        df_textbuf_add(t, "%s</title></path>", what);
    } else if (error == DF_OK) {
        box(t, class, b, name, what);
    }
    df_free(path);
    df_free(outline.at);
    df_mask_done(&mask);
    return error;
}

static const CocoTruthMask *truth_mask(const CocoView *v, const ViewTruth *g)
{
    const CocoTruthMask *const m = v->masks ? &v->results->gt->masks[g->annotation] : NULL;
    return m && m->runs ? m : NULL;
}

/* The size in the file, or what the boxes reach. */
static void extent(const CocoView *v, size_t image, double *width, double *height)
{
    *width = v->images[image].width;
    *height = v->images[image].height;
    if (*width > 0 && *height > 0)
        return;
    *width = *height = 16;
    for (size_t g = v->truths_start[image]; g < v->truths_start[image + 1]; g++) {
        *width = fmax(*width, v->truths[g].box[0] + v->truths[g].box[2]);
        *height = fmax(*height, v->truths[g].box[1] + v->truths[g].box[3]);
    }
}

static int shapes(DfTextbuf *t, const DfExplain *e, size_t image)
{
    const CocoView *v = e->view;
    const double threshold = e->numbers.score_threshold;
    char what[64];
    int error = DF_OK;
    for (size_t g = v->truths_start[image]; error == DF_OK && g < v->truths_start[image + 1]; g++) {
        const uint32_t by = e->marks.truths[g].found_by;
        const bool found = by != VIEW_NONE && v->detections[by].score >= threshold;
        if (!v->truths[g].crowd)
            error = shape(t, truth_mask(v, &v->truths[g]), found ? "g" : "m", v->truths[g].box, v->class_names[v->truths[g].class], found ? ": found" : ": missed");
    }
    for (size_t d = v->detections_start[image]; error == DF_OK && d < v->detections_start[image + 1]; d++) {
        const DetectionMark *mark = &e->marks.detections[d];
        if (mark->outcome != MARK_FALSE || !(v->detections[d].score >= threshold))
            continue;
        snprintf(what, sizeof what, " %.2f: %s", v->detections[d].score, df_tide_name(mark->kind));
        error = shape(t, df_explain_mask(e, d), "b", v->detections[d].box, v->class_names[v->detections[d].class], what);
    }
    return error;
}

static int shot(DfTextbuf *t, const DfExplain *e, size_t image)
{
    const ViewImage *i = &e->view->images[image];
    const ImageCounts *c = &e->images[image];
    double width, height;
    char *uri = NULL;
    int error = e->thumbnail ? e->thumbnail(e->thumbnail_user, i->name, &uri) : DF_OK;
    extent(e->view, image, &width, &height);
    df_textbuf_add(t, "<div class=shot><svg viewBox=\"0 0 %.1f %.1f\" style=\"aspect-ratio:4/3\">", width, height);
    if (uri) {
        df_textbuf_add(t, "<image width=%.1f height=%.1f preserveAspectRatio=none href=\"", width, height);
        df_textbuf_add(t, "%s\"/>", uri);
    } else {
        df_textbuf_add(t, "<rect x=0 y=0 width=%.1f height=%.1f style=\"fill:var(--card);stroke:none\"/>", width, height);
    }
    if (error == DF_OK)
        error = shapes(t, e, image);
    df_textbuf_add(t, "</svg><p>");
    df_textbuf_html(t, i->name);
    df_textbuf_add(t, "<br><span class=dim>%u correct &middot; %u wrong &middot; %u missed</span></p></div>\n", c->right, c->wrong, c->missed);
    df_free(uri);
    return error;
}

int df_report_images(DfTextbuf *t, const DfExplain *e)
{
    int error = DF_OK;
    df_report_section(t, "Images with the most errors", "Objects that were found, objects that were missed, and wrong detections. Point at an outline to read its class.");
    df_textbuf_add(t, "<div class=shots>\n");
    for (size_t i = 0; error == DF_OK && i < e->view->n_images && i < EXPLAIN_SHOTS; i++) {
        const uint32_t at = e->by_errors[i];
        if (e->images[at].wrong + e->images[at].missed == 0)
            break;
        error = shot(t, e, at);
    }
    df_textbuf_add(t, "</div><p class=key><span><i style=\"background:var(--good)\"></i>found</span><span><i style=\"background:var(--miss)\"></i>missed</span>"
                      "<span><i style=\"background:var(--bad)\"></i>wrong</span></p>");
    df_report_section_end(t);
    return error;
}

/* ---- single errors ------------------------------------------------------------------------------------------------ */

static void name_cell(DfTextbuf *t, const char *name)
{
    df_textbuf_add(t, "<td class=l>");
    df_textbuf_html(t, name);
    df_textbuf_add(t, "</td>");
}

static void false_row(DfTextbuf *t, const DfExplain *e, size_t at)
{
    const ViewDetection *d = &e->view->detections[at];
    const DetectionMark *mark = &e->marks.detections[at];
    df_textbuf_add(t, "<tr><td>%.3f</td><td class=l><span class=tag>%s</span></td>", d->score, df_tide_name(mark->kind));
    name_cell(t, e->view->class_names[d->class]);
    if (mark->truth == VIEW_NONE)
        df_textbuf_add(t, "<td class=\"l dim\">none close</td>");
    else
        name_cell(t, e->view->class_names[e->view->truths[mark->truth].class]);
    df_textbuf_add(t, "<td>%.2f</td>", mark->iou);
    name_cell(t, e->view->images[d->image].name);
    df_textbuf_add(t, "<td class=dim>%u</td></tr>\n", d->number);
}

static void missed_row(DfTextbuf *t, const DfExplain *e, size_t at)
{
    const ViewTruth *g = &e->view->truths[at];
    const uint32_t by = e->marks.truths[at].fixed_by;
    df_textbuf_add(t, "<tr>");
    name_cell(t, e->view->class_names[g->class]);
    df_textbuf_add(t, "<td>%.0f &times; %.0f</td>", g->box[2], g->box[3]);
    if (by == VIEW_NONE) {
        df_textbuf_add(t, "<td class=\"l dim\">no</td>");
    } else {
        df_textbuf_add(t, "<td class=l><span class=tag>%s</span> ", df_tide_name(e->marks.detections[by].kind));
        df_textbuf_html(t, e->view->class_names[e->view->detections[by].class]);
        df_textbuf_add(t, " %.2f</td>", e->view->detections[by].score);
    }
    name_cell(t, e->view->images[g->image].name);
    df_textbuf_add(t, "<td class=dim>%u</td></tr>\n", g->line);
}

/* Of n things the first ROWS in order of descending value, as indices; what `keep` does not want is left out. */
typedef double Value(const DfExplain *, size_t at); /* NAN: not wanted */

static double false_value(const DfExplain *e, size_t at)
{
    return e->marks.detections[at].outcome == MARK_FALSE ? e->view->detections[at].score : (double)NAN;
}

static double missed_value(const DfExplain *e, size_t at)
{
    return df_truth_missed(&e->marks, e->view, at) ? e->view->truths[at].box[2] * e->view->truths[at].box[3] : (double)NAN;
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

int df_report_errors(DfTextbuf *t, const DfExplain *e)
{
    size_t rows[ROWS];
    size_t n = first_rows(e, e->view->n_detections, false_value, rows);
    df_report_section(t, "Wrong detections with the highest scores", "These cost most. IoU is the overlap with the object in the column before. The last column is the position of the detection in the results file.");
    df_textbuf_add(t, "<div class=\"panel scroll\"><table><thead><tr><th>score</th><th class=l>kind</th><th class=l>detected as</th><th class=l>object</th><th>IoU</th><th class=l>image</th>"
                      "<th>record</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < n; i++)
        false_row(t, e, rows[i]);
    df_textbuf_add(t, "</tbody></table></div>");
    df_report_section_end(t);
    n = first_rows(e, e->view->n_truths, missed_value, rows);
    df_report_section(t, "Large objects that were not found", "Not found at any score. A detection may have come close, with another class (Cls) or in the wrong place (Loc). The last column is the line in the annotation file.");
    df_textbuf_add(t, "<div class=\"panel scroll\"><table><thead><tr><th class=l>class</th><th>size</th><th class=l>nearly found by</th><th class=l>image</th><th>line</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < n; i++)
        missed_row(t, e, rows[i]);
    df_textbuf_add(t, "</tbody></table></div>");
    df_report_section_end(t);
    return DF_OK;
}
