#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# streams.sh PROGRAM ROOT -- several pictures at a time, and several in one pass, give what one after the other gives: the same bytes, in
# the same order; and bench tells what each way is worth.
. "${0%/*}/lib.sh"

run 0 synth data --images 7 --val 7 --coco --seed 3 --size 128x96 --quiet
run 0 synth upright --images 1 --val 1 --coco --seed 4 --size 96x128 --quiet
mkdir both broken
for i in 1 2 3 4 5 6; do cp data/val2017/00000000000$i.jpg both/$i.jpg; done
cp upright/val2017/000000000001.jpg both/3b.jpg # another size among them
cp both/*.jpg broken
echo nothing >broken/2b.jpg
sizes='--set data.test.pipeline.1.img_scale=(128,96)'
ways='--streams_3_--threads_4 --batch_64 --streams_2_--batch_3'
several='--streams 2 --batch 3'
heard=--streams_2_--batch_2
if "$program" --version | grep -q '^kernels: blas'; then # the order of its sums follows from the number of rows
    ways='--streams_3_--threads_4'
    several='--streams 2'
    heard=--streams_2
fi

# shellcheck disable=SC2086 # several arguments
compare() { # NAME CONFIG [OPTION...]
    name=$1 network=$2
    shift 2
    run 0 init "$network" "$name.safetensors" --seed 2 --quiet
    run 0 predict "$network" "$name.safetensors" both --streams 1 --json found.json --out drawn --quiet "$@"
    cp out lines
    run 1 predict "$network" "$name.safetensors" broken --streams 1 --json some.json --quiet "$@"
    for way in $ways; do
        options=$(printf '%s' "$way" | tr _ ' ')
        run 0 predict "$network" "$name.safetensors" both $options --json again.json --out drawn_again --quiet "$@"
        same out lines
        same again.json found.json
        diff -r drawn drawn_again >/dev/null || fail 'draws other pictures'
        rm -r drawn_again again.json
    done
    run 1 predict "$network" "$name.safetensors" broken $several --json again.json --quiet "$@"
    same again.json some.json
    grep -q '1 of 8 pictures failed' err || fail 'does not count the picture that is none'
    rm -r drawn
}
# shellcheck disable=SC2086
{
    compare boxes "$config" $sizes --set model.test_cfg.score_thr=0.001 --score-thr 0.01
    compare masks "$root/configs/demo/mask_rcnn_dat_nano.py" $sizes --set model.test_cfg.rcnn.score_thr=0.001 --set model.test_cfg.rcnn.max_per_img=20 --score-thr 0.01
    compare queries "$root/configs/nano/deformable_detr_dat_nano.py" $sizes --score-thr 0.01
    compare maps "$root/configs/demo/upernet_dat_nano.py" $sizes
    compare classes "$root/configs/nano/classifier_dat_nano.py"
}

# shellcheck disable=SC2086
score() { # NAME CONFIG [OPTION...]
    name=$1 network=$2
    shift 2
    run 0 eval "$network" "$name.safetensors" --data data --streams 1 --json scores.json --out kept --quiet "$@"
    for way in $ways; do
        options=$(printf '%s' "$way" | tr _ ' ')
        run 0 eval "$network" "$name.safetensors" --data data $options --json again.json --out again --quiet "$@"
        same again.json scores.json
        rm -f kept/run.json again/run.json
        diff -r kept again >/dev/null || fail 'keeps other results'
        rm -r again again.json
    done
    rm -r kept
}
# shellcheck disable=SC2086
{
    score boxes "$config" $sizes --set model.test_cfg.score_thr=0.001
    score masks "$root/configs/demo/mask_rcnn_dat_nano.py" $sizes --set model.test_cfg.rcnn.score_thr=0.001 --set model.test_cfg.rcnn.max_per_img=20
    score maps "$root/configs/demo/upernet_dat_nano.py" $sizes
}

# What was explained was heard in the pass of its picture.
# shellcheck disable=SC2086
for way in --streams_1 $heard; do
    run 0 predict "$config" boxes.safetensors both --explain seen $(printf '%s' $way | tr _ ' ') --quiet $sizes --set model.test_cfg.score_thr=0.001 --score-thr 0
    mv seen seen$way
done
diff -r seen--streams_1 "seen$heard" >/dev/null || fail 'explains something else'

run 2 predict "$config" boxes.safetensors both --streams 0 && says '--streams wants N'
run 2 predict "$config" boxes.safetensors both --batch 65 && says '--batch wants N'
run 2 eval "$config" boxes.safetensors --streams 65 && says '--streams wants N'

# ---- bench ----------------------------------------------------------------------------------------------------------------

run 0 bench "$config" --shape 64x64 --repeat 2 --threads 2 && prints 'one at a time: ' && prints '; 2 at a time: '
run 0 bench "$config" --shape 64x64 --repeat 2 --threads 1 && prints 'one at a time: '
run 0 bench "$config" --shape 64x64 --repeat 1 --threads 2 --streams 3 --batch 2 --json - && prints '"throughput"' && prints '"images_per_second"'
tr -d ' \t' <out | grep -q '"streams":3' || fail 'does not say how many streams'
tr -d ' \t' <out | grep -q '"batch":2' || fail 'does not say how large a batch'
run 0 bench "$config" --shape 64x64 --repeat 1 --threads 2 --streams 0 --json -
grep -q '"throughput"' out && fail 'measures what was not asked for'
run 0 bench "$config" --shape 64x96 --repeat 1 --roofline --depth 1 && prints 'the ridge is at' && prints 'bound by'
is "$(grep -cE '^(backbone|neck|bbox_head|network) .* (arithmetic|memory)$' out)" 4 'rows of a roofline to depth 1'
run 0 bench "$config" --shape 64x96 --repeat 1 --roofline --depth 1 --page page.html
is "$(grep -o '<title>[a-z_]*: [0-9.]* ms</title>' page.html | wc -l | tr -d ' ')" 4 'dots in the picture'
grep -q '<h2>Roofline</h2>' page.html || fail 'draws no roofline'
run 2 bench "$config" --shape 64x96 --repeat 1 --page page.html && says '--page draws the roofline: want --roofline'
run 0 bench "$config" --shape 64x96 --repeat 1 --roofline --json -
for key in flop_done bytes share_of_bandwidth flop_per_byte share_of_roof bound_by memory_gigabytes_per_second ridge_flop_per_byte; do
    prints "\"$key\""
done
finish
