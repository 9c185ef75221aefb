/* SPDX-License-Identifier: Apache-2.0
 *
 * report/points_page.c -- the page of the points that a network reads: its data, and its frame around points_script.c.
 */
#include "report/points_page.h"

#include <math.h>

#include "report/page.h"
#include "report/points_script.h"

/* ---- numbers ----------------------------------------------------------------------------------------------------- */

static uint16_t of_share(float share)
{
    return isnan(share) ? 0 : (uint16_t)lrintf(65535.0f * df_clamp_float(share, 0, 1));
}

uint16_t df_page_place(float x, int size)
{
    return of_share((x / (float)size + 0.5f) / 2);
}

uint16_t df_page_weight(float weight)
{
    return of_share(weight);
}

/* ---- data -------------------------------------------------------------------------------------------------------- */

static void add_numbers(DfTextbuf *t, const char *key, const uint16_t *v, size_t n)
{
    uint8_t bytes[3 * 512];     /* little-endian; threes, so that only the last piece is padded */
    df_textbuf_add(t, ",\"%s\":\"", key);
    for (size_t i = 0; i < n;) {
        size_t used = 0;
        for (; i < n && used < sizeof bytes; i++) {
            bytes[used++] = (uint8_t)(v[i] & 255);
            bytes[used++] = (uint8_t)(v[i] >> 8);
        }
        df_textbuf_base64(t, bytes, used);
    }
    df_textbuf_add(t, "\"");
}

static void add_layer(DfTextbuf *t, const DfPointsLayerPage *l)
{
    const size_t n = (size_t)l->n;
    df_textbuf_add(t, "{\"name\":");
    df_textbuf_json(t, l->name);
    df_textbuf_add(t, ",\"answers\":%s,\"queries\":%d,\"heads\":%d,\"levels\":%d,\"points\":%d,\"kept\":%d,\"ids\":[",
                   l->answers ? "true" : "false", l->queries, l->heads, l->levels, l->points, l->kept);
    for (int i = 0; i < l->n; i++)
        df_textbuf_add(t, i ? ",%d" : "%d", l->id[i]);
    df_textbuf_add(t, "]");
    add_numbers(t, "at", l->at, n * 2);
    add_numbers(t, "read", l->read, n * (size_t)l->heads * (size_t)l->kept * 3);
    df_textbuf_add(t, "}");
}

static void add_detection(DfTextbuf *t, const DfPointsDetection *d)
{
    df_textbuf_add(t, "{\"name\":");
    df_textbuf_json(t, d->name);
    df_textbuf_add(t, ",\"score\":");
    df_textbuf_number(t, (double)d->score);
    df_textbuf_add(t, ",\"query\":%d,\"box\":[", d->query);
    for (int i = 0; i < 4; i++) {
        df_textbuf_add(t, i ? "," : "");
        df_textbuf_number(t, (double)d->box[i]);
    }
    df_textbuf_add(t, "]}");
}

static int data_of(const DfPointsPage *page, char **out)
{
    DfTextbuf t = { 0 };
    df_textbuf_add(&t, "{\"width\":%d,\"height\":%d,\"layers\":[", page->width, page->height);
    for (int i = 0; i < page->n_layers; i++) {
        df_textbuf_add(&t, i ? "," : "");
        add_layer(&t, &page->layers[i]);
    }
    df_textbuf_add(&t, "],\"detections\":[");
    for (int i = 0; i < page->n_detections; i++) {
        df_textbuf_add(&t, i ? "," : "");
        add_detection(&t, &page->detections[i]);
    }
    df_textbuf_add(&t, "]}");
    return df_textbuf_take(&t, out);
}

/* ---- the page ---------------------------------------------------------------------------------------------------- */

static const char *const style[] = {
    ".page{max-width:110rem}.seen{display:grid;gap:1.1rem;margin-top:1.1rem}",
    "@media(min-width:56rem){.seen{grid-template-columns:minmax(0,1fr) 22rem;align-items:start}}",
    "canvas{display:block;width:100%;border-radius:12px;touch-action:pinch-zoom;cursor:crosshair}",
    ".choice{display:grid;grid-template-columns:auto minmax(0,1fr);gap:.5rem "
    ".8rem;align-items:center;font-size:.875rem}",
    "select,button{font:inherit;font-size:.875rem;color:var(--ink);background:var(--card);border:1px solid "
    "var(--line);",
    "border-radius:9px;padding:.45rem .8rem;min-height:2.75rem;max-width:100%}.choice select{width:100%}",
    ".found{display:flex;flex-wrap:wrap;gap:.5rem;margin-top:.9rem}.found:empty{display:none}",
    "button[aria-pressed=true]{background:var(--main);border-color:transparent;color:#fff}",
    ".said{margin:.9rem 0 .7rem;font-size:.875rem;min-height:4.6em}.scale{display:flex;align-items:center;gap:.5rem;",
    "font-size:.8125rem;color:var(--soft)}.scale i{flex:1;height:.65rem;border-radius:5px;background:",
    "linear-gradient(90deg,#404387,#29788e,#22a784,#79d151,#fde725)}.seen .scroll{margin:0 -.5rem}",
    "td i{display:inline-block;width:.7rem;height:.7rem;border-radius:50%;margin-right:.4rem;vertical-align:-1px}",
};

static const char *const body[] = {
    "<p class=lead>Move the pointer over the picture: the cross is the nearest query on this page, the discs are the ",
    "points that it reads. A larger and brighter disc has a larger weight. A click or a tap holds the place, another ",
    "one lets it go; with the picture in focus the arrow keys move it (with Shift: further).</p>",
    "<div class=seen><div><canvas id=view tabindex=0 role=img aria-label=\"The picture and the points that are read\"",
    " aria-describedby=said></canvas><div class=found id=found></div></div><div class=panel><div class=choice>",
    "<label for=layer>Block</label><select id=layer></select><label for=head>Head</label><select id=head></select>",
    "<label for=level>Level</label><select id=level></select></div><p class=said id=said aria-live=polite></p>",
    "<div class=scale><span>0</span><i></i><span id=most></span></div><div class=scroll><table><thead><tr>",
    "<th class=l>Weight</th><th>Head</th><th>Level</th><th>x</th><th>y</th></tr></thead><tbody id=rows></tbody>",
    "</table></div></div></div><noscript><p>This page needs its script, which is inside it.</p></noscript>",
};

static void add_all(DfTextbuf *t, const char *const *lines, size_t n)
{
    for (size_t i = 0; i < n; i++)
        df_textbuf_add(t, "%s", lines[i]);
}

static void add_data(DfTextbuf *t, const DfPointsPage *page, const char *data)
{
    df_textbuf_add(t, "<img id=picture hidden alt=\"\" src=\"%s\"><div id=data hidden>", page->picture);
    df_textbuf_html(t, data);
    df_textbuf_add(t, "</div>\n<script>\n");
    for (size_t i = 0; df_points_script[i]; i++)
        df_textbuf_add(t, "%s\n", df_points_script[i]);
    df_textbuf_add(t, "</script>\n");
}

int df_report_points(const DfPointsPage *page, char **out)
{
    ReportPage p;
    char *data = NULL;
    const int error = data_of(page, &data);
    df_report_begin(&p, page->title);
    df_textbuf_add(&p.text, "<style>");
    add_all(&p.text, style, sizeof style / sizeof *style);
    df_textbuf_add(&p.text, "</style>");
    add_all(&p.text, body, sizeof body / sizeof *body);
    if (error == DF_OK)
        add_data(&p.text, page, data);
    df_free(data);
    return df_report_end(&p, "It loads nothing and works offline.", error, out);
}
