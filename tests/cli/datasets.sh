#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# datasets.sh PROGRAM ROOT -- the datasets that configs name: PASCAL VOC's XML, several in one, Cityscapes' label maps; and the
# names of classes.
. "${0%/*}/lib.sh"

run 0 synth data --images 6 --val 6 --coco --quiet
evaluate() { want=$1; shift; run "$want" eval "$config" random:1 --quiet --set model.test_cfg.score_thr=0.005 "$@"; }

# ---- COCO's format, in parts -------------------------------------------------------------------------------------------
truth=$PWD/data/annotations/instances_val2017.json
pictures=$PWD/data/val2017/
cat >two.py <<END
_base_ = '$config'
pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='MultiScaleFlipAug', img_scale=(256, 160), flip=False, transforms=[
        dict(type='Resize', keep_ratio=True), dict(type='RandomFlip'),
        dict(type='Normalize', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True),
        dict(type='Pad', size_divisor=32), dict(type='ImageToTensor', keys=['img']), dict(type='Collect', keys=['img'])])]
one = dict(type='CocoDataset', ann_file='$truth', img_prefix='$pictures', pipeline=pipeline)
data = dict(test=dict(_delete_=True, type='ConcatDataset', datasets=[one, dict(type='RepeatDataset', times=2, dataset=one)]))
END
evaluate 0 --data data --json whole.json --set 'data.test.pipeline.1.img_scale=(256, 160)'
run 0 eval two.py random:1 --quiet --set model.test_cfg.score_thr=0.005 --json two.json --out two
prints '1 of 2: ' && prints '2 of 2: ' && prints 'all together'
stats() { grep -o '"stats": \[[^]]*\]' "$1" | sed -n "$2p"; }
is "$(stats two.json 2)" "$(stats whole.json 1)" 'scores of the first part'
is "$(stats two.json 3)" "$(stats whole.json 1)" 'scores of the second part'
grep -q '"parts": \[{"path": ' two.json || fail 'the JSON has no parts'
run 0 metric coco two/truth.json two/results.bbox.json --json again.json --quiet
is "$(stats again.json 1)" "$(stats two.json 1)" 'scores of both against the annotations that were written'
evaluate 0 --data data --limit 3 --set "data.test.ann_file=['$truth', '$truth']" --json list.json
prints '1 of 2: ' && is "$(grep -c '"images": 3' list.json)" 1 'parts with three images'

# ---- the order of classes ----------------------------------------------------------------------------------------------
evaluate 0 --data data
is "$(wc -c <err)" 0 'bytes said of classes in their order'
sed 's/"name": "person"/"name": "X"/; s/"name": "bicycle"/"name": "person"/; s/"name": "X"/"name": "bicycle"/' "$truth" >order.json
evaluate 0 --set data.test.ann_file="$PWD/order.json" --set "data.test.img_prefix=$pictures" --set data.test.data_root=None
says "label 0 is 'bicycle' and not 'person'"

# ---- PASCAL VOC --------------------------------------------------------------------------------------------------------
mkdir -p VOC2007/Annotations VOC2007/JPEGImages
for i in 1 2 3; do
    cp "data/val2017/00000000000$i.jpg" "VOC2007/JPEGImages/00000$i.jpg"
    echo "00000$i" >>VOC2007/test.txt
    cat >"VOC2007/Annotations/00000$i.xml" <<END
<annotation><size><width>320</width><height>240</height></size>
<object><name>cat</name><difficult>0</difficult><bndbox><xmin>11</xmin><ymin>21</ymin><xmax>91</xmax><ymax>99.7</ymax></bndbox></object>
<object><name>dog</name><difficult>1</difficult><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>60</xmax><ymax>50</ymax></bndbox></object>
<object><name>bird</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>60</xmax><ymax>50</ymax></bndbox></object>
</annotation>
END
done
voc() { want=$1; shift; run "$want" eval "$config" random:1 --quiet --set model.bbox_head.num_classes=2 --set data.test.data_root=None --set data.test.ann_file=VOC2007/test.txt --set data.test.img_prefix=VOC2007/ --set 'data.test.classes=["dog", "cat"]' "$@"; }
voc 0 --set data.test.type=VOCDataset --json voc.json --out voc --per-class
prints 'mAP' && prints 'eleven points' && prints 'dog'
grep -q '"rule": "11points"' voc.json || fail 'another rule than that of 2007'
grep -q '"name": "dog", "gts": 0, ' voc.json || fail 'what is difficult counts'
grep -q '"name": "cat", "gts": 3, ' voc.json || fail 'objects are missing'
grep -q '"bbox": \[10, 20, 80, 78\]' voc/truth.json || fail 'boxes do not begin at 0 and are no whole numbers'
mv VOC2007 VOC2012
voc 0 --set data.test.ann_file=VOC2012/test.txt --set data.test.img_prefix=VOC2012/ --set data.test.type=VOCDataset --json voc.json
grep -q '"rule": "area"' voc.json || fail 'another rule than that of 2012'
mv VOC2012 mine
voc 1 --set data.test.ann_file=mine/test.txt --set data.test.img_prefix=mine/ --set data.test.type=VOCDataset && says 'want VOC2007 or VOC2012 in it'
voc 0 --set data.test.ann_file=mine/test.txt --set data.test.img_prefix=mine/ --set data.test.type=XMLDataset
rm mine/JPEGImages/000002.jpg
voc 1 --set data.test.ann_file=mine/test.txt --set data.test.img_prefix=mine/ --set data.test.type=XMLDataset && says '1 of 3 pictures cannot be read'
voc 1 --set data.test.type=VOCDatset && says "did you mean 'VOCDataset'?"

