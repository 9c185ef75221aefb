#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# eval.sh PROGRAM ROOT -- an evaluation, whole and in every kind of pieces: the results have the same bits.
. "${0%/*}/lib.sh"

run 0 synth data --images 16 --val 16 --coco --quiet
run 0 init "$config" w.safetensors --seed 1 --quiet
evaluate() { want=$1; shift; run "$want" eval "$config" w.safetensors --data data --quiet --set model.test_cfg.score_thr=0.005 "$@"; }

evaluate 0 --out whole --json whole.json --per-class
cp out whole.txt
prints 'Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ]'
is "$(grep -o '"stats": \[[^]]*\]' whole.json | tr ',' '\n' | wc -l)" 12 'numbers in stats'
is "$(wc -l <whole/results.jsonl)" 17 'lines of the journal'
grep -q '"score"' whole/results.bbox.json || fail 'nothing was detected'

evaluate 0 --out one --threads 1 --json one.json --per-class
same out whole.txt && same one.json whole.json && same one/results.bbox.json whole/results.bbox.json
evaluate 0 --threads 3 --json - && same out whole.json

# What the config names is read: no output goes there.
labels=$PWD/data/annotations/instances_val2017.json
cp "$labels" labels.json
evaluate 2 --json "$labels" && says "--json $labels: this file is data of data: want another place"
evaluate 2 --json data/annotations/../annotations/instances_val2017.json && says 'this file is data of data'
mkdir -p alone/annotations && cp -r data/val2017 alone/images && cp "$labels" alone/annotations/all.json
run 2 eval "$config" w.safetensors --data alone --json alone/annotations/all.json && says 'this file is data of alone'
run 2 eval "$config" w.safetensors --data alone --json alone/images/000000000001.jpg && says 'this file is data of alone'
same alone/annotations/all.json "$labels"
run 2 info "$config" --set data.test.ann_file="$labels" --json "$labels" && says "--set: key 'data.test.ann_file': --json $labels: "
run 2 info "$config" --set data.test.data_root=data --set data.test.ann_file=annotations/instances_val2017.json --json "$labels" &&
    says "--set: key 'data.test.ann_file'"
run 2 info "$config" --set data.test.img_prefix=data/val2017 --json data/val2017/000000000001.jpg &&
    says "--set: key 'data.test.img_prefix': --json data/val2017/000000000001.jpg: the config names this file"
printf '_base_ = ["base.py"]\n' >derived.py
sed "s|'\.\./_base_|'$root/configs/_base_|g" "$config" >base.py
run 2 info derived.py --json base.py && says '--json base.py: the config is read from this file'
run 2 init derived.py base.py && says 'OUT base.py: the config is read from this file'
run 2 convert w.safetensors ./w.safetensors && says 'OUT ./w.safetensors: this file is read'
same "$labels" labels.json

# Stopped by Ctrl-C, and resumed.
begin eval "$config" w.safetensors --data data --quiet --set model.test_cfg.score_thr=0.005 --out stopped --threads 1
await has_lines stopped/results.jsonl 2
end TERM # a shell keeps Ctrl-C from what runs in its background
if [ $status -ne 0 ]; then # it may be done before
    is $status 1 'stopped'
    says ' of 16 images; the same command continues from there'
    [ ! -e stopped/results.bbox.json ] || fail 'a stopped run leaves results.bbox.json'
fi
evaluate 0 --out stopped --per-class
same out whole.txt && same stopped/results.bbox.json whole/results.bbox.json

# The journal ends in the middle of a line.
# What kill -9 leaves under a temporary name goes; another name is nobody's business.
mkdir cut
head -c $(($(wc -c <whole/results.jsonl) - 77)) whole/results.jsonl >cut/results.jsonl
echo half >cut/results.bbox.json.tmp-0123456789abcdef
echo mine >cut/notes.tmp-old
evaluate 0 --out cut --per-class
[ ! -e cut/results.bbox.json.tmp-0123456789abcdef ] && [ -e cut/notes.tmp-old ] || fail 'other files than those of a killed run are removed'
rm cut/notes.tmp-old
same out whole.txt && same cut/results.bbox.json whole/results.bbox.json && same cut/results.jsonl whole/results.jsonl

# In shards, put together; and the shards of one folder.
for i in 1 2 3; do evaluate 0 --out shard$i --shard $i/3; done
run 0 metric coco data/annotations/instances_val2017.json shard1/results.bbox.json shard2/results.bbox.json shard3/results.bbox.json --per-class
same out whole.txt
for i in 2 1; do evaluate 0 --out both --shard $i/2; done
evaluate 0 --out both --per-class && same out whole.txt && same both/results.bbox.json whole/results.bbox.json
evaluate 0 --out part --limit 5
is "$(wc -l <part/results.jsonl)" 6 'lines with --limit 5'
cp -r part part5
evaluate 0 --out part --per-class && same out whole.txt
evaluate 1 --limit 3 --shard 4/4 && says '16 images, none of them in this shard'

# Only the same goes on.
for other in model.test_cfg.nms.iou_threshold=0.6 "data.test.pipeline.1.img_scale=(256, 160)"; do
    evaluate 1 --out whole --set "$other" && says 'whole/results.jsonl holds results of a config with other settings'
done
run 1 eval "$config" random:2 --data data --quiet --set model.test_cfg.score_thr=0.005 --out whole && says 'holds results of other weights'
run 0 synth other --images 4 --val 4 --coco --seed 3 --quiet
run 1 eval "$config" w.safetensors --data other --quiet --set model.test_cfg.score_thr=0.005 --out whole && says 'other images or classes'
run 0 convert w.safetensors w.pth --quiet
run 0 eval "$config" w.pth --data data --quiet --set model.test_cfg.score_thr=0.005 --out whole --per-class && same out whole.txt
echo 'not a journal' >cut/results.jsonl
evaluate 1 --out cut && says 'cut/results.jsonl: the first line does not describe a run'
evaluate 0 --out cut --fresh --per-class && same out whole.txt && same cut/results.bbox.json whole/results.bbox.json
sed '3s/\[/{/g' whole/results.jsonl >cut/results.jsonl
evaluate 1 --out cut && says 'is damaged: use --fresh to begin again'

