#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# classify.sh PROGRAM ROOT -- deformer predict and eval of a classifier: names and probabilities, pictures of every kind, folders
# and lists, runs that are stopped, several right labels.
. "${0%/*}/lib.sh"
images=$root/tests/data/images

cat >tiny.py <<'END'
model = dict(
    type='ImageClassifier',
    backbone=dict(type='ResNet', depth=18, num_stages=4, out_indices=(3,), style='pytorch', base_channels=8),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=3, in_channels=64))
data = dict(test=dict(type='ImageNet', classes=['cat', 'dog', 'bird'], pipeline=[
    dict(type='LoadImageFromFile', imdecode_backend='pillow', color_type='color_ignore_orientation'),
    dict(type='ResizeEdge', scale=36), dict(type='CenterCrop', crop_size=32), dict(type='DetrNormalize'),
    dict(type='PackInputs')]))
END

# ---- predict --------------------------------------------------------------------------------------------------------------

run 0 predict tiny.py random:1 "$images/420.jpg" --topk 2 --quiet
is "$(wc -l <out | tr -d ' ')" 2 'lines of two classes'
cut -f2 out | grep -q -E '^(cat|dog|bird)$' || fail 'does not name the classes'
run 0 predict tiny.py random:1 "$images" --out drawn --json classes.json --quiet
is "$(find drawn -type f | wc -l | tr -d ' ')" "$(find "$images" -name '*.jpg' -o -name '*.png' | wc -l | tr -d ' ')" 'drawn pictures'
is "$(grep -c '"classes": \[{"id": ' classes.json)" "$(find drawn -type f | wc -l | tr -d ' ')" 'pictures in the JSON'
grep -q 'exif6.jpg", "height": 25, "width": 16' classes.json && fail 'turns a picture that is read as it is stored'
mkdir mixed
cp "$images/420.jpg" mixed/good.jpg
echo nothing >mixed/bad.jpg
run 1 predict tiny.py random:1 mixed --json mixed.json --quiet
grep -q '1 of 2 pictures failed' err || fail 'does not count failures'
grep -q 'good.jpg' mixed.json || fail 'a bad picture takes the others along'
run 0 predict "$root/configs/classification/resnet18_224.py" random "$images/one.jpg" --quiet
is "$(wc -l <out | tr -d ' ')" 5 'lines of five classes'
run 0 predict tiny.py random:1 "$images/420.jpg" --set model.head.num_classes=1 --quiet
says 'names 3 classes, and the network has 1: they are numbered'
is "$(cut -f2,3 out)" "$(printf '0\t1.0000')" 'the only class'

# ---- eval: folders, whose names are those of the classes or stand in their order ---------------------------------------------

mkdir -p val/n01 val/n02 val/n03
for name in 420.jpg grey.jpg cmyk.jpg rgba.png grey16.png one.jpg; do
    number=$((${number:-0} + 1))
    cp "$images/$name" "val/n0$((number % 3 + 1))/$number.${name##*.}"
done
run 0 eval tiny.py random:1 --data val --out run --json scores.json
says 'no folder has the name of a class'
says '6/6'
prints 'accuracy_top-1'
is "$(wc -l <run/results.txt | tr -d ' ')" 6 'pictures in the results'
run 0 eval tiny.py random:1 --data val --out run --json again.json
says '6 images are already done'
same again.json scores.json
head -n 4 run/results.rankings.txt >part
printf '4 0 1' >>part
mv part run/results.rankings.txt
run 0 eval tiny.py random:1 --data val --out run --json again.json
says '3 images are already done'
same again.json scores.json
run 0 eval tiny.py random:2 --data val --out other --quiet
run 0 compare run other && prints ' top-1 '
run 1 eval tiny.py random:2 --data val --out run --quiet && says 'the config, the weights or the data have changed since'
run 0 eval tiny.py random:2 --data val --out run --fresh --quiet
run 0 eval tiny.py random:1 --data val --limit 4 --per-class --quiet
prints ' cat '
echo '[[0], [1, 2], [], [0, 1, 2], [0], [9]]' >real.json
run 1 eval tiny.py random:1 --data val --real-labels real.json --quiet
echo '[[0], [1, 2], [], [0, 1, 2], [0], [2]]' >real.json
run 0 eval tiny.py random:1 --data val --real-labels real.json --json real_scores.json --quiet
prints ' of 5 images)'
run 0 eval tiny.py random:1 --data val --out run --fresh --quiet
run 0 metric imagenet run/results.txt val --real-labels real.json --json metric.json --quiet
is "$(grep -o '"real": [0-9.]*' metric.json)" "$(grep -o '"real": [0-9.]*' real_scores.json)" 'ReaL by eval and by metric'
is "$(grep -o '"top1": [0-9.]*' metric.json | head -n 1)" "$(grep -o '"top1": [0-9.]*' real_scores.json | head -n 1)" 'top-1'