# ---- LVIS --------------------------------------------------------------------------------------------------------------
mkdir -p lvis/val2017
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do cp data/val2017/000000000001.jpg lvis/val2017/$i.jpg; done
lvis() { want=$1; shift; run "$want" eval "$config" random:1 --quiet --set model.bbox_head.num_classes=14 --set data.test.data_root=None --set data.test.type=LVISV1Dataset --set data.test.img_prefix=lvis --set "data.test.ann_file=$root/tests/data/eval/lvis.gt.json" "$@"; }
lvis 0 --json lvis.json --out lvis_run
prints 'catIds=  r] = '
grep -q '"APr": ' lvis.json || fail 'the JSON has no APr'
lvis 1 --set data.test.type=LVISV05Dataset && says 'the object has no "file_name"'
lvis 1 --set "data.test.ann_file=$truth" --set data.test.img_prefix=data/val2017 --set model.bbox_head.num_classes=80 && says "want LVIS's annotations"

# ---- mmdet's middle format ---------------------------------------------------------------------------------------------
cat >middle.json <<END
[{"filename": "000000000001.jpg", "width": 320, "height": 240, "ann": {"bboxes": [[10, 20, 90, 98.5], [1, 2, 3, 4]], "labels": [1, 0],
  "bboxes_ignore": [[0, 0, 50, 50]], "labels_ignore": [0]}}, {"filename": "000000000002.jpg", "width": 320, "height": 240}]
END
middle() { want=$1; shift; run "$want" eval "$config" random:1 --quiet --set model.bbox_head.num_classes=2 --set data.test.data_root=None --set data.test.type=CustomDataset --set "data.test.img_prefix=$pictures" --set data.test.ann_file=middle.json --set 'data.test.classes=["dog", "cat"]' "$@"; }
middle 0 --out middle --json middle.scores --per-class
prints 'area under the curve'
grep -q '"name": "dog", "gts": 1, ' middle.scores || fail 'what is to be ignored counts'
grep -q '"bbox": \[10, 20, 80, 78.5\]' middle/truth.json || fail 'another box'
sed -i 's/"labels": \[1, 0\]/"labels": [1, 2]/' middle.json
middle 1 && says 'label 2: want one of 2 classes, 0 to 1'
sed -i 's/"labels": \[1, 2\]/"labels": [1]/' middle.json
middle 1 && says 'want four for each'
middle 1 --set data.test.ann_file=x.pkl && says 'want it as .json'

# ---- label maps --------------------------------------------------------------------------------------------------------
segmentor=$root/configs/demo/upernet_dat_nano.py
mkdir -p city/leftImg8bit/val/a city/gtFine/val/a
for name in a b; do
    cp "$root/tests/data/segmentation/images/a.png" city/leftImg8bit/val/a/${name}_leftImg8bit.png
    cp "$root/tests/data/segmentation/labels/a.png" city/gtFine/val/a/${name}_gtFine_labelIds.png
done
city() { want=$1; shift; run "$want" eval "$segmentor" random:1 --quiet --set model.decode_head.num_classes=19 --set model.auxiliary_head.num_classes=19 --set data.test.type=CityscapesDataset --set data.test.classes=None --set data.test.palette=None --set data.test.reduce_zero_label=False --set data.test.data_root=city --set data.test.img_dir=leftImg8bit/val --set data.test.ann_dir=gtFine/val --set data.test.img_suffix=_leftImg8bit.png --set data.test.seg_map_suffix=_gtFine_labelTrainIds.png "$@"; }
city 0 --json city.json --out maps
prints 'bicycle'
[ -f maps/a/a.png ] || fail 'no label map'
city 0 --set 'data.test.img_dir=["leftImg8bit/val", "leftImg8bit/val"]' --set 'data.test.ann_dir=["gtFine/val", "gtFine/val"]' --json twice.json
prints '2 of 2: city/leftImg8bit/val, 2 images'
grep -q '"parts"' twice.json || fail 'the JSON has no parts'
finish
