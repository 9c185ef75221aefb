/* SPDX-License-Identifier: Apache-2.0
 *
 * report/picture.c -- a picture with shapes over it, numbers at their corners, and a list of what they are.
 */
#include "report/picture.h"

#include <math.h>
#include <string.h>

enum { MOST_NUMBERED = 99, MANY = 16 };

static const double FRAME = 4.0 / 3; /* of the room a picture gets, width to height */

static void add_ground(const ReportPicture *p, const ReportGround *ground)
{
    DfTextbuf *t = p->text;
    if (!ground->uri && ground->id) {
        df_textbuf_add(t, "<use href=\"#%s\"/>", ground->id);
        return;
    }
    df_textbuf_add(t, "<%s x=%.1f y=%.1f width=%.1f height=%.1f", ground->uri ? "image" : "rect class=empty",
                   p->part[0], p->part[1], p->part[2], p->part[3]);
    if (ground->uri && ground->id)
        df_textbuf_add(t, " id=\"%s\"", ground->id);
    if (ground->uri)
        df_textbuf_add(t, " preserveAspectRatio=none href=\"%s\"", ground->uri);
    df_textbuf_add(t, " />");
}

void df_picture_begin(ReportPicture *p, DfTextbuf *t, const double part[4], const ReportGround *ground)
{
    *p = (ReportPicture){ .text = t, .part = { part[0], part[1], fmax(part[2], 1), fmax(part[3], 1) } };
    const double aspect = p->part[2] / p->part[3];
    df_textbuf_add(t,
                   "<div class=frame><div class=pic style=\"width:%.2f%%;aspect-ratio:%.4f\"><svg viewBox=\"%.1f %.1f "
                   "%.1f %.1f\" aria-hidden=true preserveAspectRatio=none>",
                   100 * fmin(1, aspect / FRAME), aspect, p->part[0], p->part[1], p->part[2], p->part[3]);
    add_ground(p, ground);
}

/* A number at an upper corner of the shape, inside of the picture. */
static void number(ReportPicture *p, const ReportShape *shape, const double box[4])
{
    if (p->numbered >= MOST_NUMBERED)
        return;
    p->numbered++;
    const double left = (box[0] - p->part[0]) / p->part[2];
    const double right = 1 - (box[0] + box[2] - p->part[0]) / p->part[2];
    const double y = (box[1] - p->part[1]) / p->part[3];
    df_textbuf_add(&p->marks, "<b%s style=\"", strcmp(shape->class, "m") == 0 ? " class=mm" : "");
    if (shape->at_right || left > 0.85)
        df_textbuf_add(&p->marks, "right:%.1f%%", 100 * fmax(shape->at_right ? right : 0, 0));
    else
        df_textbuf_add(&p->marks, "left:%.1f%%", 100 * fmax(left, 0));
    df_textbuf_add(&p->marks, y < 0.88 ? ";top:%.1f%%" : ";bottom:0", 100 * fmax(y, 0));
    df_textbuf_add(&p->marks, "\">%zu</b>", p->numbered);
    df_textbuf_add(&p->list, "<li>");
    df_textbuf_html(&p->list, shape->name);
    df_textbuf_add(&p->list, "%s", shape->what);
}

static void box_of(ReportPicture *p, const ReportShape *shape, const double b[4])
{
    df_textbuf_add(p->text, "<rect class=%s x=%.1f y=%.1f width=%.1f height=%.1f><title>", shape->class, b[0], b[1],
                   b[2], b[3]);
    df_textbuf_html(p->text, shape->name);
    df_textbuf_add(p->text, "%s</title></rect>", shape->what);
}

static bool can_draw(const double b[4])
{
    return isfinite(b[0]) && isfinite(b[1]) && isfinite(b[2]) && isfinite(b[3]) && b[2] >= 0 && b[3] >= 0;
}

int df_picture_shape(ReportPicture *p, const ReportShape *shape, const double box[4], DfMask *mask)
{
    DfTextbuf outline = { 0 };
    char *path = NULL;
    int error = mask ? df_mask_outline(&outline, mask) : DF_OK;
    if (error == DF_OK)
        error = df_textbuf_take(&outline, &path);
    if (error == DF_OK && path[0]) {
        df_textbuf_add(p->text, "<path class=%s d=\"%s\"><title>", shape->class, path);
        df_textbuf_html(p->text, shape->name);
        df_textbuf_add(p->text, "%s</title></path>", shape->what);
    } else if (error == DF_OK && can_draw(box)) {
        box_of(p, shape, box);
    }
    if (error == DF_OK && shape->numbered && can_draw(box))
        number(p, shape, box);
    df_free(path);
    df_free(outline.at);
    if (mask)
        df_mask_done(mask);
    return error;
}

static void add_and_free(DfTextbuf *t, DfTextbuf *piece)
{
    t->failed = t->failed || piece->failed;
    if (piece->n > 0)
        df_textbuf_add(t, "%s", piece->at);
    df_free(piece->at);
    *piece = (DfTextbuf){ 0 };
}

/* So many numbers that they cover the picture are shown with the list. */
void df_picture_end(ReportPicture *p)
{
    df_textbuf_add(p->text, "</svg><div class=\"marks%s\">", p->numbered > MANY ? " many" : "");
    add_and_free(p->text, &p->marks);
    df_textbuf_add(p->text, "</div></div></div>");
}

void df_picture_list(ReportPicture *p)
{
    const bool any = p->list.n > 0;
    df_textbuf_add(p->text, any ? "<ol>" : "");
    add_and_free(p->text, &p->list);
    df_textbuf_add(p->text, any ? "</ol>" : "");
}