# ---- eval: a list, and pictures that are not there --------------------------------------------------------------------------

printf 'n02/1.jpg 1\nn03/2.jpg 2\n' >list.txt
run 0 eval tiny.py random:1 --set data.test.data_prefix=val --set data.test.ann_file=list.txt --json - --quiet
is "$(grep -o '"images": [0-9]*' out | head -n 1)" '"images": 2' 'pictures of the list'
printf 'n02/1.jpg 1\nn03/2.jpg 3\n' >list.txt
run 1 eval tiny.py random:1 --set data.test.data_prefix=val --set data.test.ann_file=list.txt --quiet
says 'want a label in 0..2'
printf 'n02/1.jpg\nn03/2.jpg 2\n' >list.txt
run 1 eval tiny.py random:1 --set data.test.data_prefix=val --set data.test.ann_file=list.txt --quiet
says "'n02/1.jpg': want a path and a label, or a path that begins with a class"
run 0 eval "$root/configs/classification/resnet18_224.py" random --data val --set backbone.num_classes=3 --limit 1 --quiet

# ---- eval: pictures in no folder, with a list beside them -------------------------------------------------------------------

of_picture() { grep "$1\"" run/results.topk.json | grep -o '"label": [0-9]*'; }
mkdir -p flat/val
for i in 1 2 3; do cp "$images/420.jpg" "flat/val/ILSVRC2012_val_0000000$i.JPEG"; done
printf '1\n0\n2\n' >labels.txt
run 0 eval tiny.py random:1 --set data.test.data_prefix=flat/val --set data.test.ann_file=labels.txt --out run --fresh --quiet
is "$(of_picture 00000001.JPEG) $(of_picture 00000002.JPEG)" '"label": 1 "label": 0' 'labels in the order of the names'
printf '1\n0\n' >labels.txt
run 1 eval tiny.py random:1 --set data.test.data_prefix=flat/val --set data.test.ann_file=labels.txt --quiet
says 'labels.txt has 2 labels, and flat/val 3 pictures: want one for each'
run 1 eval tiny.py random:1 --set data.test.data_prefix=flat/val --quiet && says 'or a list of pictures and labels as data.test.ann_file'
printf 'ILSVRC2012_val_00000001.JPEG 1\nILSVRC2012_val_00000003.JPEG\t2 \n' >flat/val.txt
for dir in flat flat/val flat/val/; do
    run 0 eval tiny.py random:1 --data $dir --out run --fresh
    says "$dir: pictures with a list of their classes, 2 pictures of 3 classes"
    is "$(grep -c 'val.txt' err)" 1 'lines that name the list'
    is "$(of_picture 00000003.JPEG)" '"label": 2' "label by the list beside $dir"
done
mv flat/val.txt flat/val_map.txt
run 0 eval tiny.py random:1 --data flat --quiet && prints 'of 2 images'
rm flat/val_map.txt

