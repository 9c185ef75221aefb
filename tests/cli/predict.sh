#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# predict.sh PROGRAM ROOT -- pictures in, drawings and results out, one by one and by the folder.
. "${0%/*}/lib.sh"

run 0 synth data --images 9 --val 9 --coco --quiet
run 0 init "$config" w.safetensors --seed 1 --quiet
pictures=data/val2017
predict() { want=$1; shift; run "$want" predict "$config" w.safetensors --quiet --score-thr 0 --set model.test_cfg.score_thr=0.001 --set model.test_cfg.max_per_img=3 "$@"; }

predict 0 $pictures/000000000001.jpg --out drawn --json one.json
is "$(wc -l <out)" 3 'lines'
awk -F '\t' 'NF != 4 || $3 < 0 || $3 > 1 || split($4, box, " ") != 4 { exit 1 }' out || fail 'a line is not picture, class, score, box'
is "$(ls drawn)" 000000000001.jpg 'drawings'
cmp -s drawn/000000000001.jpg $pictures/000000000001.jpg && fail 'nothing is drawn'
grep -q '^{"image_id": 1, "category_id": [0-9]*, "bbox": \[[-0-9., ]*\], "score": 0.01[0-9]*},$' one.json || fail 'one.json has no such record'
run 0 metric coco data/annotations/instances_val2017.json one.json
predict 0 $pictures/000000000001.jpg --json - && same out one.json
predict 0 $pictures/000000000001.jpg --threads 1 --json - && same out one.json

predict 0 $pictures --out all && is "$(wc -l <out)" 27 'lines of the folder' && is "$(ls all | wc -l)" 9 'drawings of the folder'
predict 0 $pictures --score-thr 1 && is "$(wc -l <out)" 0 'lines above 1'
run 0 predict "$config" random:4 $pictures/000000000001.jpg --quiet --score-thr 0 --set model.test_cfg.score_thr=0.001 \
    --set 'data.test.classes=("red", "white", "blue")' --set model.bbox_head.num_classes=3
grep -qE '	(red|white|blue)	' out || fail 'classes have not the names of the config'
run 0 predict "$config" random:4 $pictures/000000000001.jpg --quiet --score-thr 0 --set model.test_cfg.score_thr=0.001 --set model.bbox_head.num_classes=3
grep -qE '	[012]	' out || fail 'classes without names are not numbers'

# The JSON has every detection of the network, whatever is shown; and says what was.
run 0 predict "$config" w.safetensors $pictures/000000000001.jpg --score-thr 0.5 --set model.test_cfg.score_thr=0.001 --json every.json --out few
is "$(wc -l <out)" 0 'lines with a score of at least 0.5'
[ "$(grep -c score every.json)" -gt 10 ] || fail "the JSON leaves detections out"
grep -q 'the JSON has all [0-9]* detections; 0 of them, with a score of at least 0.5 (--score-thr), are drawn' err || fail 'does not say the threshold'

# On a terminal the lines of a picture take the place of the progress. Without --quiet: what the terminal shows of a line is what follows its
# last erasure.
if script -qc true /dev/null >/dev/null 2>&1; then
    script -qc "'$program' predict '$config' w.safetensors $pictures --score-thr 0 --set model.test_cfg.score_thr=0.001 --out shown" /dev/null |
        tr -d '\r' | sed "s/.*$(printf '\033')\[K//" >out
    is "$(grep -c '^predict \[#*\] 9/9 ' out)" 1 'lines of progress that stay'
    awk -F '\t' 'NF == 4 && index($1, "data/val2017/") != 1 { exit 1 }' out || fail 'a line follows the progress'
fi

