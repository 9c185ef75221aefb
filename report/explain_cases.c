/* SPDX-License-Identifier: Apache-2.0
 *
 * report/explain_cases.c -- the cases of the page: images with most errors, false detections of high score, large
 * objects not found.
 */
#include <math.h>
#include <stdio.h>

#include "report/explain_parts.h"

enum { ROWS = 60 };

/* ---- images ------------------------------------------------------------------------------------------------------ */

static void box(DfTextbuf *t, const char *class, const double b[4], const char *name, const char *what)
{
    if (!(isfinite(b[0]) && isfinite(b[1]) && isfinite(b[2]) && isfinite(b[3]) && b[2] >= 0 && b[3] >= 0))
        return;
    df_textbuf_add(t, "<rect class=%s x=%.1f y=%.1f width=%.1f height=%.1f><title>", class, b[0], b[1], b[2], b[3]);
    df_textbuf_html(t, name);
    df_textbuf_add(t, "%s</title></rect>", what);
}

/* A mask as its outline; a box if it has none. Takes the mask. */
static int shape(DfTextbuf *t, DfMask *mask, const char *class, const double b[4], const char *name, const char *what)
{
    DfTextbuf outline = { 0 };
    char *path = NULL;
    int error = df_mask_outline(&outline, mask);
    if (error == DF_OK)
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
    df_mask_done(mask);
    return error;
}

/* The size in the file, or what the boxes reach. */
static void extent(const DfExplain *e, const DfExplainImage *image, double *width, double *height)
{
    *width = image->width;
    *height = image->height;
    if (*width > 0 && *height > 0)
        return;
    *width = *height = 16;
    for (size_t i = image->first_object; i < image->end_object; i++) {
        const DfExplainObject object = df_explain_object(e, i);
        *width = fmax(*width, object.box[0] + object.box[2]);
        *height = fmax(*height, object.box[1] + object.box[3]);
    }
}

static int draw_object(DfTextbuf *t, const DfExplain *e, size_t at)
{
    const DfExplainObject object = df_explain_object(e, at);
    const double threshold = df_explain_numbers(e)->score_threshold;
    const bool found = object.found_by != DF_NO_CASE && df_explain_detection(e, object.found_by).score >= threshold;
    DfMask mask;
    if (object.crowd)
        return DF_OK;
    const int error = df_explain_object_mask(e, at, &mask);
    return error < 0 ? error
                     : shape(t, &mask, found ? "g" : "m", object.box, df_explain_class_names(e)[object.class_place],
                             found ? ": found" : ": missed");
}

static int draw_error(DfTextbuf *t, const DfExplain *e, size_t at)
{
    const DfExplainDetection detection = df_explain_detection(e, at);
    char what[64];
    DfMask mask;
    if (!detection.wrong || !(detection.score >= df_explain_numbers(e)->score_threshold))
        return DF_OK;
    df_snprintf(what, sizeof what, " %.2f: %s", detection.score, df_tide_name(detection.kind));
    const int error = df_explain_detection_mask(e, at, &mask);
    return error < 0 ? error
                     : shape(t, &mask, "b", detection.box, df_explain_class_names(e)[detection.class_place], what);
}

static int shapes(DfTextbuf *t, const DfExplain *e, const DfExplainImage *image)
{
    int error = DF_OK;
    for (size_t i = image->first_object; error == DF_OK && i < image->end_object; i++)
        error = draw_object(t, e, i);
    for (size_t i = image->first_detection; error == DF_OK && i < image->end_detection; i++)
        error = draw_error(t, e, i);
    return error;
}

static int shot(DfTextbuf *t, const DfExplain *e, size_t at)
{
    const DfExplainImage image = df_explain_image(e, at);
    double width, height;
    char *uri = NULL;
    int error = df_explain_thumbnail(e, at, &uri);
    extent(e, &image, &width, &height);
    df_textbuf_add(t, "<div class=shot><svg viewBox=\"0 0 %.1f %.1f\" style=\"aspect-ratio:4/3\">", width, height);
    if (uri) {
        df_textbuf_add(t, "<image width=%.1f height=%.1f preserveAspectRatio=none href=\"", width, height);
        df_textbuf_add(t, "%s\"/>", uri);
    } else {
        df_textbuf_add(t, "<rect x=0 y=0 width=%.1f height=%.1f style=\"fill:var(--card);stroke:none\"/>", width,
                       height);
    }
    if (error == DF_OK)
        error = shapes(t, e, &image);
    df_textbuf_add(t, "</svg><p>");
    df_textbuf_html(t, image.name);
    df_textbuf_add(t, "<br><span class=dim>%u correct &middot; %u wrong &middot; %u missed</span></p></div>\n",
                   image.right, image.wrong, image.missed);
    df_free(uri);
    return error;
}

