#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# explain_page.sh PROGRAM ROOT -- the page of predict --explain in a browser (headless Chromium): what the pointer, a click, the
# keyboard and the lists do. Skipped where there is no browser.
. "${0%/*}/lib.sh"

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || { echo 'skipped: no browser' >&2; exit 77; }
run 0 synth data --images 3 --quiet
run 0 predict "$config" random:1 data/val2017/000000000001.jpg --explain seen --quiet --score-thr 0 \
    --set model.test_cfg.score_thr=0.001 --set model.test_cfg.max_per_img=4

# What happens is done by a script behind the page, and what is seen is written into its body.
cat >hands.html <<'END'
<script>
addEventListener("load", () => { // the picture is there, and the browser prints the page behind this
  const view = document.getElementById("view"), seen = [];
  const note = () => seen.push(view.dataset.query + "," + view.dataset.shown + "," + view.dataset.held);
  const point = (type, x, y) => { // measured each time: a scroll bar may have come
    const box = view.getBoundingClientRect();
    view.dispatchEvent(new PointerEvent(type, { clientX: box.left + box.width * x,
      clientY: box.top + box.height * y, bubbles: true, pointerType: "mouse" }));
  };
  const key = name => view.dispatchEvent(new KeyboardEvent("keydown", { key: name, shiftKey: true }));
  const pick = (id, value) => { const list = document.getElementById(id); list.value = value; list.dispatchEvent(new Event("change")); };
  point("pointermove", 0.05, 0.05); note();
  point("pointermove", 0.95, 0.95); note();
  point("pointerdown", 0.95, 0.95); point("pointerup", 0.95, 0.95); note();
  point("pointermove", 0.05, 0.05); note();
  key("ArrowUp"); key("ArrowUp"); key("ArrowUp"); note();
  key("Escape"); note();
  pick("head", 1); note();
  pick("layer", 0); note();
  document.body.dataset.fits = document.documentElement.scrollWidth <= innerWidth;
  document.body.dataset.seen = seen.join(" ");
});</script>
END
# A picture is decoded beside the scripts, at any time: without decode() the page begins before it is loaded, not behind it.
sed 's|<head>|<head><script>delete HTMLImageElement.prototype.decode</script>|' seen/000000000001.html | cat - hands.html >page.html

# look WIDTH: runs the page in a window so wide, and prints what was seen.
look() {
    "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$PWD/profile" --window-size="$1",900 \
        --dump-dom "file://$PWD/page.html" >"dom$1" 2>browser.log
    sed -n 's/.*<body[^>]* data-seen="\([^"]*\)".*/\1/p' "dom$1"
}
narrow=$(look 500)
wide=$(look 1920)
is "$wide" "$narrow" 'what is seen in a wide window'
for width in 500 1920; do
    grep -q 'data-ready="yes"' dom$width || fail "the page of $width pixels did not begin"
    grep -q 'data-fits="true"' dom$width || fail "the page of $width pixels is wider than its window"
done
# shellcheck disable=SC2086 # eight words
set -- $narrow
is $# 8 'notes'
[ "${1%%,*}" != "${2%%,*}" ] || fail 'the pointer moves nothing'
is "$3" "${2%,*},true" 'a click holds the place'
is "$4" "$3" 'a pointer over a place that is held'
[ "${5%%,*}" -lt "${4%%,*}" ] || fail 'arrow up is not a row further up'
is "${6##*,}" false 'Escape lets go'
all=${6#*,} one=${7#*,}
is "$((${one%,*} * 8))" "${all%,*}" 'the points of one head of eight'
[ "$8" != "$7" ] || fail 'another block is the same'
finish
