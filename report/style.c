/* SPDX-License-Identifier: Apache-2.0
 *
 * report/style.c -- how every page looks: 320 to 2560 pixels wide, light or dark, on paper. Letters are 12 pixels or
 * more at every width: drawings are stretched, and their letters stand beside them as text.
 */
#include "report/style.h"

const char *const df_report_style[] = {
    /* ---- colours ---- */
    ":root{color-scheme:light dark;--paper:#f7f8fa;--card:#fff;--ink:#1a1f28;--soft:#596474;--line:#dfe3e9;--faint:#eff1f5;",
    "--good:#1a8266;--bad:#c9384b;--miss:#b96f00;--accent:#2562b4;--main:#2562b4;--shade:0 1px 2px #1018280d,0 4px 14px #1018280a}",
    "@media(prefers-color-scheme:dark){:root{--paper:#101318;--card:#181c23;--ink:#e7eaf0;--soft:#9ba6b6;--line:#2b323d;",
    "--faint:#21272f;--good:#46c7a0;--bad:#f27985;--miss:#f0b44c;--accent:#78adf0;--main:#2a5c9c;--shade:none}}",

    /* ---- letters ---- */
    "*{box-sizing:border-box}html{scroll-padding-top:4.2rem;-webkit-text-size-adjust:100%}",
    "body{margin:0;overflow-wrap:break-word;background:var(--paper);color:var(--ink);font:1rem/1.55 system-ui,-apple-system,'Segoe UI',Roboto,",
    "'Helvetica Neue','Noto Sans',sans-serif;font-variant-numeric:tabular-nums;-webkit-font-smoothing:antialiased}",
    "h1{font-size:clamp(1.5rem,1.15rem + 1.5vw,2.1rem);line-height:1.2;font-weight:680;letter-spacing:-.018em;margin:0 0 .4rem;",
    "overflow-wrap:anywhere}h2{font-size:1.3rem;line-height:1.3;font-weight:660;letter-spacing:-.012em;margin:0 0 .25rem}h2,h3{overflow-wrap:anywhere}",
    "h3{font-size:.95rem;line-height:1.4;font-weight:640;margin:0 0 .6rem}p{margin:0}small,.small{font-size:.8125rem}",
    ".lead{color:var(--soft);max-width:80ch;margin-bottom:1.1rem}.dim{color:var(--soft)}a{color:var(--accent)}",
    ":focus-visible{outline:3px solid var(--accent);outline-offset:2px;border-radius:4px}",

    /* ---- the frame: contents beside the page where there is room, else a line of links that stays on top ---- */
    ".skip{position:absolute;left:1rem;top:.4rem;z-index:9;background:var(--card);padding:.4rem 1rem;opacity:0;pointer-events:none}",
    ".skip:focus{opacity:1;pointer-events:auto}",
    ".page{max-width:76rem;margin:0 auto;padding:0 clamp(.8rem,2.5vw,1.6rem) 5rem}",
    "header{padding:clamp(1.6rem,4vw,3rem) 0 0}header p{color:var(--soft)}main{min-width:0}section{margin-top:clamp(2.2rem,5vw,3.4rem)}",
    "nav{position:sticky;top:0;z-index:5;display:flex;gap:.25rem;overflow-x:auto;scrollbar-width:none;background:var(--paper);",
    "border-bottom:1px solid var(--line);margin:1.4rem calc(-1*clamp(.8rem,2.5vw,1.6rem)) 0;padding:.3rem clamp(.4rem,2vw,1.2rem)}",
    "nav::-webkit-scrollbar{display:none}nav a{flex:none;color:var(--soft);font-size:.875rem;text-decoration:none;padding:.55rem .7rem;",
    "border-radius:8px}nav a:hover{background:var(--faint);color:var(--ink)}section:target h2{color:var(--accent)}",
    "@media(min-width:96rem){html{scroll-padding-top:1rem}.page.listed{max-width:95rem;display:grid;",
    "grid-template-columns:12.5rem minmax(0,1fr);column-gap:2.6rem}.page.listed header,.page.listed footer{grid-column:2}",
    "nav{grid-column:1;grid-row:1/span 2;align-self:start;max-height:100vh;flex-direction:column;overflow:hidden auto;",
    "border:0;margin:0;padding:3.1rem 0 1rem}.page.listed main{grid-column:2}}",
    "footer{margin-top:4rem;color:var(--soft);font-size:.875rem;max-width:80ch}",

    /* ---- cards and panels ---- */
    ".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(7.6rem,30%),1fr));gap:.7rem;margin-top:1.5rem}",
    ".card{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:.8rem 1rem;box-shadow:var(--shade);",
    "min-width:0;overflow-wrap:anywhere}.card b{display:block;font-size:clamp(1.25rem,1rem + 1vw,1.6rem);font-weight:640;",
    "letter-spacing:-.02em;line-height:1.25}.card span{color:var(--soft);font-size:.8125rem}.card.main{background:var(--main);",
    "border-color:transparent;color:#fff}.card.main span{color:#fffffff0}",
    ".panel{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:clamp(.9rem,2.2vw,1.35rem);",
    "box-shadow:var(--shade);min-width:0}.two{display:grid;gap:1.1rem;grid-template-columns:repeat(auto-fit,",
    "minmax(min(25rem,100%),1fr))}.two>*{min-width:0}.note{font-size:.875rem;color:var(--soft);margin-top:.9rem;max-width:80ch}.note+.shots{margin-top:1rem}",
    ".key{display:flex;flex-wrap:wrap;gap:.3rem 1.1rem;font-size:.875rem;color:var(--soft);margin-top:.8rem}.key i,td i.dot{",
    "display:inline-block;width:.7rem;height:.7rem;border-radius:3px;margin-right:.4rem;vertical-align:-1px}",
    ".tag{display:inline-block;min-width:2.9rem;text-align:center;padding:0 .5rem;border-radius:9px;font-size:.8125rem;",
    "background:var(--faint)}details{margin-top:.9rem}summary{cursor:pointer;color:var(--accent);font-size:.875rem;padding:.35rem 0}",

    /* ---- tables: they scroll inside of their box, the first column stays; or every row becomes a card ---- */
    ".scroll{overflow:auto;overscroll-behavior-x:contain;padding:.3rem 0;background:linear-gradient(90deg,var(--card) 30%,",
    "transparent) -2px 0/2.4rem 100% no-repeat local,linear-gradient(270deg,var(--card) 30%,transparent) calc(100% + 2px) 0/2.4rem 100% ",
    "no-repeat local,linear-gradient(90deg,#0002,transparent) 0 0/.8rem 100% no-repeat scroll,linear-gradient(270deg,#0002,",
    "transparent) 100% 0/.8rem 100% no-repeat scroll,var(--card)}.tall{max-height:min(80vh,52rem)}",
    "table{border-collapse:separate;border-spacing:0;width:100%;font-size:.875rem;line-height:1.4}",
    "th{font-weight:620;color:var(--soft);font-size:.8125rem;text-align:right;padding:.5rem .5rem;vertical-align:bottom;",
    "border-bottom:1px solid var(--line);white-space:nowrap}td{padding:.42rem .5rem;text-align:right;",
    "border-bottom:1px solid var(--faint);white-space:nowrap}th.l,td.l{text-align:left}tr>:first-child{padding-left:1rem}",
    "tr>:last-child{padding-right:1rem}tbody tr:last-child td{border-bottom:0}td.wrap{white-space:normal;",
    "overflow-wrap:anywhere;min-width:8rem}@media(hover:hover){tbody tr:hover>*{background:var(--faint)}}",
    "thead th{position:sticky;top:-.3rem;z-index:2;background:var(--card)}.scroll tr>:first-child{position:sticky;left:0;",
    "z-index:1;background:var(--card);white-space:normal;overflow-wrap:anywhere;min-width:6.5rem;max-width:min(24rem,45vw)}",
    ".scroll thead tr>:first-child{z-index:3}td.bar{background:linear-gradient(var(--accent),var(--accent)) ",
    ".25rem calc(100% - 4px)/calc((100% - .5rem)*var(--v)) 3px no-repeat}",
    "@media(min-width:64rem){td.bar{min-width:5.5rem}}@media(max-width:40rem){",
    ".stack thead{display:none}.stack,.stack table,.stack tbody,.stack tr,.stack td{display:block;width:auto}",
    ".stack tr{padding:.7rem 1rem;border-bottom:1px solid var(--line)}.stack tbody tr:last-child{border-bottom:0}",
    ".stack tr>td,.stack tr>:first-child{display:flex;justify-content:space-between;gap:1rem;border:0;padding:.12rem 0;",
    "white-space:normal;overflow-wrap:anywhere;max-width:none;min-width:0;position:static;text-align:right}.stack td.bar{background:none}.stack td[data-l]::before{",
    "content:attr(data-l);color:var(--soft);white-space:nowrap;text-align:left}}",

    /* ---- drawings ---- */
    "svg{display:block}.plot{font-size:.75rem;color:var(--soft)}.plot .area{position:relative;height:clamp(12rem,24vw,17rem);",
    "margin:.5rem .7rem 1.5rem 2.6rem}.plot svg{width:100%;height:100%;overflow:visible}.plot path{vector-effect:",
    "non-scaling-stroke}.plot .area span{position:absolute;line-height:1;white-space:nowrap}.plot .y{right:calc(100% + .5rem);",
    "transform:translateY(50%)}.plot .x{top:calc(100% + .45rem);transform:translateX(-50%)}.plot .name{text-align:center}",
    ".grid{stroke:var(--line);fill:none}.axis{stroke:var(--soft);fill:none}.good{fill:var(--good);background:var(--good)}",
    ".bad{fill:var(--bad);background:var(--bad)}.missed{fill:var(--miss);background:var(--miss)}.accent{fill:var(--accent);",
    "background:var(--accent)}.minis{display:grid;grid-template-columns:repeat(auto-fill,minmax(8.2rem,1fr));gap:1rem;",
    "margin-top:.8rem;font-size:.8125rem}.minis svg{width:100%;height:4.6rem}.minis>div{min-width:0;overflow-wrap:anywhere}",

    /* ---- rows of bars, and of intervals ---- */
    ".bars{display:grid;gap:.8rem}.bars>div{display:grid;grid-template-columns:minmax(9rem,17rem) minmax(0,1fr);gap:.2rem 1.2rem;",
    "align-items:center}.bars b{display:block;font-weight:600;font-size:.9375rem}.bars small{color:var(--soft);line-height:1.35;",
    "display:block}.bars hr{border:0;border-top:1px solid var(--line);width:100%;margin:.2rem 0}.track{display:flex;align-items:",
    "center;gap:.6rem;font-size:.875rem;min-width:0}.track>i{flex:none;height:1rem;min-width:2px;border-radius:4px;width:calc((100% - ",
    "9.5rem)*var(--v))}.track small{display:inline;white-space:nowrap}@media(max-width:40rem){.bars>div{grid-template-columns:minmax(0,1fr)}}",
    ".slices{display:grid;gap:.7rem;align-content:start}.slices h3{margin:0}.slice{display:grid;grid-template-columns:",
    "minmax(0,5fr) minmax(0,6fr) 6.6rem;gap:.2rem 1rem;align-items:center;font-size:.9375rem}.slice small{",
    "display:block;color:var(--soft);line-height:1.35}.slice>div,.bars>div>div{min-width:0;overflow-wrap:anywhere}.slice b{font-weight:600}@media(max-width:34rem){.slice{grid-template-columns:",
    "minmax(0,1fr) auto}.slice .whisker{grid-column:1/3;grid-row:2}}.part{margin-top:1.6rem}.part+.lead{margin-bottom:.8rem;",
    "font-size:.9375rem}.shot.suspect ol{font-size:.875rem;margin:.6rem 0 0;padding:0 .9rem 0 2.1rem;overflow-wrap:anywhere}",
    ".counts>div{grid-template-columns:minmax(0,2fr) minmax(0,3fr)}.counts .track>i{width:calc((100% - 3.6rem)*var(--v))}",
    ".whisker{position:relative;height:1.5rem;min-width:0;border-radius:6px;background:var(--faint)}.whisker i{position:absolute;",
    "top:50%;height:3px;margin-top:-1.5px;border-radius:2px;background:var(--accent)}.whisker b{position:absolute;top:50%;width:.7rem;",
    "height:.7rem;margin:-.35rem 0 0 -.35rem;border-radius:50%;background:var(--accent)}.whisker u{position:absolute;top:0;bottom:0;",
    "width:0;border-left:2px dotted var(--soft)}td.range{width:40%;min-width:10rem}",

    /* ---- a matrix ---- */
    ".measured{container-type:inline-size}.scroll.matrix{background:none;--s:clamp(var(--least),(100cqw - 8.5rem)/var(--n) - 1px,3.4rem)}",
    ".matrix th{font-size:.75rem}.matrix table{width:auto;margin:0 auto;border-spacing:1px}.matrix td,.matrix th{padding:0;border:0}.matrix td{width:var(--s);",
    "min-width:var(--s);height:var(--s);text-align:center;border-radius:3px;background:var(--faint);font-size:.8125rem}",
    ".matrix thead th{writing-mode:vertical-rl;transform:rotate(180deg);text-align:left;padding:.3rem 0;font-weight:500;line-height:var(--s);",
    "white-space:nowrap;min-width:0;max-width:none}.matrix thead th:first-child{transform:none}",
    ".matrix+h3{margin-top:1.1rem}.matrix tbody th{vertical-align:middle;font-weight:500;padding:0 .6rem 0 0;background:var(--card)}.matrix tbody tr:hover>td{background:var(--faint)}",
    ".matrix td[style],.matrix tbody tr:hover>td[style]{background:color-mix(in srgb,var(--c) var(--p),var(--faint))}",

    /* ---- pictures ---- */
    ".shots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(17rem,100%),1fr));gap:1rem}.shots.wide{",
    "grid-template-columns:repeat(auto-fill,minmax(min(34rem,100%),1fr))}.shot{background:var(--card);border:1px solid var(--line);",
    "border-radius:12px;overflow:hidden;box-shadow:var(--shade);min-width:0}.shot>p,.shot>details{padding:.6rem .9rem;font-size:.875rem;",
    "overflow-wrap:anywhere;margin:0}.shot details+p{padding-top:0}.pair details{padding:.3rem .9rem .6rem;font-size:.875rem;margin:0;overflow-wrap:anywhere}.shot ol,.shot ul{margin:.2rem 0;padding-left:1.4rem}",
    ".frame{display:grid;place-items:center;aspect-ratio:4/3;background:var(--faint);overflow:hidden}.pic{position:relative;",
    "overflow:hidden}.pic svg{width:100%;height:100%}.pic img{display:block;width:100%;height:100%}.pic rect,.pic path{fill:none;",
    "vector-effect:non-scaling-stroke;stroke-width:2}.pic path{stroke-width:1.4}.pic .g{stroke:#2fd6a5}.pic .b{stroke:#ff5468}",
    ".pic .m{stroke:#ffb62e;stroke-dasharray:6 3}.pic .h{stroke:#0008;stroke-width:4}.pic .empty{fill:var(--card);stroke:none}",
    ".pic b{position:absolute;font:600 .75rem/1.25 system-ui,sans-serif;color:#fff;background:#c9384b;padding:0 .22rem;opacity:.94;",
    "border-radius:3px;text-align:center}.pic b.mm{background:#b96f00}.pair{display:grid;gap:2px;",
    "grid-template-columns:1fr 1fr;background:var(--line)}.pair>div{min-width:0;background:var(--card);display:grid;grid-template-rows:subgrid;grid-row:span 3;",
    "align-content:start;row-gap:0}.pair p{padding:.35rem .9rem;",
    "font-size:.8125rem;color:var(--soft);overflow-wrap:anywhere}.pair img{display:block;width:100%;height:auto}",
    "@media(max-width:34rem){.pair{grid-template-columns:1fr}}",
    ".marks.many{display:none}.frame:hover .many,.shot:not(:has(.pair)):has(details[open]) .many,.pair>div:has(details[open]) ",
    ".many{display:block}.up{color:var(--good)}.down{color:var(--bad)}",
    "@media print{.page{max-width:none;padding:0}nav{display:none}.panel,.shot,.card{box-shadow:none;break-inside:avoid}",
    ".tall{max-height:none}h2{break-after:avoid}}",
    0
};
