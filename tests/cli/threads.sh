#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# threads.sh PROGRAM ROOT -- every command writes the same bytes with 1, 2, 3, 7 and 16 threads.
. "${0%/*}/lib.sh"

sizes='--set data.test.pipeline.1.img_scale=(128,96) --set data.val.pipeline.1.img_scale=(128,96)'
run 0 synth data --images 5 --val 3 --coco --seed 3 --size 128x96 --quiet
masks=$root/configs/demo/mask_rcnn_dat_nano.py
maps=$root/configs/demo/upernet_dat_nano.py
queries=$root/configs/nano/deformable_detr_dat_nano.py
for network in "$config" "$masks" "$maps" "$queries"; do
    run 0 init "$network" "$(basename "$network" .py).safetensors" --seed 1 --quiet
done
black_image image.safetensors 2 96 128

# What differs from run to run: times and rates; in a folder of results also the words about them.
timeless() {
    find "$1" -type f \( -name '*.safetensors' -o -name '*.png' -o -name '*.jpg' -o -name 'results*' -o -name '*.json' -o -name '*.txt' -o -name 'page.html' \) |
        sort | while read -r file; do
            case $file in
                */run.json) ;;
                *) printf '%s %s\n' "${file#"$1"/}" "$(cksum <"$file")" ;;
            esac
        done
}

# shellcheck disable=SC2086 # several arguments
walk() { # FOLDER
    mkdir "$1"
    run 0 synth "$1/drawn" --images 3 --val 2 --coco --seed 5 --size 96x64 --quiet
    run 0 init "$masks" "$1/weights.safetensors" --seed 4 --quiet
    run 0 convert retinanet_dat_nano.safetensors "$1/half.safetensors" --half --quiet
    run 0 eval "$config" retinanet_dat_nano.safetensors --data data --out "$1/boxes" --json "$1/boxes.json" --quiet $sizes --set model.test_cfg.score_thr=0.001
    run 0 eval "$masks" mask_rcnn_dat_nano.safetensors --data data --out "$1/masks" --json "$1/masks.json" --quiet $sizes \
        --set model.test_cfg.rcnn.score_thr=0.001 --set model.test_cfg.rcnn.max_per_img=20
    run 0 eval "$maps" upernet_dat_nano.safetensors --data data --out "$1/maps" --json "$1/maps.json" --quiet $sizes
    run 0 predict "$queries" deformable_detr_dat_nano.safetensors data/val2017 --out "$1/pictures" --json "$1/found.json" --quiet $sizes
    run 0 predict "$config" retinanet_dat_nano.safetensors data/val2017/000000000001.jpg --explain "$1/seen" --quiet $sizes
    run 0 forward "$config" retinanet_dat_nano.safetensors --input image.safetensors --output "$1/out.safetensors" --quiet
    truth=data/annotations/instances_val2017.json
    run 0 metric coco "$truth" "$1/boxes/results.bbox.json" --json "$1/scores.json" --explain "$1/page.html"
    run 0 metric ade20k data/annotations/val2017 "$1/maps" --num-classes 18 --json "$1/map_scores.json"
    run 0 compare --gt "$truth" "$1/boxes" "$1/masks" --type bbox --json "$1/compared.json"
    for network in retinanet mask_rcnn upernet; do
        run 0 train "$root/configs/nano/${network}_dat_nano.py" --data data --work-dir "$1/train_$network" --quiet $sizes --set runner.max_epochs=1 \
            --set 'data.train.pipeline.2.img_scale=(128,96)' --set data.samples_per_gpu=2
    done
}

for threads in 1 2 3 7 16; do
    export DEFORMER_THREADS=$threads
    walk made
    timeless made >"files_$threads"
    rm -rf made
    cmp -s files_1 files_$threads || fail "with $threads threads other bytes than with one: $(diff files_1 files_$threads | sed -n 's/^> \([^ ]*\) .*/\1/p' | tr '\n' ' ')"
done
[ "$(wc -l <files_1)" -ge 25 ] || fail "only $(wc -l <files_1) files were compared"
finish
