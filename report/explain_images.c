/* SPDX-License-Identifier: Apache-2.0
 *
 * report/explain_images.c -- images of the page: what was found in them, what was missed, and what is wrong.
 */
#include <math.h>
#include <stdio.h>

#include "report/explain_parts.h"

/* The size in the file, or what the boxes reach. */
static void extent(const DfExplain *e, const DfExplainImage *image, double part[4])
{
    part[0] = part[1] = 0;
    part[2] = image->width;
    part[3] = image->height;
    if (part[2] > 0 && part[3] > 0)
        return;
    part[2] = part[3] = 16;
    for (size_t i = image->first_object; i < image->end_object; i++) {
        const DfExplainObject object = df_explain_object(e, i);
        part[2] = fmax(part[2], object.box[0] + object.box[2]);
        part[3] = fmax(part[3], object.box[1] + object.box[3]);
    }
}

static int draw_object(ReportPicture *p, const DfExplain *e, size_t at)
{
    const DfExplainObject object = df_explain_object(e, at);
    const double threshold = df_explain_numbers(e)->score_threshold;
    const bool found = object.found_by != DF_NO_CASE && df_explain_detection(e, object.found_by).score >= threshold;
    const char *name = df_explain_class_names(e)[object.class_place];
    const ReportShape shape = { found ? "g" : "m", name, found ? ": found" : ": missed", !found, false };
    DfMask mask;
    if (object.crowd)
        return DF_OK;
    const int error = df_explain_object_mask(e, at, &mask);
    return error < 0 ? error : df_picture_shape(p, &shape, object.box, &mask);
}

static int draw_error(ReportPicture *p, const DfExplain *e, size_t at)
{
    const DfExplainDetection detection = df_explain_detection(e, at);
    char what[64];
    DfMask mask;
    if (!detection.wrong || !(detection.score >= df_explain_numbers(e)->score_threshold))
        return DF_OK;
    df_snprintf(what, sizeof what, " %.2f: %s", detection.score, df_report_error_name(detection.kind));
    const ReportShape shape = { "b", df_explain_class_names(e)[detection.class_place], what, true, false };
    const int error = df_explain_detection_mask(e, at, &mask);
    return error < 0 ? error : df_picture_shape(p, &shape, detection.box, &mask);
}

static int shapes(ReportPicture *p, const DfExplain *e, size_t at)
{
    const DfExplainImage image = df_explain_image(e, at);
    int error = DF_OK;
    for (size_t i = image.first_object; error == DF_OK && i < image.end_object; i++)
        error = draw_object(p, e, i);
    for (size_t i = image.first_detection; error == DF_OK && i < image.end_detection; i++)
        error = draw_error(p, e, i);
    return error;
}

/* The picture, its counts, and its errors in a list that opens. */
int df_report_shot(DfTextbuf *t, const DfExplain *e, size_t at, const ReportGround *ground)
{
    const DfExplainImage image = df_explain_image(e, at);
    ReportPicture p;
    double part[4];
    extent(e, &image, part);
    df_picture_begin(&p, t, part, ground);
    const int error = shapes(&p, e, at);
    df_picture_end(&p);
    df_textbuf_add(t, "<details><summary>%u correct &middot; %u wrong &middot; %u missed</summary>", image.right,
                   image.wrong, image.missed);
    df_picture_list(&p);
    df_textbuf_add(t, "</details>");
    return error;
}

static int worst(DfTextbuf *t, const DfExplain *e, size_t at)
{
    char *uri = NULL;
    int error = df_explain_thumbnail(e, at, NULL, &uri);
    df_textbuf_add(t, "<div class=shot>");
    if (error == DF_OK)
        error = df_report_shot(t, e, at, &(ReportGround){ uri, NULL });
    df_textbuf_add(t, "<p>");
    df_textbuf_html(t, df_explain_image(e, at).name);
    df_textbuf_add(t, "</p>");
    df_textbuf_add(t, "</div>\n");
    df_free(uri);
    return error;
}

int df_report_images(ReportPage *p, const DfExplain *e)
{
    const size_t n = df_explain_numbers(e)->n_images;
    int error = DF_OK;
    df_report_section(p, "Images", "Images with the most errors",
                      "Objects that were found, objects that were missed, and wrong detections. The line under a "
                      "picture opens the list of its errors, by their numbers in it.");
    df_textbuf_add(&p->text, "<div class=shots>\n");
    for (size_t rank = 0; error == DF_OK && rank < n && rank < DF_EXPLAIN_DRAWN; rank++) {
        const size_t at = df_explain_worst_image(e, rank);
        const DfExplainImage image = df_explain_image(e, at);
        if (image.wrong + image.missed == 0)
            break;
        error = worst(&p->text, e, at);
    }
    df_textbuf_add(&p->text, "</div>" DF_REPORT_SHAPES_KEY);
    df_report_section_end(p);
    return error;
}
