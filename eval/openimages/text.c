/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/openimages/text.c -- scores of Open Images as a table and as JSON.
 */
#include "eval/openimages/openimages.h"

static const char *rule(const DfOpenImagesScores *s)
{
    return s->params.challenge ? "challenge" : "V2";
}

/* As the tables of COCO have it, -1 where there is none. */
static double shown(double x)
{
    return x >= 0 ? x : -1;
}

static void add_class(DfTextbuf *t, const DfOpenImagesClass *c)
{
    df_textbuf_add(t, " ");
    df_textbuf_shown(t, c->called[0] ? c->called : c->name, 28);
    df_textbuf_add(t, " %8.10g %8.10g %8zu %7.3f %7.3f\n", c->objects, c->found, c->detections, shown(c->recall),
                   shown(c->ap));
}

/* What is not in the numbers. */
static size_t without_objects(const DfOpenImagesScores *s)
{
    size_t n = 0;
    for (size_t k = 0; k < s->n_classes; k++)
        n += !(s->classes[k].objects > 0);
    return n;
}

int df_openimages_table(const DfOpenImagesScores *s, bool per_class, char **out)
{
    DfTextbuf text = { 0 };
    const size_t none = without_objects(s);
    df_textbuf_add(&text, " mAP at IoU %.4g  %.3f   (%s of %s, groups count %.4g)\n", s->params.iou, shown(s->mean),
                   rule(s), s->masks ? "masks" : "boxes", s->params.group_weight);
    if (per_class)
        df_textbuf_add(&text, "\n %-28s %8s %8s %8s %7s %7s\n", "class", "objects", "found", "scored", "recall", "AP");
    for (size_t k = 0; per_class && k < s->n_classes; k++)
        add_class(&text, &s->classes[k]);
    if (none == s->n_classes)
        df_textbuf_add(&text, "\n-1: no class has an object that counts\n");
    else if (none || s->unseen)
        df_textbuf_add(&text, "\n");
    if (none && none < s->n_classes)
        df_textbuf_add(&text, "%zu of %zu classes have no object that counts: the mean is without them\n", none,
                       s->n_classes);
    if (s->unseen)
        df_textbuf_add(&text, "%zu predictions are of images of which nothing is known: they are not scored\n",
                       s->unseen);
    return df_textbuf_take(&text, out);
}

static void add_number(DfTextbuf *t, const char *before, double x)
{
    df_textbuf_add(t, "%s", before);
    df_textbuf_number(t, x);
}

static void add_class_json(DfTextbuf *t, const DfOpenImagesClass *c)
{
    df_textbuf_add(t, "{\"name\": ");
    df_textbuf_json(t, c->name);
    df_textbuf_add(t, ", \"called\": ");
    df_textbuf_json(t, c->called);
    add_number(t, ", \"AP\": ", c->ap);
    add_number(t, ", \"recall\": ", c->recall);
    add_number(t, ", \"objects\": ", c->objects);
    add_number(t, ", \"found\": ", c->found);
    df_textbuf_add(t, ", \"detections\": %zu}", c->detections);
}

int df_openimages_json(const DfOpenImagesScores *s, char **out)
{
    DfTextbuf t = { 0 };
    add_number(&t, "{\"mAP\": ", s->mean);
    add_number(&t, ", \"iou\": ", s->params.iou);
    add_number(&t, ", \"group_of_weight\": ", s->params.group_weight);
    df_textbuf_add(&t, ", \"rule\": \"%s\", \"type\": \"%s\",\n \"per_class\": [", rule(s), s->masks ? "segm" : "bbox");
    for (size_t k = 0; k < s->n_classes; k++) {
        df_textbuf_add(&t, "%s", k ? ",\n  " : "\n  ");
        add_class_json(&t, &s->classes[k]);
    }
    df_textbuf_add(&t, "],\n \"images\": %zu, \"rows_after_expansion\": {\"boxes\": %zu, \"labels\": %zu}, ",
                   s->n_images, s->boxes, s->labels);
    df_textbuf_add(&t, "\"classes_without_objects\": %zu, \"unseen_predictions\": %zu}\n", without_objects(s),
                   s->unseen);
    return df_textbuf_take(&t, out);
}
