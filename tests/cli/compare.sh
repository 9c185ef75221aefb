#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# compare.sh PROGRAM ROOT -- runs and models side by side: table, Markdown, JSON, chart.
. "${0%/*}/lib.sh"
data=$root/tests/data
segmentor=$root/configs/demo/upernet_dat_nano.py

# ---- results: masks, segmentations, classifications -------------------------------------------------------------------
run 0 compare --gt "$data/eval/crowd_masks.gt.json" "$data/eval/crowd_masks.dt.json" "$data/eval/crowd_masks.dt.json" --type segm --bootstrap 20 && prints '+0.00 [+0.00 +0.00]'
# Names are whole, and may be given; a file whose name has an equals sign is a file.
cp "$data/eval/explain.dt.json" a_very_long_name_of_a_network_that_found_things_resnet50.json
cp "$data/eval/explain.dt.json" lr=0.1.json
run 0 compare --gt "$data/eval/explain.gt.json" a_very_long_name_of_a_network_that_found_things_resnet50.json after=lr=0.1.json lr=0.1.json --bootstrap 0
prints ' a_very_long_name_of_a_network_that_found_things_resnet50.json ' && prints ' after ' && prints ' lr=0.1.json'
[ "$(awk '{ print length }' out | sort -u | wc -l)" = 1 ] || fail 'the columns are not below their names'
run 0 compare --gt "$data/eval/explain.gt.json" before=lr=0.1.json "$data/eval/explain.dt.json" --bootstrap 20 --explain page.html --quiet
grep -q '</html>' page.html && grep -q '<b>before</b>' page.html && grep -q 'What changed in' page.html || fail 'the page is not whole'
grep -qE '<script|https?:|src=' page.html && fail 'the page loads something'
sed 's/"score": *0\.[6-9]/"score":0.0/g' "$data/eval/explain_masks.dt.json" >unsure.json
run 0 compare --gt "$data/eval/explain_masks.gt.json" a="$data/eval/explain_masks.dt.json" b=unsure.json --type segm --bootstrap 0 --explain page.html
grep -q '<path class=b d="M' page.html || fail 'the page draws no masks'
run 2 compare "$config" --explain page.html --rounds 0 && says '--explain is for results: want runs, not models'
run 2 compare "$config" --per-class --rounds 0 && says '--per-class is for results'
run 2 compare --gt "$data/eval/explain.gt.json" lr=0.1.json --chart chart.svg && says '--chart is for models: want models, not runs'
run 0 compare --gt "$data/eval/crowd_masks.gt.json" "$data/eval/crowd_masks.dt.json" --type segm --bootstrap 0 --json - && prints '"type": "segm"'
# Several kinds: a table of each, in the JSON a list of both. What is asked for and not there is an error.
run 0 compare --gt "$data/eval/crowd_masks.gt.json" "$data/eval/crowd_masks.dt.json" --type bbox,segm --bootstrap 0 --markdown both.md
is "$(grep -cE '^(bbox|segm)$' out)" 2 'how many tables there are'
is "$(grep -cE '^[*][*](bbox|segm)[*][*]$' both.md)" 2 'how many tables are in the Markdown'
run 0 compare --gt "$data/eval/crowd_masks.gt.json" "$data/eval/crowd_masks.dt.json" --type bbox,segm --bootstrap 0 --json -
is "$(head -c 1 out)" '[' 'how the list begins' && prints '"type": "bbox"' && prints '"type": "segm"'
run 1 compare --gt "$data/eval/crowd_masks.gt.json" "$data/eval/crowd_masks.dt.json" --type bbox,topk && says 'no results that can be compared of type topk'
run 2 compare --gt "$data/eval/crowd_masks.gt.json" "$data/eval/crowd_masks.dt.json" --type bbox,segm --explain page.html && says 'one kind of results'
for i in 1 2; do run 0 eval "$segmentor" random:$i --data "$data/segmentation" --out m$i --json m$i.json --quiet; done
run 0 metric ade20k "$data/segmentation/labels" m1 --num-classes 4 --per-image again.json --quiet --threads 2
grep -o '"name": .*' m1/results.miou.json | grep areas >first
grep -o '"name": .*' again.json | grep areas >second
same first second
run 0 compare m1 m2 --bootstrap 50 --markdown table.md --per-class --explain page.html && prints ' mIoU '
grep -q 'What changed in m2' page.html || fail 'the page of label maps has no images'
grep -q '^| mIoU | 11.13 | 13.97' table.md || fail 'the Markdown has another mIoU'
grep -q '^| brick | ' table.md || fail 'the Markdown has no classes'
run 0 compare m1 m2 --bootstrap 50 --threads 1 --json one.json
run 0 compare m1 m2 --bootstrap 50 --threads 3 --json three.json
same one.json three.json
grep -qF "\"miou\": {\"value\": $(grep -o '"mIoU": [0-9.]*' m1.json | cut -c9-)" one.json || fail 'another mIoU than eval has'
mkdir -p tree/a tree/b && touch tree/a/1.jpg tree/a/2.jpg tree/b/3.jpg
printf '1.jpg a\n2.jpg b a\n3.jpg b\n' >list.txt
run 0 metric imagenet list.txt tree --per-image top.json --json numbers.json
run 0 compare top.json top.json --bootstrap 20 && prints ' top-1 '
run 1 compare m1 top.json && says 'no results that can be compared'
run 1 compare numbers.json && says 'no results that can be compared'
run 1 compare list.txt && says 'list.txt'
run 0 compare m1 m2 --bootstrap 50 --seed 5 --json other.json
! cmp -s one.json other.json || fail "--seed 5 takes the samples of seed 0"
run 2 compare m1 --type box && says '--type box: want bbox, segm, miou, topk'

