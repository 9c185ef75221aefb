/* SPDX-License-Identifier: Apache-2.0
 *
 * report/explain_suspects.c -- where the ground truth may be wrong, with pictures.
 */
#include <math.h>

#include "report/explain_parts.h"

static const struct {
    const char *title, *meaning;
} kinds[DF_SUSPECT_KINDS] = {
    [DF_SUSPECT_UNLABELLED] = { "Perhaps not labelled", "A confident detection where the ground truth has nothing." },
    [DF_SUSPECT_CLASS] = { "Perhaps of another class",
                           "A confident detection lies on an object of another class." },
    [DF_SUSPECT_TWINS] = { "Perhaps listed twice", "Two objects of the ground truth have nearly the same box." },
};

/* ---- the part of the picture around it --------------------------------------------------------------------------- */

typedef struct {
    double left, top, right, bottom;
} Edges;

static void take_in(Edges *e, const double box[4])
{
    e->left = fmin(e->left, box[0]);
    e->top = fmin(e->top, box[1]);
    e->right = fmax(e->right, box[0] + box[2]);
    e->bottom = fmax(e->bottom, box[1] + box[3]);
}

static Edges edges_of(const DfExplain *e, const DfSuspect *s)
{
    Edges edges = { HUGE_VAL, HUGE_VAL, -HUGE_VAL, -HUGE_VAL };
    if (s->detection != DF_NO_CASE)
        take_in(&edges, df_explain_detection(e, s->detection).box);
    if (s->object != DF_NO_CASE)
        take_in(&edges, df_explain_object(e, s->object).box);
    if (s->other != DF_NO_CASE)
        take_in(&edges, df_explain_object(e, s->other).box);
    return edges;
}

/* With as much around it as it is large, in whole pixels and inside of the picture. */
static void part_around(const DfExplain *e, const DfSuspect *s, double part[4])
{
    const DfExplainImage image = df_explain_image(e, s->image);
    const Edges edges = edges_of(e, s);
    const double size = fmax(edges.right - edges.left, edges.bottom - edges.top);
    const double around = fmax(24, 0.5 * size);
    const double width = image.width > 0 ? image.width : edges.right + around;
    const double height = image.height > 0 ? image.height : edges.bottom + around;
    part[0] = fmin(fmax(floor(edges.left - around), 0), width - 1);
    part[1] = fmin(fmax(floor(edges.top - around), 0), height - 1);
    part[2] = fmax(fmin(ceil(edges.right + around), width) - part[0], 1);
    part[3] = fmax(fmin(ceil(edges.bottom + around), height) - part[1], 1);
}

/* ---- one picture ------------------------------------------------------------------------------------------------- */

/* Where the number of a shape stands, so that two that lie on one another can be told apart. */
typedef enum { NO_NUMBER, AT_LEFT, AT_RIGHT } Number;

static int draw_object(ReportPicture *p, const DfExplain *e, size_t at, const char *class, Number number)
{
    const DfExplainObject object = df_explain_object(e, at);
    const ReportShape shape = { class, df_explain_class_names(e)[object.class_place], ": labelled", number != NO_NUMBER,
                                number == AT_RIGHT };
    DfMask mask;
    const int error = df_explain_object_mask(e, at, &mask);
    return error < 0 ? error : df_picture_shape(p, &shape, object.box, &mask);
}

static int draw_detection(ReportPicture *p, const DfExplain *e, size_t at)
{
    const DfExplainDetection detection = df_explain_detection(e, at);
    char what[64];
    DfMask mask;
    df_snprintf(what, sizeof what, ": detected with %.2f", detection.score);
    const ReportShape shape = { "b", df_explain_class_names(e)[detection.class_place], what, true, true };
    const int error = df_explain_detection_mask(e, at, &mask);
    return error < 0 ? error : df_picture_shape(p, &shape, detection.box, &mask);
}