# Closed standard streams give their numbers to no file: what is said does not stand among the results.
for closed in '<&-' '>&-' '2>&-'; do
    rm -rf streams
    eval "\"$program\" eval \"$config\" w.safetensors --data data --limit 2 --out streams >out 2>err $closed"
    is "$(grep -vc '^{' streams/results.jsonl)" 0 "lines in the results that are none, with $closed"
    is "$(wc -l <streams/results.jsonl)" 3 "lines in the results, with $closed"
done

# Pictures that cannot be read.
cp -r data broken
head -c 2000 data/val2017/000000000002.jpg >broken/val2017/000000000002.jpg
: >broken/val2017/000000000003.jpg
rm broken/val2017/000000000004.jpg
run 1 eval "$config" w.safetensors --data broken --quiet --out refused --json refused.json
says '2 of 16 pictures cannot be read, the first: broken/val2017/000000000003.jpg'
[ ! -e refused.json ] || fail 'scores of a set that is not whole'
run 1 eval "$config" w.safetensors --data broken --skip-unreadable --quiet --out missing --json missing.json
grep -q 'broken/val2017/000000000002.jpg: damaged or truncated JPEG' err || fail 'does not say which picture is damaged'
grep -q '3 of 16 images could not be read and count as images without detections' err || fail 'does not count them'
grep -q '3 of 16 images could not be read, so these are not the scores of the whole set' err || fail 'does not say why it fails'
grep -q '^ "unreadable": 3}' missing.json || fail 'does not say so in the JSON'
is "$(wc -l <missing/results.jsonl)" 14 'lines without the unreadable images'
cp data/val2017/* broken/val2017/
run 0 eval "$config" w.safetensors --data broken --quiet --out missing
is "$(wc -c <err)" 0 'bytes said when the images are back'
is "$(wc -l <missing/results.jsonl)" 17 'lines when the images are back'
rm broken/val2017/*
run 1 eval "$config" w.safetensors --data broken --quiet && says '16 of 16 pictures cannot be read'
run 1 eval "$config" w.safetensors --data broken --quiet --skip-unreadable
grep -q 'none of 16 images could be read' err || fail 'does not say that nothing could be read'

# What cannot be scored is known before the first picture; images that are not asked for do not matter.
for key in area iscrowd; do
    cp -r data late
    sed "s/\"$key\": [0-9.]*, //g" data/annotations/instances_val2017.json >late/annotations/instances_val2017.json
    run 1 eval "$config" w.safetensors --data late --quiet --out late_$key && says "has no $key, which scores need"
    is "$(wc -l <late_$key/results.jsonl)" 1 "lines of a run without $key"
    rm -rf late
done

# Results of some images are compared on these alone.
truth=data/annotations/instances_val2017.json
run 0 compare whole part5 --gt "$truth" --bootstrap 100
grep -q '5 of the 16 images of data/annotations/instances_val2017.json are compared' err || fail 'does not say how many images are compared'
prints '100 bootstrap samples of 5 images'
run 0 eval "$config" w.safetensors --data data --quiet --set model.test_cfg.score_thr=0.005 --limit 5 --json five.json
ap=$(grep -o '"stats": \[[^,]*' five.json | cut -d'[' -f2)
run 0 compare whole part5 --gt "$truth" --bootstrap 0 --json five_compared.json
is "$(grep -o '"ap": {"value": [^,]*' five_compared.json | head -n 1 | cut -d' ' -f3)" "$ap" 'AP of five images'

# The data does not fit the config.
evaluate 1 --set 'data.test.classes=("RBC", "WBC", "Platelets")' --set model.bbox_head.num_classes=3 && says "none of its 80 categories is called 'RBC'"
evaluate 1 --set 'data.test.classes=("cat", "dog")' && says 'has 2 classes and the head 80'
run 1 eval "$config" w.safetensors --data nowhere && says 'nowhere: no such folder'
run 1 eval "$config" w.safetensors && says 'data/coco/annotations/instances_val2017.json: No such file'
run 1 eval "$root/configs/classification/swin_tiny_224.py" random && says 'eval wants'
evaluate 1 --json nowhere/x.json && says 'nowhere/x.json: cannot be written'

# What mmengine's test_evaluator says in vain.
sed -e "s|^_base_.*|_base_ = '$root/configs/demo/retinanet_dat_nano.py'|" >evaluator.py <<EOF
_base_ = ''
test_evaluator = dict(type='CocoMetric', ann_file='other.json', metric=['bbox', 'proposal'], format_only=True, proposal_nums=[300])
EOF
run 0 eval evaluator.py random:1 --data data --limit 1
grep -q "eval does not do all that test_evaluator in the config says: no metric proposal; format_only=True: .*; proposal_nums is not used$" err ||
    fail 'does not warn of what test_evaluator says in vain'
sed -i "s/type='CocoMetric'.*/type='MineMetric')/" evaluator.py
run 0 eval evaluator.py random:1 --data data --limit 1
grep -q 'no metric MineMetric$' err || fail 'does not warn of a metric that there is not'
evaluate 0 --limit 1 --set 'evaluation.iou_thrs=[0.5]'
grep -q "evaluation in the config says: iou_thrs is not used" err || fail 'does not warn of thresholds that are not used'
finish
