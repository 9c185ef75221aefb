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
    "main{max-width:1700px;padding:28px 20px 60px}.seen{display:grid;gap:18px;margin-top:18px}",
    "@media(min-width:860px){.seen{grid-template-columns:minmax(0,1fr) 340px;align-items:start}}",
    "canvas{display:block;width:100%;border-radius:10px;touch-action:pinch-zoom;cursor:crosshair}",
    "canvas:focus-visible{outline:3px solid var(--accent);outline-offset:2px}",
    ".choice{display:grid;grid-template-columns:auto minmax(0,1fr);gap:8px 12px;align-items:center;font-size:14px}",
    "select,button{font:inherit;font-size:14px;color:var(--ink);background:var(--card);border:1px solid var(--line);",
    "border-radius:8px;padding:7px 10px;min-height:38px;max-width:100%}.choice select{width:100%}",
    ".found{display:flex;flex-wrap:wrap;gap:8px;margin-top:14px}.found:empty{display:none}",
    "button[aria-pressed=true]{background:var(--accent);border-color:transparent;color:#fff}",
    ".said{margin:14px 0 10px;font-size:14px;min-height:4.6em}.scale{display:flex;align-items:center;gap:8px;",
    "font-size:13px;color:var(--soft)}.scale i{flex:1;height:10px;border-radius:5px;background:",
    "linear-gradient(90deg,#404387,#29788e,#22a784,#79d151,#fde725)}.panel{padding:16px}",
    "td i{display:inline-block;width:11px;height:11px;border-radius:6px;margin-right:6px;vertical-align:-1px}",
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

int df_report_points(const DfPointsPage *page, char **out)
{
    DfTextbuf t = { 0 };
    char *data;
    const int error = data_of(page, &data);
    *out = NULL;
    if (error < 0)
        return error;
    df_report_begin(&t, page->title);
    df_textbuf_add(&t, "<style>");
    add_all(&t, style, sizeof style / sizeof *style);
    df_textbuf_add(&t, "</style>");
    add_all(&t, body, sizeof body / sizeof *body);
    df_textbuf_add(&t, "<img id=picture hidden alt=\"\" src=\"%s\"><div id=data hidden>", page->picture);
    df_textbuf_html(&t, data);
    df_textbuf_add(&t, "</div>\n<script>\n");
    for (size_t i = 0; df_points_script[i]; i++)
        df_textbuf_add(&t, "%s\n", df_points_script[i]);
    df_textbuf_add(&t, "</script>\n");
    df_report_end(&t, "It loads nothing and works without a network.");
    df_free(data);
    return df_textbuf_take(&t, out);
}
