#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# pages.sh PROGRAM ROOT -- every page in a browser (headless Chromium) that is as narrow as a telephone, as a tablet and as a wide
# screen, in light and in dark: nothing is wider than the window but what scrolls in its own box, nothing is cut off, no letter is
# smaller than 12 pixels, words stand out from their ground, and the keyboard reaches what scrolls. Skipped where there is no browser.
. "${0%/*}/lib.sh"

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || { echo 'skipped: no browser' >&2; exit 77; }
data=$root/tests/data

run 0 synth data --images 4 --coco --quiet
run 0 eval "$config" random:1 --data data --out run --quiet
run 0 metric coco "$data/eval/explain.gt.json" "$data/eval/explain.dt.json" --explain boxes.html --slice file_name
run 0 metric coco data/annotations/instances_val2017.json run/results.bbox.json --explain pictures.html --images data/val2017 --score-thr 0
run 0 compare --gt "$data/eval/explain.gt.json" a_name_of_a_network_that_is_so_long_that_it_finds_no_room_on_a_telephone="$data/eval/explain.dt.json" \
    "$data/eval/explain.dt.json" --bootstrap 20 --explain compare.html
run 0 metric ade20k "$data/eval/labels/gt" "$data/eval/labels/pred" --explain labels.html --quiet
run 0 predict "$config" random:1 data/val2017/000000000001.jpg --explain seen --quiet --score-thr 0
cp seen/000000000001.html points.html
run 0 train "$root/configs/nano/retinanet_dat_nano.py" --data data --work-dir learnt --quiet --set runner.max_epochs=1 --set data.samples_per_gpu=2
cp learnt/index.html training.html && cp -r learnt/samples .

# What is seen is written into the title, as one word a fault.
cat >eye.html <<'END'
<script>setTimeout(() => {
  const faults = new Set(), wide = innerWidth;
  const light = c => { const v = c.match(/[\d.]+/g).slice(0, 3).map(x => { x /= 255; return x <= 0.04 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]; };
  const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
    if (/^rgb\(/.test(c)) return c; if (!/, 0\)$/.test(c)) return null; } return "rgb(255, 255, 255)"; };
  if (document.documentElement.scrollWidth > wide) faults.add("page-is-wider-than-its-window");
  const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (words.nextNode()) {
    const e = words.currentNode.parentElement, style = getComputedStyle(e), range = document.createRange();
    if (!words.currentNode.data.trim() || e.closest("script,style,title,option,.skip")) continue;
    range.selectNodeContents(words.currentNode);
    const at = range.getBoundingClientRect();
    if (!at.width) continue;
    const matrix = e.getScreenCTM && e.closest("svg") ? e.getScreenCTM() : null, what = words.currentNode.data.trim().replace(/\s+/g, "_").slice(0, 30);
    if (parseFloat(style.fontSize) * (matrix ? Math.hypot(matrix.b, matrix.d) : 1) < 11.9) faults.add("small:" + what);
    let scrolls = false;
    for (let a = e; a && a !== document.body && !scrolls; a = a.parentElement) {
      const box = a.getBoundingClientRect(), way = getComputedStyle(a).overflowX;
      scrolls = /auto|scroll/.test(way) && a.scrollWidth > a.clientWidth;
      if (!scrolls && way !== "visible" && (at.right > box.right + 1 || at.left < box.left - 1)) faults.add("cut:" + what);
    }
    if (!scrolls && (at.right > wide + 1 || at.left < -1)) faults.add("outside:" + what);
    const behind = ground(e), ink = style.color;
    if (behind && !matrix && !e.closest(".pic,td[style],canvas")) {
      const a = light(ink), b = light(behind);
      if ((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.4) faults.add("faint:" + what);
    }
  }
  for (const e of document.querySelectorAll("main *")) {
    if (/auto|scroll/.test(getComputedStyle(e).overflowX) && e.scrollWidth > e.clientWidth + 1 && e.tabIndex < 0) faults.add("no-keyboard:" + e.className);
    if (e.scrollWidth > e.clientWidth + 2 && e.clientWidth > 0 && getComputedStyle(e).overflowX === "visible" && !e.closest("svg,.plot,table")) faults.add("spills:" + e.className);
  }
  for (const a of document.querySelectorAll("a[href^='#']")) if (!document.getElementById(a.hash.slice(1))) faults.add("no-such-place:" + a.hash);
  parent.postMessage([wide, matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light", ...faults].join(" "), "*");
}, 700)</script>
END
# A window has a least width; a frame in it has none.
cat >frame.html <<'END'
<body><script>
  const at = new URLSearchParams(location.search), frame = document.createElement("iframe");
  onmessage = e => { document.body.dataset.seen = e.data; };
  frame.style.cssText = `border:0;height:900px;width:${at.get("width")}px;color-scheme:${at.get("scheme")}`;
  frame.src = at.get("page");
  document.body.append(frame);
</script>
END

# look PAGE WIDTH SCHEME
look() {
    cat "$1.html" eye.html >"$1.seen.html"
    timeout 120 "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$PWD/profile" --window-size=2100,1000 --virtual-time-budget=6000 \
        --dump-dom "file://$PWD/frame.html?page=$1.seen.html&width=$2&scheme=$3" >dom 2>browser.log
    seen=$(sed -n 's/.*<body[^>]* data-seen="\([^"]*\)".*/\1/p' dom)
    is "$seen" "$2 $3" "$1 at $2 pixels, $3"
}
for page in boxes pictures compare labels points training; do
    for width in 400 1024 1920; do
        look $page $width light
    done
    look $page 400 dark
done
finish
