/* SPDX-License-Identifier: Apache-2.0
 *
 * report/page.c -- the frame of every page: its style, its title and cards, sections, cells of tables.
 */
#include "report/page.h"

static const char style[] =
    ":root{color-scheme:light dark;--paper:#fcfcfa;--card:#fff;--ink:#1d2129;--soft:#667080;--line:#e3e5e8;--faint:#f1f2f4;--good:#1f8a70;--bad:#d1495b;"
    "--miss:#d98e04;--accent:#2f6fb5;--shade:0 1px 2px #0001,0 4px 16px #0000000a}"
    "@media(prefers-color-scheme:dark){:root{--paper:#14171c;--card:#1b1f26;--ink:#e6e9ee;--soft:#97a1b0;--line:#2c323c;--faint:#232831;--good:#45c4a0;"
    "--bad:#f0707f;--miss:#f2b544;--accent:#6fa8e6;--shade:none}}"
    "*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',"
    "'Noto Sans',sans-serif;font-variant-numeric:tabular-nums;-webkit-font-smoothing:antialiased}"
    "main{max-width:1080px;margin:0 auto;padding:48px 24px 96px}h1{font-size:30px;line-height:1.2;font-weight:650;letter-spacing:-.015em;margin:0 0 6px;"
    "overflow-wrap:anywhere}h2{font-size:20px;font-weight:650;letter-spacing:-.01em;margin:0 0 2px}h3{font-size:14px;font-weight:600;margin:0 0 8px}"
    "p{margin:0}.lead{color:var(--soft);max-width:88ch;margin-bottom:18px}section{margin-top:52px}"
    ".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(112px,1fr));gap:12px;margin-top:28px}.card{background:var(--card);border:1px solid "
    "var(--line);border-radius:10px;padding:14px 16px;box-shadow:var(--shade)}.card b{display:block;font-size:26px;font-weight:620;letter-spacing:-.02em;"
    "line-height:1.2}.card span{color:var(--soft);font-size:13px}.card.main{background:var(--accent);border-color:transparent;color:#fff}.card.main span{color:"
    "#fffc}@media(prefers-color-scheme:dark){.card.main{background:#2b5f9b}}"
    ".panel{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:20px 22px;box-shadow:var(--shade)}.two{display:grid;"
    "grid-template-columns:repeat(auto-fit,minmax(min(400px,100%),1fr));gap:18px}.scroll{overflow-x:auto}"
    "table{border-collapse:collapse;width:100%;font-size:13.5px}th{font-weight:600;color:var(--soft);text-align:right;padding:6px 9px;border-bottom:1px solid "
    "var(--line);white-space:nowrap}td{padding:5px 9px;text-align:right;border-bottom:1px solid var(--faint);white-space:nowrap}th.l,td.l{text-align:left}"
    "tbody tr:hover{background:var(--faint)}td.bar{min-width:130px}td.bar i{display:block;height:8px;border-radius:4px;background:var(--accent)}.dim{color:"
    "var(--soft)}.tag{display:inline-block;min-width:44px;text-align:center;padding:0 7px;border-radius:9px;font-size:12px;background:var(--faint)}"
    "svg{display:block;max-width:100%;height:auto}svg text{fill:var(--soft);font-size:11px}svg .ink{fill:var(--ink)}svg .grid{stroke:var(--line);fill:none}svg "
    ".axis{stroke:var(--soft);fill:none}.good{fill:var(--good)}.bad{fill:var(--bad)}.missed{fill:var(--miss)}.accent{fill:var(--accent)}"
    ".key{display:flex;flex-wrap:wrap;gap:6px 18px;font-size:13px;color:var(--soft);margin-top:12px}.key i{display:inline-block;width:11px;height:11px;"
    "border-radius:3px;margin-right:6px;vertical-align:-1px}.shots{display:grid;grid-template-columns:repeat(auto-fill,minmax(240px,1fr));gap:16px}.shot{"
    "background:var(--card);border:1px solid var(--line);border-radius:10px;overflow:hidden;box-shadow:var(--shade)}.shot svg{width:100%;background:var(--faint)}"
    ".shot p{padding:9px 12px;font-size:13px;overflow-wrap:anywhere}.shot rect,.shot path{fill:none;vector-effect:non-scaling-stroke;stroke-width:1.8}.shot path{stroke-width:1.2}.shot .g{stroke:"
    "var(--good)}.shot .b{stroke:var(--bad)}.shot .m{stroke:var(--miss);stroke-dasharray:5 3}"
    "details{margin-top:14px}summary{cursor:pointer;color:var(--accent);font-size:14px}footer{margin-top:64px;color:var(--soft);font-size:13px}"
    "@media print{main{padding:0}section{break-inside:avoid}}";

void df_report_section(DfTextbuf *t, const char *title, const char *lead)
{
    df_textbuf_add(t, "<section><h2>%s</h2><p class=lead>%s</p>\n", title, lead);
}

void df_report_section_end(DfTextbuf *t)
{
    df_textbuf_add(t, "</section>\n");
}

void df_report_card(DfTextbuf *t, const char *name, double value, bool main_one)
{
    df_textbuf_add(t, "<div class=\"card%s\"><b>", main_one ? " main" : "");
    if (value >= 0)
        df_textbuf_add(t, "%.1f", 100 * value);
    else
        df_textbuf_add(t, "&ndash;");
    df_textbuf_add(t, "</b><span>%s</span></div>", name);
}

void df_report_begin(DfTextbuf *t, const char *title)
{
    df_textbuf_add(
        t,
        "<!doctype html>\n<html lang=en><head><meta charset=utf-8><meta name=viewport content=\"width=device-width,initial-scale=1\"><title>");
    df_textbuf_html(t, title);
    df_textbuf_add(t, "</title>\n<style>");
    df_textbuf_add(t, "%s", style);
    df_textbuf_add(t, "</style></head>\n<body><main><h1>");
    df_textbuf_html(t, title);
    df_textbuf_add(t, "</h1>");
}

void df_report_end(DfTextbuf *t, const char *note)
{
    df_textbuf_add(t, "<footer>Made by deformer. %s</footer></main></body></html>\n", note);
}

void df_report_percent(DfTextbuf *t, double x)
{
    if (x >= 0)
        df_textbuf_add(t, "<td>%.1f</td>", 100 * x);
    else
        df_textbuf_add(t, "<td class=dim>&ndash;</td>");
}