/* What is labelled there, and then what it is about. */
static int draw(ReportPicture *p, const DfExplain *e, const DfSuspect *s)
{
    const DfExplainImage image = df_explain_image(e, s->image);
    int error = DF_OK;
    for (size_t i = image.first_object; error == DF_OK && i < image.end_object; i++)
        if (i != s->object && i != s->other && !df_explain_object(e, i).crowd)
            error = draw_object(p, e, i, "g", NO_NUMBER);
    if (error == DF_OK && s->object != DF_NO_CASE)
        error = draw_object(p, e, s->object, "m", AT_LEFT);
    if (error == DF_OK && s->other != DF_NO_CASE)
        error = draw_object(p, e, s->other, "m", AT_RIGHT);
    if (error == DF_OK && s->detection != DF_NO_CASE)
        error = draw_detection(p, e, s->detection);
    return error;
}

static void say_where(DfTextbuf *t, const DfExplain *e, const DfSuspect *s)
{
    df_textbuf_add(t, "<p>");
    df_textbuf_html(t, df_explain_image(e, s->image).name);
    df_textbuf_add(t, "<br><span class=dim>");
    if (s->detection != DF_NO_CASE)
        df_textbuf_add(t, "record %u of the results", df_explain_detection(e, s->detection).number);
    if (s->object != DF_NO_CASE)
        df_textbuf_add(t, "%sIoU %.2f", s->detection != DF_NO_CASE ? " &middot; " : "", s->iou);
    df_textbuf_add(t, "</span></p>");
}

static int shot(DfTextbuf *t, const DfExplain *e, const DfSuspect *s)
{
    ReportPicture p;
    double part[4];
    char *uri = NULL;
    part_around(e, s, part);
    int error = df_explain_thumbnail(e, s->image, part, &uri);
    df_textbuf_add(t, "<div class=\"shot suspect\">");
    df_picture_begin(&p, t, part, &(ReportGround){ uri, NULL });
    if (error == DF_OK)
        error = draw(&p, e, s);
    df_picture_end(&p);
    df_picture_list(&p);
    say_where(t, e, s);
    df_textbuf_add(t, "</div>\n");
    df_free(uri);
    return error;
}

/* ---- the section ------------------------------------------------------------------------------------------------- */

static size_t count_kind(const DfExplain *e, DfSuspectKind kind, size_t *first)
{
    size_t n = 0;
    for (size_t i = df_explain_suspects(e); i-- > 0;) {
        if (df_explain_suspect_at(e, i).kind != kind)
            continue;
        *first = i;
        n++;
    }
    return n;
}

static int kind_of(DfTextbuf *t, const DfExplain *e, DfSuspectKind kind)
{
    size_t first = 0;
    const size_t n = count_kind(e, kind, &first);
    int error = DF_OK;
    if (n == 0)
        return DF_OK;
    df_textbuf_add(t, "<h3 class=part>%s <span class=dim>%zu</span></h3><p class=lead>%s", kinds[kind].title, n,
                   kinds[kind].meaning);
    if (n > DF_SUSPECTS_DRAWN)
        df_textbuf_add(t, " The first %d are shown; --json lists more.", (int)DF_SUSPECTS_DRAWN);
    df_textbuf_add(t, "</p><div class=shots>\n");
    for (size_t i = first; error == DF_OK && i < first + n && i < first + DF_SUSPECTS_DRAWN; i++) {
        const DfSuspect s = df_explain_suspect_at(e, i);
        error = shot(t, e, &s);
    }
    df_textbuf_add(t, "</div>");
    return error;
}

int df_report_suspects(ReportPage *p, const DfExplain *e)
{
    char lead[256];
    int error = DF_OK;
    if (df_explain_suspects(e) == 0)
        return DF_OK;
    df_snprintf(lead, sizeof lead,
                "Where the ground truth may be wrong rather than the detections, of those with a score of at least "
                "%.2f. Each one wants a look.",
                df_explain_numbers(e)->score_threshold);
    df_report_section(p, "Label errors", "Likely errors of the labels", lead);
    for (int kind = 0; error == DF_OK && kind < DF_SUSPECT_KINDS; kind++)
        error = kind_of(&p->text, e, (DfSuspectKind)kind);
    df_textbuf_add(&p->text, "<p class=key><span><i style=\"background:#2fd6a5\"></i>other labels</span><span><i "
                             "style=\"background:#ffb62e\">"
                             "</i>labels in question</span><span><i "
                             "style=\"background:#ff5468\"></i>detections</span></p>");
    df_report_section_end(p);
    return error;
}
