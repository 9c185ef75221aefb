#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# tables.sh PROGRAM ROOT -- info, list, metric, init, convert, bench and synth.
. "${0%/*}/lib.sh"

run 0 info "$config" --shape 192x320 --threads 1 && golden info
run 0 info "$config" --shape 192x320 --json - && prints '"parameters": 918546' && prints '"multiply_adds"'

# Published: 48 M and 267 G, 86 M and 745 G; for DAT 272 and 750 G, which leave out most of its attention (README, multiply-adds).
for row in 'mask_rcnn/mask_rcnn_swin 47.795 266.553 3.105' 'mask_rcnn/mask_rcnn_dat 47.825 302.806 40.886' \
    'cascade_mask_rcnn/cascade_mask_rcnn_swin 85.630 744.804 3.105' 'cascade_mask_rcnn/cascade_mask_rcnn_dat 85.661 781.057 40.886'; do
    set -- $row
    run 0 info "$root/configs/$1_tiny_fpn_1x_coco.py" --shape 800x1280 --depth 0
    prints " $2 M   $3 G " && prints " $4 G "
done

run 0 list necks && golden list-necks
run 0 list transforms && prints 'MultiScaleFlipAug'
run 0 list && prints 'RetinaHead'

# The numbers come from pycocotools (tests/scripts/make_coco_cases.py).
data=$root/tests/data/eval
run 0 metric coco "$data/crowd.gt.json" "$data/crowd.dt.json" && golden metric-coco
run 0 metric coco "$data/crowd.gt.json" "$data/crowd.dt.json" --per-class && prints ' person                1   0.517   0.880   0.533'
run 0 metric coco "$data/crowd.gt.json" "$data/crowd.dt.json" --json scores.json
grep -o '"bbox": {"stats": \[[^]]*\]' scores.json >out && golden metric-coco-stats
run 0 metric coco "$data/crowd.gt.json" "$data/crowd.dt.json" --json - && same out scores.json
printf '[]' >nothing.json
run 0 metric coco "$data/crowd.gt.json" "$data/crowd.dt.json" nothing.json --json - && same out scores.json

run 0 init "$config" a.safetensors --seed 3 && says 'a.safetensors: RetinaNet'
run 0 init "$config" b.safetensors --seed 3 --threads 2 --quiet && same a.safetensors b.safetensors
is "$(wc -c <err)" 0 'bytes said with --quiet'
run 0 init "$config" c.safetensors --seed 4
cmp -s a.safetensors c.safetensors && fail 'two seeds give equal weights'
run 0 init "$config" c.pth --seed 3
run 0 convert a.safetensors a.pth && says 'a.pth: '
run 0 convert a.pth b.safetensors && same a.safetensors b.safetensors
run 0 convert c.pth b.safetensors && same a.safetensors b.safetensors
run 0 convert a.safetensors half.safetensors --half
run 0 convert "$root/tests/data/hubs/swin_t.pth" official.safetensors --to official && says 'names of torchvision (Swin)'
run 0 convert official.safetensors back.pth --to torchvision
run 0 convert "$root/tests/data/hubs/swin_t.pth" theirs.safetensors && run 0 convert back.pth back.safetensors
same theirs.safetensors back.safetensors
grep -aq '"format":"pt"' official.safetensors || fail 'transformers would not take what convert --to wrote'
run 0 convert official.safetensors wrapped.safetensors --rename patch_embed=net.patch_embed
run 1 convert wrapped.safetensors x.pth --strip x. && says 'no name begins with it'
run 1 convert official.safetensors x.pth --rename =x && says 'want OLD=NEW'
run 1 convert official.safetensors x.pth --to detectron2 && says 'detectron2 has no name for it'
run 1 convert official.safetensors x.pth --to foo && says "unknown library 'foo'"
[ "$(wc -c <half.safetensors)" -lt $(($(wc -c <a.safetensors) * 6 / 10)) ] || fail 'float16 is not half as large'

run 0 bench "$config" --shape 64x64 --repeat 1 --threads 1 && prints 'sgemm peak'
run 0 bench "$root/configs/demo/mask_rcnn_dat_nano.py" --shape 64x64 --repeat 1 --threads 1 --decoding --set model.test_cfg.rcnn.score_thr=0 && prints 'roi_head.paste'
run 0 bench "$config" --shape 64x64 --repeat 1 --json - && prints '"share_of_peak"'
run 1 bench "$config" --shape 32768x32768 --batch 64 && says 'GB of memory'

run 0 synth one --images 3 --val 3 --coco --seed 5 && says '3 in val2017'
run 0 synth two --images 3 --val 3 --coco --seed 5
same one/annotations/instances_val2017.json two/annotations/instances_val2017.json
same one/val2017/000000000001.jpg two/val2017/000000000001.jpg
finish
