#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# explain.sh PROGRAM ROOT -- predict --explain: figures and numbers for every kind of network that has something to explain, and a
# sentence for the others.
. "${0%/*}/lib.sh"

run 0 synth data --images 3 --val 3 --coco --quiet
picture=data/val2017/000000000001.jpg
stages='backbone.stages.2.attns.1 backbone.stages.3.attns.1'
low='--score-thr 0 --set model.test_cfg.score_thr=0.001 --set model.test_cfg.max_per_img=4'
# shellcheck disable=SC2086 # $low is several words
predict() { want=$1; shift; run "$want" predict "$config" random:1 --quiet $low "$@"; }
# How many numbers the first list of that name has.
numbers() { sed -n "s/^ *\"$2\": \[\(.*\)\].*/\1/p" "$1" | head -n 1 | tr ',' '\n' | wc -l; }

# A detector on DAT: the best three detections, the last deformable block of both stages.
predict 0 $picture --explain seen --out drawn
is "$(wc -l <out)" 4 'detections'
for layer in $stages; do
    for rank in 0 1 2; do [ -s "seen/000000000001.detection$rank.$layer.jpg" ] || fail "no figure of detection $rank in $layer"; done
done
is "$(ls seen | wc -l)" 8 'six figures, the numbers and the page'
is "$(grep -c '"detection": [0-2], "query": [0-9]*, "position": \[' seen/000000000001.json)" 6 'readings'
is "$(grep -c '"class": ' seen/000000000001.json)" 3 'detections with their class'
for key in image height width detections layers label class score box layer shared heads groups levels points queries query position figure head level x y weight; do
    grep -q "\"$key\": " seen/000000000001.json || fail "the numbers have no $key"
done
weights=$(numbers seen/000000000001.json weight)
is "$weights" "$(numbers seen/000000000001.json x)" 'as many weights as places'
sum=$(sed -n 's/^ *"weight": \[\(.*\)\].*/\1/p' seen/000000000001.json | head -n 1 | tr ',' '\n' | awk '{ s += $1 } END { printf "%.4f", s }')
is "$sum" 4.0000 'the weights of four heads'
predict 0 $picture --out plain
same drawn/000000000001.jpg plain/000000000001.jpg
mv out without
# The page: all of it in one file, of moderate size.
[ "$(wc -c <seen/000000000001.html)" -lt 4000000 ] || fail 'the page is large'
is "$(grep -c 'https*://' seen/000000000001.html)" 0 'addresses in the page'
grep -q '&quot;name&quot;:&quot;backbone.stages.3.attns.1&quot;' seen/000000000001.html || fail 'the page has not this layer'
predict 0 $picture --explain again --threads 1
same out without
same seen/000000000001.json again/000000000001.json
same seen/000000000001.detection0.backbone.stages.2.attns.1.jpg again/000000000001.detection0.backbone.stages.2.attns.1.jpg

# Which detections, which place, which layers, which head.
predict 0 $picture --explain some --detections 3,1 --layers stages.3 --head 2
is "$(cd some && echo *)" '000000000001.detection1.backbone.stages.3.attns.1.jpg 000000000001.detection3.backbone.stages.3.attns.1.jpg 000000000001.html 000000000001.json' 'figures'
is "$(numbers some/000000000001.json head)" "$(numbers some/000000000001.json y)" 'one head'
grep -q '"head": \[2, 2, ' some/000000000001.json || fail 'it is not head 2'
predict 0 $picture --explain place --query 100.5,50 --layers all
is "$(cd place && echo *)" "000000000001.html 000000000001.json 000000000001.query.backbone.stages.2.attns.1.jpg 000000000001.query.backbone.stages.3.attns.1.jpg" 'figures'
grep -q '"detection": null, "query": ' place/000000000001.json || fail 'the place is a detection'
grep -q '"detections": \[\]' place/000000000001.json || fail 'a place has detections'
predict 0 data/val2017 --explain all --detections 0 && is "$(ls all | wc -l)" 12 'figures, numbers and pages of the folder'

# No detection: the middle of the picture.
run 0 predict "$config" random:1 $picture --explain middle && says 'no detection has a score of at least 0.3: the middle of the picture is explained instead'
[ -s middle/000000000001.query.backbone.stages.2.attns.1.jpg ] || fail 'no figure of the middle'
# One pixel.
echo iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg== | base64 -d >pixel.png
predict 0 pixel.png --explain tiny --detections 0 && [ -s tiny/pixel.detection0.backbone.stages.2.attns.1.png ] || fail 'no figure of a pixel'

