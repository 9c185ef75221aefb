/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/cityscapes/text.c -- the AP of instances as a table and as JSON.
 */
#include <math.h>

#include "eval/cityscapes/instances.h"

static void add_number(DfTextbuf *t, double x)
{
    if (isnan(x))
        df_textbuf_add(t, "%15s", "nan");
    else
        df_textbuf_add(t, "%15.3f", x);
}

static void add_line(DfTextbuf *t, const char *what, double ap, double ap50)
{
    df_textbuf_add(t, "%-15s:", what);
    add_number(t, ap);
    add_number(t, ap50);
    df_textbuf_add(t, "\n");
}

int df_cityscapes_table(const DfCityscapesResult *r, char **out)
{
    DfTextbuf t = { 0 };
    df_textbuf_add(&t, "%-15s:%15s%15s\n", "what", "AP", "AP_50%");
    for (int k = 0; k < DF_CITYSCAPES_CLASSES; k++)
        add_line(&t, df_cityscapes_class(k), r->class_ap[k], r->class_ap50[k]);
    add_line(&t, "average", r->ap, r->ap50);
    return df_textbuf_take(&t, out);
}

static void put_class(DfJsonWriter *w, const DfCityscapesResult *r, int k)
{
    df_json_begin(w, NULL, '{');
    df_json_put_text(w, "name", df_cityscapes_class(k));
    df_json_put_number(w, "ap", r->class_ap[k]);
    df_json_put_number(w, "ap50", r->class_ap50[k]);
    df_json_put_number(w, "truths", (double)r->truths[k]);
    df_json_put_number(w, "found", (double)r->found[k]);
    df_json_begin(w, "ap_of_iou", '[');
    for (int i = 0; i < DF_CITYSCAPES_IOUS; i++)
        df_json_put_number(w, NULL, r->of[k][i]);
    df_json_end(w);
    df_json_end(w);
}

int df_cityscapes_json(const DfCityscapesResult *r, char **out)
{
    DfJsonWriter w = { 0 };
    df_json_begin(&w, NULL, '{');
    df_json_put_number(&w, "ap", r->ap);
    df_json_put_number(&w, "ap50", r->ap50);
    df_json_begin(&w, "per_class", '[');
    for (int k = 0; k < DF_CITYSCAPES_CLASSES; k++)
        put_class(&w, r, k);
    df_json_end(&w);
    df_json_end(&w);
    return df_json_take(&w, out);
}