# ---- models -------------------------------------------------------------------------------------------------------------
models="$config mask=$root/configs/demo/mask_rcnn_dat_nano.py:random:3"
# shellcheck disable=SC2086 # two words
run 0 compare $models --shape 64x96 --rounds 1 --quiet --json out.json --markdown out.md --chart time.svg
prints '64x96' && prints 'medians of 1 round'
grep -q '"milliseconds": [0-9.]*[1-9]' out.json || fail 'no time in the JSON'
grep -q '"checkpoint": "random:3"' out.json && grep -q '"model": "MaskRCNN"' out.json || fail 'the JSON does not say what the models are'
run 0 info "$config" --shape 64x96 --json info.json
grep -o '"total".*' info.json | grep -q . || fail 'info has no total'
wanted=$(sed -n '/"total"/,$s/.*"total": {[^}]*"multiply_adds": \([0-9]*\).*/\1/p' info.json | head -n 1)
grep -q "\"multiply_adds\": $wanted" out.json || fail 'another number of multiply-adds than info counts'
grep -q '^| mask ' out.md || fail 'the Markdown does not name the model'
grep -q '</svg>' time.svg || fail 'the chart has no end'
grep -qE '<script|href' time.svg && fail 'the chart loads something'

run 0 compare "a T=$segmentor@m1" "a S=$segmentor:random:2@m2" "b=$segmentor@m1.json" --rounds 0 --chart miou.svg --cost params --title 'Nano & co'
prints '11.13 [' && prints '13.97 +2.84 [' && prints '11.13 +0.00'
[ "$(grep -c 'class="line ' miou.svg)" = 1 ] || fail 'the family is not joined'
[ "$(grep -c 'class="dot ' miou.svg)" = 3 ] || fail 'the chart has not three points'
grep -q 'Nano &amp; co' miou.svg || fail 'the chart has another title'
run 0 compare "$segmentor" "$segmentor@m1" --rounds 0 --json - && prints '"accuracy": {'
run 1 compare "$segmentor@top.json" "$config@m1" --rounds 0 --type segm && says 'contains no results of type segm'
run 2 compare "$config@$data/eval/crowd_masks.dt.json" --rounds 0 && says 'want --gt GT.json'
# Files of one name are told apart by their folders.
mkdir -p a_dat a_swin
echo "_base_ = '$config'" | tee a_dat/config.py >a_swin/config.py
run 0 compare a_dat/config.py ./a_swin/config.py --rounds 0
grep -q '^dat ' out && grep -q '^swin ' out || fail 'two files called config.py are not told apart'
run 0 compare a_dat/config.py a_dat/config.py --rounds 0 && prints 'config '
run 2 compare "$config" m1 --rounds 0 && says 'm1: want a model, as in the other arguments'
run 2 compare "$config:" --rounds 0 && says 'want a checkpoint after'
run 2 compare "$config" --cost money && says '--cost money: want macs, params or time'
run 2 compare "$config" --cost time --rounds 0 && says '--cost time needs'
run 2 compare "$config" --chart x.svg --rounds 0 && says 'a chart needs scores'
run 1 compare "$config:nothing.pth" --rounds 0 && says 'nothing.pth'
run 1 compare "$config:nothing.pth" --rounds 1 --shape 64x64 --quiet && says 'nothing.pth'
run 1 compare "$config" --rounds 1 --shape 32768x32768 --quiet && says 'GB of memory'
finish