# Segmentors, classifiers, Deformable DETR.
run 0 predict "$root/configs/demo/upernet_dat_nano.py" random:1 $picture --explain parts --query 10,10 --quiet
is "$(ls parts | wc -l)" 4 'figures and numbers of a segmentor'
cat >classifier.py <<'END'
backbone = dict(type='DAT', style='classification', img_size=64, num_classes=5, dim_stem=8, dims=[8, 16, 32, 64], depths=[1, 1, 1, 2], heads=[1, 2, 2, 4],
                stage_spec=[['L'], ['S'], ['D'], ['D', 'D']], window_sizes=[4, 4, 4, 2], strides=[1] * 4, groups=[1] * 4, use_pes=[True] * 4)
END
run 0 predict classifier.py random:1 $picture --explain bare --quiet
is "$(cd bare && echo *)" '000000000001.html 000000000001.json 000000000001.query.stages.2.attns.0.jpg 000000000001.query.stages.3.attns.1.jpg' 'figures of a classifier'
run 0 predict classifier.py random:1 $picture --explain bare --quiet --layers stages.3.attns.0,stages.2
cat >detr.json <<'END'
{"args": {"backbone": "resnet50", "num_feature_levels": 4, "enc_layers": 1, "dec_layers": 2, "dim_feedforward": 32, "hidden_dim": 32, "nheads": 2, "num_queries": 9,
          "with_box_refine": true}, "num_classes": 5, "resnet": {"layers": [1, 1, 1, 1], "base_width": 8},
 "test_pipeline": [{"type": "LoadImageFromFile"}, {"type": "MultiScaleFlipAug", "img_scale": [160, 96], "flip": false, "transforms": [
    {"type": "Resize", "keep_ratio": true}, {"type": "Normalize", "mean": [123, 116, 103], "std": [58, 57, 57]},
    {"type": "ImageToTensor", "keys": ["img"]}, {"type": "Collect", "keys": ["img"]}]}]}
END
run 0 predict detr.json random:1 $picture --explain detr --quiet --score-thr 0 --detections 1
is "$(cd detr && echo *)" '000000000001.detection1.transformer.decoder.layers.1.jpg 000000000001.html 000000000001.json' 'figures of Deformable DETR'
grep -q '"shared": false, "heads": 2, "groups": 2, "levels": 4, "points": 4' detr/000000000001.json || fail 'it says something else of the layer'
is "$(numbers detr/000000000001.json level)" 32 'points'
run 0 predict detr.json random:1 $picture --explain detr --quiet --query 100,100 --layers encoder

# What cannot be.
predict 1 $picture --explain x --detections 4 && says '--detections 4: the picture has 4 detections with a score of at least 0'
predict 2 $picture --explain x --detections 1,x && says '--detections 1,x: want at most 64 whole numbers'
predict 2 $picture --explain x --detections 1, && says 'want at most 64 whole numbers'
predict 2 $picture --explain x --query 5 && says '--query 5: want X,Y'
predict 2 $picture --explain x --query nan,3 && says '--query nan,3: want X,Y'
predict 2 $picture --explain x --query 5,5 --detections 0 && says '--detections and --query: want one of them'
predict 2 $picture --explain x --layers stages.1 && says "no layer is named 'stages.1'; there are backbone.stages.2.attns.1, backbone.stages.3.attns.1"
predict 2 $picture --explain x --layers attns.11 && says "no layer is named 'attns.11'"
predict 2 $picture --explain x --layers , && says "no layer is named ''"
predict 2 $picture --explain x --head 4 && says '--head 4: backbone.stages.2.attns.1 has 4 heads: want 0 to 3'
predict 2 $picture --layers stages.2 && says 'want --explain DIR'
run 1 predict "$root/configs/retinanet/retinanet_swin_tiny_fpn_1x_coco.py" random $picture --explain x
says 'this RetinaNet has no deformable attention: want Deformable DETR, DAT with deformable (D) blocks, or a ResNet'
mkdir twins && cp $picture twins/a.jpg && cp $picture twins/a.jpeg
predict 1 twins --explain x && says 'twins/a.jpeg and twins/a.jpg would both be written in x under the name a'
[ ! -e x ] || is "$(ls x)" '' 'results of what cannot be'
: >taken
predict 1 $picture --explain taken && says 'cannot make the directory'
finish
