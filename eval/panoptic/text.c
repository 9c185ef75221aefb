/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/panoptic/text.c -- panoptic quality as tables and as JSON.
 */
#include <stdio.h>

#include "eval/panoptic/panoptic.h"

enum { WIDEST = 40 };

static void add_mean(DfTextbuf *t, const char *name, const DfPanopticMean *m)
{
    df_textbuf_add(t, "%-10s|", name);
    if (m->n)
        df_textbuf_add(t, " %5.1f  %5.1f  %5.1f", 100 * m->pq, 100 * m->sq, 100 * m->rq);
    else
        df_textbuf_add(t, " %5s  %5s  %5s", "-", "-", "-");
    df_textbuf_add(t, " %5zu\n", m->n);
}

int df_panoptic_table(const DfPanopticResult *r, char **out)
{
    DfTextbuf t = { 0 };
    df_textbuf_add(&t, "%-10s| %5s  %5s  %5s %5s\n", "", "PQ", "SQ", "RQ", "N");
    df_textbuf_add(&t, "--------------------------------------\n");
    add_mean(&t, "All", &r->all);
    add_mean(&t, "Things", &r->things);
    add_mean(&t, "Stuff", &r->stuff);
    return df_textbuf_take(&t, out);
}

int df_panoptic_class_table(const DfPanopticResult *r, char **out)
{
    DfTextbuf t = { 0 };
    size_t widest = 8;
    for (size_t k = 0; k < r->n_classes; k++)
        widest = df_shown_length(r->classes[k].name) > widest ? df_shown_length(r->classes[k].name) : widest;
    const int wide = (int)(widest > WIDEST ? WIDEST : widest);
    df_textbuf_add(&t, " %-*s %8s %5s %6s %6s %6s %7s %7s %7s\n", wide, "category", "id", "", "PQ", "SQ", "RQ", "TP",
                   "FP", "FN");
    for (size_t k = 0; k < r->n_classes; k++) {
        const DfPanopticClass *const c = &r->classes[k];
        df_textbuf_add(&t, " ");
        df_textbuf_shown(&t, c->name, wide);
        df_textbuf_add(&t, " %8s %5s", df_id_text(c->id), c->thing ? "thing" : "stuff");
        df_textbuf_add(&t, " %6.1f %6.1f %6.1f", 100 * c->pq, 100 * c->sq, 100 * c->rq);
        df_textbuf_add(&t, " %7zu %7zu %7zu\n", c->tp, c->fp, c->fn);
    }
    return df_textbuf_take(&t, out);
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

static void put_mean(DfJsonWriter *w, const char *key, const DfPanopticMean *m)
{
    df_json_begin(w, key, '{');
    df_json_put_number(w, "pq", m->pq);
    df_json_put_number(w, "sq", m->sq);
    df_json_put_number(w, "rq", m->rq);
    df_json_put_number(w, "n", (double)m->n);
    df_json_end(w);
}

static void put_class(DfJsonWriter *w, const DfPanopticClass *c)
{
    df_json_begin(w, NULL, '{');
    if (c->id.text)
        df_json_put_text(w, "id", c->id.text);
    else
        df_json_put_integer(w, "id", c->id.number);
    df_json_put_text(w, "name", c->name);
    df_json_put_bool(w, "isthing", c->thing);
    df_json_put_number(w, "pq", c->pq);
    df_json_put_number(w, "sq", c->sq);
    df_json_put_number(w, "rq", c->rq);
    df_json_put_number(w, "iou", c->iou);
    df_json_put_number(w, "tp", (double)c->tp);
    df_json_put_number(w, "fp", (double)c->fp);
    df_json_put_number(w, "fn", (double)c->fn);
    df_json_end(w);
}

int df_panoptic_json(const DfPanopticResult *r, char **out)
{
    DfJsonWriter w = { 0 };
    df_json_begin(&w, NULL, '{');
    put_mean(&w, "All", &r->all);
    put_mean(&w, "Things", &r->things);
    put_mean(&w, "Stuff", &r->stuff);
    df_json_put_number(&w, "images", (double)r->images);
    df_json_put_number(&w, "unknown", (double)r->unknown);
    df_json_put_number(&w, "repeated", (double)r->repeated);
    df_json_begin(&w, "per_class", '[');
    for (size_t k = 0; k < r->n_classes; k++)
        put_class(&w, &r->classes[k]);
    df_json_end(&w);
    df_json_end(&w);
    return df_json_take(&w, out);
}