# A checkpoint of other classes says what to set.
run 0 init "$config" three.safetensors --set model.bbox_head.num_classes=3 --quiet
run 1 predict "$config" three.safetensors $pictures/000000000001.jpg --quiet && says 'three.safetensors: the checkpoint has 3 classes, the config 80: --set model.bbox_head.num_classes=3'
masks=$root/configs/demo/mask_rcnn_dat_nano.py
run 0 init "$masks" one.safetensors --set model.roi_head.bbox_head.num_classes=1 --set model.roi_head.mask_head.num_classes=1 --quiet
run 1 predict "$masks" one.safetensors $pictures/000000000001.jpg --quiet && says 'the checkpoint has 1 class, the config 80: --set model.roi_head.bbox_head.num_classes=1 --set model.roi_head.mask_head.num_classes=1'
segmentor=$root/configs/demo/upernet_dat_nano.py
run 0 init "$segmentor" seven.safetensors --set model.decode_head.num_classes=7 --set model.auxiliary_head.num_classes=7 --quiet
run 1 predict "$segmentor" seven.safetensors $pictures/000000000001.jpg --quiet && says 'the checkpoint has 7 classes'

# Category ids are those of an annotation file, by name.
cat >named.json <<'END'
{"images": [{"id": 1, "file_name": "a.png", "height": 8, "width": 8}], "annotations": [], "categories": [{"id": 70, "name": "blue"}, {"id": 7, "name": "red"}, {"id": 9, "name": "white"}]}
END
colours='--set data.test.classes=["red","white","blue"] --set model.bbox_head.num_classes=3 --set model.test_cfg.score_thr=0.001'
# shellcheck disable=SC2086 # several arguments
named() { want=$1; shift; run "$want" predict "$config" random:4 $pictures/000000000001.jpg --quiet --score-thr 0 $colours "$@"; }
named 0 --json places.json && named 0 --json ids.json --categories named.json
sed 's/"category_id": 1,/"category_id": 7,/; s/"category_id": 2,/"category_id": 9,/; s/"category_id": 3,/"category_id": 70,/' places.json >wanted.json
same ids.json wanted.json
sed -i 's/"white"/"black"/' named.json
named 1 --categories named.json && says "named.json: no category is called 'white'"
run 1 predict "$config" random:4 $pictures/000000000001.jpg --quiet --set model.bbox_head.num_classes=3 --categories named.json &&
    says 'the classes of the network have no names'

# A picture that fails does not stop the others.
head -c 3000 $pictures/000000000002.jpg >cut.jpg
: >empty.png
echo 'no picture' >text.jpg
predict 1 cut.jpg $pictures/000000000001.jpg empty.png text.jpg nowhere.jpg data/annotations/val2017/000000000008.png --out some --json some.json
is "$(wc -l <out)" 6 'lines of the pictures that can be read'
is "$(ls some | wc -l)" 2 'drawings of the pictures that can be read'
for text in 'cut.jpg: damaged or truncated JPEG' 'empty.png: the file is empty' 'text.jpg: ' 'nowhere.jpg: No such file' '4 of 6 pictures failed'; do
    grep -qF "$text" err || fail "does not say: $text"
done
is "$(grep -c image_id some.json)" 6 'records of the pictures that can be read'
predict 1 cut.jpg && says 'cut.jpg: damaged or truncated JPEG'
predict 1 nowhere.jpg && says 'nowhere.jpg: No such file'
# Every format, in names of either case, is read and written again; --recursive keeps folders; `-` is a list.
formats=$root/tests/data/images/formats
mkdir -p tree/a/b tree/.hidden
cp $pictures/000000000001.jpg tree/ONE.JPG
cp $pictures/000000000001.jpg tree/a/000000000002.jpg
cp "$formats/24.bmp" tree/a/b/x.BMP
cp "$formats/lzw.tif" tree/a/x.Tiff
cp "$formats/lossy.webp" tree/a/x.WebP
cp $pictures/000000000001.jpg tree/.hidden/no.jpg
if ! predict 0 tree --recursive --out drawn_tree --json tree.json; then
    grep -q 'was built without' err || fail 'does not read every format'
