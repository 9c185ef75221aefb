#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# commands.sh PROGRAM ROOT -- a short walk through every command, with several threads: for ThreadSanitizer and MemorySanitizer.
. "${0%/*}/lib.sh"
export DEFORMER_THREADS=3

run 0 synth data --images 4 --seed 1 --coco --quiet
small='--set data.test.pipeline.1.img_scale=(128,96) --set model.test_cfg.score_thr=0.001'
# shellcheck disable=SC2086 # $small is several arguments
walk() { # NAME CONFIG [EVAL-OPTION...]
    name=$1 network=$2
    shift 2
    run 0 init "$network" "$name.safetensors" --seed 1 --quiet
    run 0 eval "$network" "$name.safetensors" --data data --out "run_$name" --quiet "$@"
    run 0 predict "$network" "$name.safetensors" data/val2017 --out "drawn_$name" --quiet "$@"
}
# shellcheck disable=SC2086
walk boxes "$config" $small
# shellcheck disable=SC2086
walk masks "$root/configs/demo/mask_rcnn_dat_nano.py" --set 'data.test.pipeline.1.img_scale=(128,96)' --set model.test_cfg.rcnn.score_thr=0.001 \
    --set model.test_cfg.rcnn.max_per_img=5
run 0 metric coco data/annotations/instances_val2017.json run_boxes/results.bbox.json --explain page.html
run 0 metric check data/annotations/instances_val2017.json run_boxes/results.bbox.json
run 0 compare --gt data/annotations/instances_val2017.json run_boxes run_masks --type bbox
run 0 convert boxes.safetensors boxes.pth
run 0 info "$config"
black_image image.safetensors 1 64 96
run 0 forward "$config" boxes.safetensors --input image.safetensors --output out.safetensors --quiet
run 0 predict "$config" boxes.safetensors data/val2017/000000000001.jpg --explain seen --quiet
run 0 init "$root/configs/demo/upernet_dat_nano.py" map.safetensors --quiet
run 0 predict "$root/configs/demo/upernet_dat_nano.py" map.safetensors data/val2017/000000000001.jpg --out drawn_map --quiet \
    --set 'data.test.pipeline.1.img_scale=(96,64)'
run 0 bench "$config" --shape 64x96 --repeat 1
for network in retinanet mask_rcnn; do
    run 0 train "$root/configs/nano/${network}_dat_nano.py" --data data --work-dir "train_$network" --quiet --set runner.max_epochs=1 \
        --set 'data.train.pipeline.2.img_scale=[(96,64),(128,96)]' --set 'data.test.pipeline.1.img_scale=(128,96)' \
        --set 'data.val.pipeline.1.img_scale=(128,96)' --set data.samples_per_gpu=2
done
finish
