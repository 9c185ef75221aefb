/* SPDX-License-Identifier: Apache-2.0
 *
 * report/points_script.c -- what the page of points does in the browser: the place under the pointer, the query nearest
 * to it, and what that reads. JavaScript of browsers since 2020, without any library.
 */
#include "report/points_script.h"

#include <stddef.h>

const char *const df_points_script[] = {
    "\"use strict\";",
    "const $ = id => document.getElementById(id), D = JSON.parse($(\"data\").textContent);",
    "const view = $(\"view\"), ink = view.getContext(\"2d\"), picture = $(\"picture\");",
    "// Little-endian numbers of two bytes; coordinates reach from half a picture before to half a picture "
        "behind.",
    "const numbers = s => { const b = atob(s), v = new Uint16Array(b.length / 2);",
    "for (let i = 0; i < v.length; i++) v[i] = b.charCodeAt(2 * i) | b.charCodeAt(2 * i + 1) << 8; return v; "
        "};",
    "for (const l of D.layers) { l.at = numbers(l.at); l.read = numbers(l.read); }",
    "const placeX = u => (u / 65535 * 2 - 0.5) * D.width, placeY = u => (u / 65535 * 2 - 0.5) * D.height;",
    "const state = { layer: D.layers.length - 1, head: -1, level: -1, query: 0, x: D.width / 2, y: D.height / "
        "2, held: false, found: -1 };",
    "const stops = [[64, 67, 135], [41, 120, 142], [34, 167, 132], [121, 209, 81], [253, 231, 36]];",
    "const colour = share => { const at = Math.min(Math.max(share, 0), 1) * 4, i = Math.min(Math.floor(at), "
        "3);",
    "return \"rgb(\" + stops[i].map((c, k) => Math.round(c + (at - i) * (stops[i + 1][k] - c))) + \")\"; };",
    "",
    "// The query of the page that stands nearest to the place.",
    "function nearest() {",
    "const l = D.layers[state.layer]; let least = Infinity;",
    "for (let i = 0; i < l.ids.length; i++) {",
    "const away = Math.hypot(placeX(l.at[2 * i]) - state.x, placeY(l.at[2 * i + 1]) - state.y);",
    "if (away < least) { least = away; state.query = i; }",
    "}",
    "}",
    "// What the chosen query reads, the lightest first.",
    "function points() {",
    "const l = D.layers[state.layer], out = [];",
    "for (let h = 0; h < l.heads; h++) for (let i = 0; i < l.kept; i++) {",
    "const level = l.levels > 1 ? Math.floor(i / l.points) : 0, k = ((state.query * l.heads + h) * l.kept + "
        "i) * 3;",
    "if ((state.head < 0 || state.head === h) && (state.level < 0 || state.level === level))",
    "out.push({ h, level, x: placeX(l.read[k]), y: placeY(l.read[k + 1]), w: l.read[k + 2] / 65535 });",
    "}",
    "return out.sort((a, b) => a.w - b.w);",
    "}",
    "function disc(x, y, r, fill) { ink.beginPath(); ink.arc(x, y, r, 0, 7); ink.fillStyle = fill; "
        "ink.fill(); }",
    "function drawBoxes(s) {",
    "D.detections.forEach((d, i) => {",
    "ink.lineWidth = i === state.found ? 3 : 1.5; ink.strokeStyle = i === state.found ? \"#fff\" : \"#fff9\";",
    "ink.strokeRect(d.box[0] * s, d.box[1] * s, (d.box[2] - d.box[0]) * s, (d.box[3] - d.box[1]) * s);",
    "});",
    "}",
    "function drawCross(x, y) {",
    "for (const [width, style] of [[7, \"#fff\"], [3.5, \"#ff3c1e\"]]) {",
    "ink.lineWidth = width; ink.strokeStyle = style; ink.lineCap = \"round\";",
    "ink.beginPath(); ink.moveTo(x - 10, y); ink.lineTo(x + 10, y); ink.moveTo(x, y - 10); ink.lineTo(x, y + "
        "10); ink.stroke();",
    "}",
    "}",
    "function draw() {",
    "const l = D.layers[state.layer], all = points(), most = all.length ? all[all.length - 1].w : 0;",
    "const wide = view.clientWidth, s = wide / D.width, ratio = window.devicePixelRatio || 1;",
    "view.width = Math.round(wide * ratio); view.height = Math.round(D.height * s * ratio);",
    "ink.setTransform(ratio, 0, 0, ratio, 0, 0);",
    "ink.drawImage(picture, 0, 0, wide, D.height * s);",
    "ink.fillStyle = \"#0007\"; ink.fillRect(0, 0, wide, D.height * s);",
    "drawBoxes(s);",
    "const largest = Math.max(7, Math.sqrt(wide * D.height * s) / 55);",
    "for (const p of all) {",
    "const share = most > 0 ? p.w / most : 0, r = Math.max(largest * Math.sqrt(share), 1.5);",
    "disc(p.x * s, p.y * s, r + 1, \"#000b\"); disc(p.x * s, p.y * s, r, colour(share));",
    "}",
    "drawCross(placeX(l.at[2 * state.query]) * s, placeY(l.at[2 * state.query + 1]) * s);",
    "say(l, all, most);",
    "}",
    "function say(l, all, most) {",
    "const sum = all.reduce((s, p) => s + p.w, 0), outside = all.filter(p => p.x < 0 || p.y < 0 || p.x >= "
        "D.width || p.y >= D.height).length;",
    "const x = placeX(l.at[2 * state.query]), y = placeY(l.at[2 * state.query + 1]), heads = state.head < 0 ? "
        "l.heads : 1;",
    "const left = l.levels * l.points - l.kept;",
    "$(\"said\").textContent = `Query ${l.ids[state.query]} at (${x.toFixed(0)}, ${y.toFixed(0)}) reads "
        "${all.length} points` +",
    "(outside ? `, ${outside} outside the picture` : \"\") + `, ${(100 * sum / heads).toFixed(1)} % of the "
        "weight of ` +",
    "(heads > 1 ? `${heads} heads` : \"one head\") + (left > 0 ? `; the ${left} lightest points of a head are "
        "left out` : \"\") +",
    "`. This page has ${l.ids.length} of ${l.queries} queries.` + (state.held ? \" The place is held.\" : "
        "\"\");",
    "$(\"most\").textContent = (100 * most).toFixed(1) + \" %\";",
    "$(\"rows\").replaceChildren(...all.slice(-10).reverse().map(p => {",
    "const row = document.createElement(\"tr\"), dot = document.createElement(\"i\");",
    "dot.style.background = colour(most > 0 ? p.w / most : 0);",
    "[(100 * p.w).toFixed(1) + \" %\", p.h, p.level, p.x.toFixed(0), p.y.toFixed(0)].forEach((text, i) => {",
    "const cell = row.insertCell(); cell.append(...(i ? [] : [dot]), String(text)); if (!i) cell.className = "
        "\"l\"; });",
    "return row; }));",
    "Object.assign(view.dataset, { query: l.ids[state.query], shown: all.length, held: state.held, heaviest: "
        "most.toFixed(4) });",
    "[...$(\"found\").children].forEach((b, i) => b.setAttribute(\"aria-pressed\", i === state.found));",
    "}",
    "function fill(select, first, n, name) {",
    "select.replaceChildren(...(first ? [new Option(first, -1)] : []), ...Array.from({ length: n }, (_, i) => "
        "new Option(name(i), i)));",
    "}",
    "// The lists of heads and levels are those of the block.",
    "function choose(layer) {",
    "const l = D.layers[layer]; state.layer = layer;",
    "if (state.head >= l.heads) state.head = -1;",
    "if (state.level >= l.levels) state.level = -1;",
    "fill($(\"head\"), \"all together\", l.heads, i => i); fill($(\"level\"), \"all\", l.levels, i => i);",
    "$(\"layer\").value = layer; $(\"head\").value = state.head; $(\"level\").value = state.level;",
    "if (state.found >= 0) show(state.found, state.held); else { nearest(); draw(); }",
    "}",
    "function move(x, y) {",
    "state.x = Math.min(Math.max(x, 0), D.width); state.y = Math.min(Math.max(y, 0), D.height); state.found = "
        "-1;",
    "nearest(); draw();",
    "}",
    "// A detection: the query that it came from, or the middle of its box.",
    "function show(i, held) {",
    "const d = D.detections[i], l = D.layers[state.layer], from = l.answers ? l.ids.indexOf(d.query) : -1;",
    "state.x = (d.box[0] + d.box[2]) / 2; state.y = (d.box[1] + d.box[3]) / 2; state.found = i; "
        "state.held = held;",
    "if (from >= 0) state.query = from; else nearest();",
    "draw();",
    "}",
    "function follow(e) {",
    "const box = view.getBoundingClientRect();",
    "move((e.clientX - box.left) / box.width * D.width, (e.clientY - box.top) / box.height * D.height);",
    "}",
    "// To the nearest query within 45 degrees of a direction.",
    "function step(dx, dy) {",
    "const l = D.layers[state.layer], q = state.query, x = i => placeX(l.at[2 * i]), y = i => placeY(l.at[2 * i + 1]);",
    "let best = Infinity, next = q;",
    "for (let i = 0; i < l.ids.length; i++) {",
    "const along = (x(i) - x(q)) * dx + (y(i) - y(q)) * dy, across = Math.abs((x(i) - x(q)) * dy) + "
        "Math.abs((y(i) - y(q)) * dx);",
    "if (along > 1e-6 && across <= along && along + across < best) { best = along + across; next = i; }",
    "}",
    "state.query = next; state.x = x(next); state.y = y(next); state.found = -1;",
    "}",
    "let down = null;",
    "view.addEventListener(\"pointermove\", e => { if (!state.held || e.buttons) follow(e); });",
    "view.addEventListener(\"pointerdown\", e => { down = [e.clientX, e.clientY, state.held]; follow(e); });",
    "view.addEventListener(\"pointerup\", e => {",
    "const still = down && Math.hypot(e.clientX - down[0], e.clientY - down[1]) < 6;",
    "state.held = e.pointerType === \"mouse\" ? (still ? !down[2] : true) : true; down = null; draw(); });",
    "view.addEventListener(\"keydown\", e => {",
    "const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];",
    "if (way) { e.preventDefault(); state.held = true; for (let i = e.shiftKey ? 5 : 1; i > 0; i--) step(...way); "
    "draw(); }",
    "if (e.key === \"Escape\") { state.held = false; draw(); }",
    "});",
    "for (const name of [\"head\", \"level\"]) $(name).addEventListener(\"change\", e => { state[name] = "
        "+e.target.value; draw(); });",
    "$(\"layer\").addEventListener(\"change\", e => choose(+e.target.value));",
    "D.detections.forEach((d, i) => { const b = document.createElement(\"button\"); b.type = \"button\";",
    "b.textContent = `${d.name} ${Math.round(100 * d.score)}%`; b.addEventListener(\"click\", () => show(i, true)); "
        "$(\"found\").append(b); });",
    "fill($(\"layer\"), \"\", D.layers.length, i => D.layers[i].name);",
    "if (D.detections.length) state.found = 0;",
    "window.addEventListener(\"resize\", draw);",
    "(picture.decode ? picture.decode().catch(() => 0) : Promise.resolve()).then(() => { choose(state.layer); "
        "view.dataset.ready = \"yes\"; });",
    NULL
};
