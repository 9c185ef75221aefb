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

# What is seen is written into the page around it, as one word a fault, before the browser calls that page loaded.
cat >eye.html <<'END'
<script>addEventListener("load", () => {
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
  const seen = parent.document.createElement("p");
  seen.dataset.seen = [frameElement.dataset.page, wide, matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light", ...faults].join(" ");
  parent.document.body.append(seen, "\n");
})</script>
END
# A window has a least width; a frame in it has none. All frames stand in one window: to start a browser costs more than to look.
frame() { # PAGE WIDTH SCHEME
    echo "<iframe data-page=$1 src=$1.seen.html style='border:0;height:900px;width:$2px;color-scheme:$3'></iframe>"
    echo "$1 $2 $3" >>wanted
}
echo '<!doctype html><body>' >frames.html
for page in boxes pictures compare labels points training; do
    # A picture is decoded beside the scripts, at any time: without decode() the page begins before it is loaded, not behind it.
    { sed 's|<head>|<head><script>delete HTMLImageElement.prototype.decode</script>|' $page.html; cat eye.html; } >$page.seen.html
    for width in 400 1024 1920; do frame $page $width light; done
    frame $page 400 dark
done >>frames.html
"$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --allow-file-access-from-files --user-data-dir="$PWD/profile" \
    --window-size=2100,1000 --dump-dom "file://$PWD/frames.html" >dom 2>browser.log
sed -n 's/.*<p data-seen="\([^"]*\)".*/\1/p' dom | sort >met
sort -o wanted wanted
diff wanted met >difference || fail "the pages are seen otherwise: $(cat difference)"
finish