# The first three labels of ImageNet's devkit, a sea snake, an alp and a Shetland sheepdog, are 65, 970 and 230 elsewhere.
resnet="$root/configs/classification/resnet18_224.py"
mkdir -p flat/ILSVRC2012_devkit_t12/data
devkit=flat/ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt
printf '490\n361\n171\n822\n' >$devkit
run 0 eval "$resnet" random:1 --data flat --out run --fresh --quiet
is "$(of_picture 00000001.JPEG) $(of_picture 00000002.JPEG) $(of_picture 00000003.JPEG)" '"label": 65 "label": 970 "label": 230' 'labels of the devkit'
grep -q '"sea snake", ' run/results.topk.json || fail 'the classes of the devkit have no names'
run 1 eval tiny.py random:1 --data flat --quiet && says 'its labels are of the 1000 classes of ImageNet, and the config has 3'
printf '490\n361\n' >$devkit
run 1 eval "$resnet" random:1 --data flat --quiet && says 'has 2 labels, and none for ILSVRC2012_val_00000003.JPEG'
printf '490\n361\n0\n' >$devkit
run 1 eval "$resnet" random:1 --data flat --quiet && says "'0': want a label in 1..1000"
rm $devkit
printf 'ILSVRC2012_val_00000001.JPEG 65\n' >flat/val.txt
run 0 eval "$resnet" random:1 --data flat --out run --fresh --quiet && grep -q '"sea snake", ' run/results.topk.json || fail 'unnamed classes are not called as the network calls them'
printf 'ILSVRC2012_val_00000001.JPEG 1000\n' >flat/val.txt
run 1 eval "$resnet" random:1 --data flat --quiet && says 'has 1001 classes and the network 1000'

# ---- names from a file --------------------------------------------------------------------------------------------------------

printf 'ant\nbee\nfly\n' >names.txt
printf 'n02219486 ant\nn02206856 bee\nn02190166 fly\n' >synset_words.txt
echo '{"2": "fly", "0": "ant", "1": "bee"}' >dict.json
echo '{"0": ["n02219486", "ant"], "1": ["n02206856", "bee"], "2": ["n02190166", "fly"]}' >keras.json
echo '{"model_type": "resnet", "size": [1, {"0": "no"}], "id2label": {"0": "ant", "1": "bee", "2": "fly"}}' >config.json
echo '["ant", "bee", "fly"]' >list.json
for names in names.txt synset_words.txt dict.json keras.json config.json list.json; do
    run 0 predict tiny.py random:1 "$images/420.jpg" --names $names --quiet
    is "$(cut -f2 out | sort | tr '\n' ' ')" 'ant bee fly ' "names of $names"
    run 0 predict tiny.py random:1 "$images/420.jpg" --set data.test.classes=$names --quiet
    is "$(cut -f2 out | sort | tr '\n' ' ')" 'ant bee fly ' "names of $names as classes of the config"
done
mkdir -p insects/fly insects/ant
cp "$images/420.jpg" insects/fly/1.jpg
cp "$images/420.jpg" insects/ant/2.jpg
run 0 eval tiny.py random:1 --data insects --names names.txt --out run --fresh --per-class --quiet
is "$(of_picture fly/1.jpg) $(of_picture ant/2.jpg)" '"label": 2 "label": 0' 'labels by the names of --names'
prints ' bee '
names_fail() { echo "$1" >bad.json; run 1 predict tiny.py random:1 "$images/420.jpg" --names bad.json --quiet && says "$2"; }
names_fail '["ant", "bee"]' 'bad.json has 2 names, and the network 3 classes: want one for each'
names_fail '{"0": "ant", "2": "fly"}' 'no name for label 1, and one for label 2'
names_fail '{"0": {}}' 'want a list of names, or {"0": NAME, ...}'
names_fail '[1]' 'want a list of names, or {"0": NAME, ...}'
names_fail '{}' 'no class: want a list of names'
names_fail '{"-1": "ant"}' 'label -1: want 0 to'
names_fail '{"0": []}' 'want a list of names, or {"0": NAME, ...}'
run 2 eval "$config" random:1 --names names.txt --quiet && says '--names is for classifiers: want --set data.test.classes=names.txt'

run 1 eval tiny.py random --quiet && says 'want the folder of its pictures, or --data DIR'
echo nothing >val/n01/3.jpg
run 1 eval tiny.py random:1 --data val --quiet && says 'want all, or --skip-unreadable'
run 1 eval tiny.py random:1 --data val --skip-unreadable --json - --quiet
grep -q '"unreadable": 1' out || fail 'does not say that a picture was not read'
finish
