#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# masks.sh PROGRAM ROOT -- a network with masks: its two tables and results files, drawn pictures, and several views of an image.
. "${0%/*}/lib.sh"

config=$root/configs/demo/mask_rcnn_dat_nano.py
run 0 synth data --images 6 --val 6 --coco --quiet
run 0 init "$config" w.safetensors --seed 1 --quiet
evaluate() { want=$1; shift; run "$want" eval "$config" w.safetensors --data data --quiet --set model.test_cfg.rcnn.score_thr=0.005 "$@"; }

evaluate 0 --out whole --json whole.json
cp out whole.txt
prints 'bbox' && prints 'segm'
is "$(grep -c 'Average Precision' out)" 12 'lines of precision of boxes and masks'
is "$(grep -o '"stats": \[[^]]*\]' whole.json | wc -l)" 2 'types in the JSON'
grep -q '"segmentation": {"size": \[' whole/results.segm.json || fail 'no mask was found'
! grep -q segmentation whole/results.bbox.json || fail 'results.bbox.json has masks'
is "$(grep -c '"bbox"' whole/results.segm.json)" "$(grep -c '"bbox"' whole/results.bbox.json)" 'detections with masks'

evaluate 0 --out one --threads 1
same out whole.txt && same one/results.segm.json whole/results.segm.json
evaluate 0 --out part --limit 2
evaluate 0 --out part
same out whole.txt && same part/results.segm.json whole/results.segm.json
run 0 metric coco data/annotations/instances_val2017.json whole/results.segm.json --type bbox,segm --quiet
same out whole.txt

# Mirrored too, and at two scales.
for threads in 1 3; do
    evaluate 0 --out views$threads --threads $threads --set data.test.pipeline.1.flip=True --set 'data.test.pipeline.1.img_scale=[(320, 192), (400, 240)]'
    mv out views$threads.txt
done
same views1.txt views3.txt && same views1/results.segm.json views3/results.segm.json
! cmp -s views1/results.segm.json whole/results.segm.json || fail 'views change nothing'

run 0 predict "$config" w.safetensors data/val2017 --out drawn --json p.json --score-thr 0.01 --quiet --set model.test_cfg.rcnn.score_thr=0.005
is "$(find drawn -type f | wc -l)" 6 'drawings'
grep -q '"segmentation": {"size": \[' p.json || fail 'no mask in the results of predict'

# What configs say wrongly.
run 1 info "$config" --set model.roi_head.bbox_head.type=FCNMaskHead && says 'FCNMaskHead is a mask head: want a box head'
run 1 info "$config" --set model.roi_head.bbox_roi_extractor.roi_layer.type=RoIPool && says 'only RoIAlign'
run 1 info "$config" --set model.test_cfg.rpn.max_num=3 && says 'max_num = 3'
run 1 info "$config" --set model.roi_head.mask_head.upsample_cfg.type=carafe && says 'carafe'

finish
