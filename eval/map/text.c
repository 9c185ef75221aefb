/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/map/text.c -- mean average precision as a table and as JSON.
 */
#include <inttypes.h>

#include "eval/map/map.h"

/* "AP50" */
static int percent(double iou)
{
    return (int)(iou * 100);
}

int df_map_table(const DfMapScores *s, bool per_class, char **out)
{
    DfTextbuf text = { 0 };
    const char *rule = s->params.eleven_points ? "eleven points" : "area under the curve";
    df_textbuf_add(&text, " mAP   %.3f   (%s)\n", s->mean, rule);
    for (int t = 0; t < s->params.n_ious; t++)
        df_textbuf_add(&text, " AP%02d  %.3f\n", percent(s->params.iou[t]), s->ap[t]);
    if (per_class)
        df_textbuf_add(&text, "\n %-24s %8s %8s %7s %7s\n", "class", "objects", "found", "recall", "AP");
    for (int k = 0; per_class && k < s->n_classes; k++) {
        const DfMapClass *c = &s->classes[k];
        df_textbuf_add(&text, " ");
        df_textbuf_shown(&text, c->name, 24);
        df_textbuf_add(&text, " %8d %8d %7.3f %7.3f\n", c->objects, c->detections, c->recall[0], c->ap[0]);
    }
    return df_textbuf_take(&text, out);
}

static void add_class(DfTextbuf *t, const DfMapScores *s, const DfMapClass *c)
{
    df_textbuf_add(t, "{\"id\": %" PRId64 ", \"name\": ", c->id);
    df_textbuf_json(t, c->name);
    df_textbuf_add(t, ", \"gts\": %d, \"dets\": %d", c->objects, c->detections);
    for (int i = 0; i < s->params.n_ious; i++) {
        df_textbuf_add(t, ", \"recall%02d\": ", percent(s->params.iou[i]));
        df_textbuf_number(t, c->recall[i]);
        df_textbuf_add(t, ", \"AP%02d\": ", percent(s->params.iou[i]));
        df_textbuf_number(t, c->ap[i]);
    }
    df_textbuf_add(t, "}");
}

int df_map_json(const DfMapScores *s, const char *more, char **out)
{
    DfTextbuf t = { 0 };
    df_textbuf_add(&t, "{\"mAP\": ");
    df_textbuf_number(&t, s->mean);
    for (int i = 0; i < s->params.n_ious; i++) {
        df_textbuf_add(&t, ", \"AP%02d\": ", percent(s->params.iou[i]));
        df_textbuf_number(&t, s->ap[i]);
    }
    df_textbuf_add(&t, ", \"rule\": \"%s\",\n \"per_class\": [", s->params.eleven_points ? "11points" : "area");
    for (int k = 0; k < s->n_classes; k++) {
        df_textbuf_add(&t, "%s", k ? ",\n  " : "\n  ");
        add_class(&t, s, &s->classes[k]);
    }
    df_textbuf_add(&t, "]%s%s}\n", more ? ",\n " : "", more ? more : "");
    return df_textbuf_take(&t, out);
}
