#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# published.sh PROGRAM ROOT -- docs/published*.md can be read by tools/published, which prints stated beside measured.
. "${0%/*}/lib.sh"

published() { # STATUS ARGUMENT...
    want=$1
    shift
    command="(tools/published) $*"
    status=0
    "$root/tools/published" "$@" --program "$program" >out 2>err || status=$?
    [ "$status" -eq "$want" ] || fail "ends with $status, want $want"
}

# Every ready config that the page names is there; those of other repositories are files of theirs.
"$program" list configs >ready
sed -n 's/^| `[^`]*` | `\([^`]*\)` | \(coco\|ade\|imagenet\) | \(box AP\|mIoU\|top-1\) [0-9.]*.*/\1/p' "$root"/docs/published*.md >named
is "$(wc -l <named)" "$(cat "$root"/docs/published*.md | grep -c '^| `')" 'rows that can be read'
[ "$(wc -l <named)" -gt 350 ] || fail 'the page has fewer checkpoints than that'
grep -v -e '^-$' -e '\.py$' named | while read -r name; do
    case $name in */*) [ -d "$root/configs/${name%/*}" ] || continue ;; esac
    grep -qx "${name##*/}" ready || echo "$name"
done >missing
is "$(cat missing)" '' 'configs of the page that are not there'

# A page of two checkpoints, of which one is there.
run 0 synth data --images 4 --val 4 --coco --quiet
mkdir weights checkout
run 0 init "$root/configs/demo/mask_rcnn_dat_nano.py" weights/a.pth --quiet
cp weights/a.pth weights/b.pth
cp -R "$root/configs" checkout/configs
cat >page.md <<'EOF'
| checkpoint | CONFIG | data | stated | where it is |
| --- | --- | --- | --- | --- |
| `a.pth` | `demo/mask_rcnn_dat_nano` | coco | box AP 42.0, mask AP 34.7 ? | [page](https://example.org) |
| `b.pth` | `configs/demo/mask_rcnn_dat_nano.py` | coco | box AP 41 | [page](https://example.org) |
| `c.pth` | `demo/mask_rcnn_dat_nano` | coco | box AP 40.0 | [page](https://example.org) |
| `a.pth` | `demo/mask_rcnn_dat_nano` | ade | mIoU 40.0 | [page](https://example.org) |
EOF
published 0 weights --coco data --page page.md
prints 'box AP   stated   42.0  measured   '
prints 'mask AP  stated   34.7 ?  measured   '
prints 'b.pth: left out: configs/demo/mask_rcnn_dat_nano.py is in no folder of --configs'
prints 'a.pth: left out: say --ade DIR'
prints '1 of 4 checkpoints were tried, 0 failed'
published 0 weights --coco data --page page.md --configs nowhere --configs checkout --limit 2 --only b.pth
prints 'b.pth '
prints '1 of 4 checkpoints were tried, 0 failed'
echo broken >weights/c.pth
published 1 weights --coco data --page page.md --only c.pth
prints 'c.pth: failed, see above'
published 2
published 1 nowhere
finish