int df_report_images(DfTextbuf *t, const DfExplain *e)
{
    int error = DF_OK;
    df_report_section(
        t, "Images with the most errors",
        "Objects that were found, objects that were missed, and wrong detections. Point at an outline to read its class.");
    df_textbuf_add(t, "<div class=shots>\n");
    const size_t n = df_explain_numbers(e)->n_images;
    for (size_t rank = 0; error == DF_OK && rank < n && rank < DF_EXPLAIN_DRAWN; rank++) {
        const size_t at = df_explain_worst_image(e, rank);
        const DfExplainImage image = df_explain_image(e, at);
        if (image.wrong + image.missed == 0)
            break;
        error = shot(t, e, at);
    }
    df_textbuf_add(
        t,
        "</div><p class=key><span><i style=\"background:var(--good)\"></i>found</span><span><i style=\"background:var(--miss)\"></i>missed</span>"
        "<span><i style=\"background:var(--bad)\"></i>wrong</span></p>");
    df_report_section_end(t);
    return error;
}

/* ---- single errors ----------------------------------------------------------------------------------------------- */

static void name_cell(DfTextbuf *t, const char *name)
{
    df_textbuf_add(t, "<td class=l>");
    df_textbuf_html(t, name);
    df_textbuf_add(t, "</td>");
}

static void false_row(DfTextbuf *t, const DfExplain *e, size_t at)
{
    const char *const *names = df_explain_class_names(e);
    const DfExplainDetection d = df_explain_detection(e, at);
    df_textbuf_add(t, "<tr><td>%.3f</td><td class=l><span class=tag>%s</span></td>", d.score, df_tide_name(d.kind));
    name_cell(t, names[d.class_place]);
    if (d.object == DF_NO_CASE)
        df_textbuf_add(t, "<td class=\"l dim\">none close</td>");
    else
        name_cell(t, names[df_explain_object(e, d.object).class_place]);
    df_textbuf_add(t, "<td>%.2f</td>", d.iou);
    name_cell(t, df_explain_image(e, d.image).name);
    df_textbuf_add(t, "<td class=dim>%u</td></tr>\n", d.number);
}

static void missed_row(DfTextbuf *t, const DfExplain *e, size_t at)
{
    const char *const *names = df_explain_class_names(e);
    const DfExplainObject object = df_explain_object(e, at);
    df_textbuf_add(t, "<tr>");
    name_cell(t, names[object.class_place]);
    df_textbuf_add(t, "<td>%.0f &times; %.0f</td>", object.box[2], object.box[3]);
    if (object.nearly_found_by == DF_NO_CASE) {
        df_textbuf_add(t, "<td class=\"l dim\">no</td>");
    } else {
        const DfExplainDetection near = df_explain_detection(e, object.nearly_found_by);
        df_textbuf_add(t, "<td class=l><span class=tag>%s</span> ", df_tide_name(near.kind));
        df_textbuf_html(t, names[near.class_place]);
        df_textbuf_add(t, " %.2f</td>", near.score);
    }
    name_cell(t, df_explain_image(e, object.image).name);
    df_textbuf_add(t, "<td class=dim>%u</td></tr>\n", object.line);
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

int df_report_errors(DfTextbuf *t, const DfExplain *e)
{
    size_t rows[ROWS];
    size_t n = first_rows(e, df_explain_detections(e), false_value, rows);
    df_report_section(
        t, "Wrong detections with the highest scores",
        "These cost most. IoU is the overlap with the object in the column before. The last column is the position of the detection in the results file.");
    df_textbuf_add(
        t,
        "<div class=\"panel scroll\"><table><thead><tr><th>score</th><th class=l>kind</th><th class=l>detected as</th><th class=l>object</th><th>IoU</th><th class=l>image</th>"
        "<th>record</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < n; i++)
        false_row(t, e, rows[i]);
    df_textbuf_add(t, "</tbody></table></div>");
    df_report_section_end(t);
    n = first_rows(e, df_explain_objects(e), missed_value, rows);
    df_report_section(
        t, "Large objects that were not found",
        "Not found at any score. A detection may have come close, with another class (Cls) or in the wrong place (Loc). The last column is the line in the annotation file.");
    df_textbuf_add(
        t,
        "<div class=\"panel scroll\"><table><thead><tr><th class=l>class</th><th>size</th><th class=l>nearly found by</th><th class=l>image</th><th>line</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < n; i++)
        missed_row(t, e, rows[i]);
    df_textbuf_add(t, "</tbody></table></div>");
    df_report_section_end(t);
    return DF_OK;
}