fi
is "$(find drawn_tree -type f | sort | tr '\n' ' ')" "drawn_tree/ONE.JPG drawn_tree/a/000000000002.jpg drawn_tree/a/b/x.BMP drawn_tree/a/x.Tiff drawn_tree/a/x.WebP " 'drawings of folders in folders'
head -c 2 drawn_tree/a/b/x.BMP | grep -q BM || fail 'the drawing of a BMP is none'
head -c 2 drawn_tree/a/x.Tiff | grep -q II || fail 'the drawing of a TIFF is none'
head -c 4 drawn_tree/a/x.WebP | grep -q RIFF || fail 'the drawing of a WebP is none'
grep -q '"image_id": "a/000000000002.jpg"' tree.json || fail 'a result does not have its folder in its name'
predict 0 tree --out drawn_flat && is "$(ls drawn_flat)" ONE.JPG 'drawings of the folder alone'
printf '%s\r\n\n%s\n' tree/ONE.JPG nowhere.jpg >list
predict 1 - --json list.json <list
grep -q '1 of 2 pictures failed' err && is "$(grep -c image_id list.json)" 3 'records of the list'
printf '' | predict 1 - && says 'the list of pictures (-) is empty'
cp $pictures/000000000001.jpg picture.gif
predict 1 picture.gif $pictures/000000000001.jpg --out odd --json odd.json
grep -q 'picture.gif: want a name ending in' err && is "$(ls odd)" 000000000001.jpg 'drawings beside one that has no format'
is "$(grep -c image_id odd.json)" 6 'records of pictures of which one cannot be drawn'
mkdir nothing
predict 1 nothing && says 'nothing: no picture in this folder'

# Nothing is drawn over a picture.
before=$(cksum <$pictures/000000000001.jpg)
predict 1 $pictures/000000000001.jpg --out $pictures && says 'the drawing would replace the picture'
is "$(cksum <$pictures/000000000001.jpg)" "$before" 'the picture'
cp $pictures/000000000001.jpg nothing/
predict 1 $pictures/000000000001.jpg nothing --out drawn && says 'would both be drawn as drawn/000000000001.jpg'

# Names: a number is COCO's id of the image, anything else stays what it is.
for name in 12a.jpg 99999999999999999999.jpg 'a "b\c.jpg' -5.jpg 007.jpg; do cp $pictures/000000000001.jpg "nothing/$name"; done
predict 0 nothing --json names.json
for id in '"12a.jpg"' '"99999999999999999999.jpg"' '"a \"b\\c.jpg"' '"-5.jpg"' 7; do
    grep -qF "\"image_id\": $id," names.json || fail "no record has image_id $id"
done
# A picture of one pixel, and one that says it has 40000 x 40000.
echo iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg== | base64 -d >pixel.png
echo iVBORw0KGgoAAAANSUhEUgAAnEAAAJxACAAAAAB0Z1HZAAAADElEQVR4nGNgoD0AAABkAAGGZDw1AAAAAElFTkSuQmCC | base64 -d >enormous.png
predict 0 pixel.png --out drawn && is "$(wc -l <out)" 3 'lines of a pixel'
predict 1 enormous.png && says 'enormous.png: the picture has 40000 x 40000 pixels: want at most'
predict 1 $pictures/000000000001.jpg --set 'data.test.pipeline.1.img_scale=(6000, 5000)' && says 'pixels for the network'

# Outputs that cannot be written; devices are not replaced.
if [ -c /dev/full ]; then
    predict 1 $pictures/000000000001.jpg --json /dev/full && says '/dev/full: cannot be written: No space left on device'
    [ -c /dev/full ] || fail '/dev/full was replaced'
    predict 0 $pictures/000000000001.jpg --json /dev/null
    [ -c /dev/null ] || fail '/dev/null was replaced'
fi
predict 1 $pictures/000000000001.jpg --json nowhere/x.json && says 'nowhere/x.json: cannot be written'
predict 1 $pictures/000000000001.jpg --json nothing && says 'nothing: is a directory, want the name of a file'
predict 1 $pictures/000000000001.jpg --out cut.jpg && says 'cut.jpg: cannot make the directory'
finish
