#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# folders.sh PROGRAM ROOT -- folders of labelled pictures in forms other than COCO's: what is found in them is said, learnt from and
# scored; what is wrong in them is one sentence.
. "${0%/*}/lib.sh"

run 0 synth data --images 12 --val 12 --coco --seed 3 --quiet
pictures=$(cd data/val2017 && ls)

# ---- a folder for each class: trained, scored, and scored again by eval -------------------------------------------------

for name in $pictures; do
    class=even
    case $name in *[13579].*) class=odd ;; esac
    mkdir -p "classes/$class"
    cp "data/val2017/$name" "classes/$class/$name"
done
tiny="--set backbone.dim_stem=8 --set backbone.dims=[8,16,32,64] --set backbone.depths=[1,1,1,2] --set data.samples_per_gpu=4"
tiny="$tiny --set backbone.stage_spec=[['L'],['L'],['L'],['L','D']]"
# shellcheck disable=SC2086 # $tiny is several arguments
run 0 train "$root/configs/nano/classifier_dat_nano.py" --data classes --work-dir run --quiet $tiny --set runner.max_epochs=2
echo nothing >data/val2017/x.jpg
mkdir -p apart/train apart/val
cp -r classes/* apart/train && cp -r classes/* apart/val && cp data/val2017/x.jpg apart/val/odd && rm data/val2017/x.jpg
# shellcheck disable=SC2086
run 1 train "$root/configs/nano/classifier_dat_nano.py" --data apart --work-dir none --quiet $tiny --set runner.max_epochs=1
grep -q 'the validation set: .*x.jpg' err || fail 'does not look at the validation set of a classifier first'
logged=$(sed -n 's/.*"mode": "val".*"accuracy_top-1": \([0-9.]*\).*/\1/p' run/log.jsonl | tail -n 1)
run 0 eval run/config.py run/latest.safetensors --json -
is "$(grep -o '^{"images": [0-9]*' out)" '{"images": 2' 'pictures of the validation part'
scored=$(sed -n 's/.*"accuracy_top-1": \([0-9.]*\).*/\1/p' out)
is "$(awk "BEGIN { print $scored / 100 }")" "$(awk "BEGIN { print $logged + 0 }")" 'accuracy by eval and by the run'
run 0 eval run/config.py run/latest.safetensors --quiet && prints 'accuracy_top-1  '
run 0 eval run/config.py run/latest.safetensors --out kept --quiet
is "$(wc -l <kept/results.txt | tr -d ' ')" 2 'pictures in the results'
mv classes moved
mkdir temporary
export TMPDIR=$PWD/temporary
run 0 eval run/config.py run/latest.safetensors --data moved --json -
is "$(sed -n 's/.*"accuracy_top-1": \([0-9.]*\).*/\1/p' out)" "$scored" 'accuracy where the folder is now'
is "$(ls temporary)" '' 'what is left in the folder for temporary files'
mv moved classes
run 1 eval "$root/configs/classification/pvt_tiny_224.py" random --quiet && says 'data.test or --data DIR'

# ---- masks of PASCAL VOC: the truth that is scored against has the pixels of the same objects in COCO's form ----------------

run 0 data convert data masked --to voc --link --quiet
run 0 data convert masked back --to coco --link --quiet
masks=$root/configs/demo/mask_rcnn_dat_nano.py
classes=$(sed -n 's:.*<name>\(.*\)</name>.*:"\1":p' masked/Annotations/*.xml | sort -u | paste -sd, -)
n=$(echo "$classes" | tr ',' '\n' | wc -l)
run 0 eval "$masks" random:1 --data masked --set "data.test.classes=[$classes]" --set "model.roi_head.bbox_head.num_classes=$n" \
    --set "model.roi_head.mask_head.num_classes=$n" --json masked.json --out truth --quiet
grep -q '"segm"' masked.json || fail 'masks of PASCAL VOC are not scored'
areas() { grep -o '"area": [0-9.]*, "iscrowd": [01], "segmentation"' "$1" | sort; }
areas truth/deformer_val.json >areas.voc
areas back/annotations/*.json >areas.coco
[ -s areas.voc ] && ! grep -qvxFf areas.coco areas.voc || fail 'other masks than those of the same objects in COCO form'
run 0 train "$masks" --data masked --work-dir seen --dry-run
grep -q 'objects with masks' out err || fail 'masks of PASCAL VOC are not found'
rm -r masked/SegmentationObject
run 1 train "$masks" --data masked --work-dir seen --dry-run && says 'none of its objects has a mask'

# ---- PASCAL VOC and YOLO ------------------------------------------------------------------------------------------------

mkdir -p voc/JPEGImages voc/Annotations yolo/images yolo/labels
for name in $pictures; do
    cp "data/val2017/$name" voc/JPEGImages/
    cp "data/val2017/$name" yolo/images/
    echo "<annotation><object><name>thing</name><bndbox><xmin>20</xmin><ymin>30</ymin><xmax>90</xmax><ymax>80</ymax></bndbox></object></annotation>" \
        >"voc/Annotations/${name%.*}.xml"
    echo '0 0.3 0.3 0.2 0.2' >"yolo/labels/${name%.*}.txt"
done
nano=$root/configs/nano/retinanet_dat_nano.py
run 0 train "$nano" --data voc --work-dir seen --dry-run
grep -q "PASCAL VOC's format, 10 pictures to train on and 2 to validate" out err || fail 'does not know PASCAL VOC'
run 1 train "$nano" --data yolo --work-dir seen --quiet && says 'want data.yaml or classes.txt'
echo thing >yolo/classes.txt
run 0 train "$nano" --data yolo --work-dir seen --dry-run
grep -q "YOLO's format, 10 pictures to train on and 2 to validate" out err || fail 'does not know YOLO'
scored() { run 0 eval "$nano" random:1 --set model.bbox_head.num_classes=1 --set "data.test.classes=['thing']" --json "$1.json" --quiet --data "$1"; }
scored yolo
scored voc
is "$(ls temporary)" '' 'what is left in the folder for temporary files'
grep -q '"name": "thing"' voc.json && grep -q '"name": "thing"' yolo.json || fail 'the class of the folder is not in the scores'
run 0 eval "$nano" random:1 --set model.bbox_head.num_classes=1 --set "data.test.classes=['thing']" --quiet --data voc --out kept
[ -s kept/results.bbox.json ] && [ -s kept/deformer_val.json ] || fail 'results of a folder are not kept'
run 1 eval "$nano" random:1 --quiet --data voc --set "data.test.classes=['other']"
run 1 eval "$nano" random:1 --quiet --data temporary && says "want a folder in COCO's, PASCAL VOC's or YOLO's format"
echo '1 0.3 0.3 0.2 0.2' >>yolo/labels/000000000001.txt
run 1 train "$nano" --data yolo --work-dir seen --quiet && says '000000000001.txt: line 2: class 1: want one of the 1 classes'
rm voc/JPEGImages/000000000002.jpg
run 1 train "$nano" --data voc --work-dir seen --quiet && says '000000000002.xml: there is no picture of that name'

# ---- what a config does not learn ---------------------------------------------------------------------------------------

run 1 train "$nano" --data classes --work-dir seen --quiet && says 'the config learns from objects with boxes'
run 1 train "$root/configs/nano/mask_rcnn_dat_nano.py" --data yolo --work-dir seen --quiet
sed -i '2d' yolo/labels/000000000001.txt
run 1 train "$root/configs/nano/mask_rcnn_dat_nano.py" --data yolo --work-dir seen --quiet && says 'none of its objects has a mask'
finish
