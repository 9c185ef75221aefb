#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# metrics.sh PROGRAM ROOT -- metric ade20k, imagenet and check, the page of metric coco --explain, and compare.
. "${0%/*}/lib.sh"
data=$root/tests/data/eval

# The numbers come from mmseg (Swin-Transformer-Semantic-Segmentation): aAcc 0.65358730841046, mIoU 0.34982326283426, mAcc 0.64048301572503.
run 0 metric ade20k "$data/labels/gt" "$data/labels/pred" && prints '65.36      34.98      64.05'
run 0 metric ade20k "$data/labels/gt" "$data/labels/pred" --threads 1 --json one.json --boundary --confusion
run 0 metric ade20k "$data/labels/gt" "$data/labels/pred" --threads 3 --json three.json --boundary --confusion
same one.json three.json
grep -q '"mIoU": 0.34982326283426' one.json || fail 'the mIoU in the JSON is another'
mkdir half && cp "$data/labels/pred/000.png" "$data/labels/pred/001.png" half
run 0 metric ade20k "$data/labels/gt" half "$data/labels/pred" --json three.json --boundary --confusion && same one.json three.json
says '2 predictions are in several folders: only those of the first folder count'
run 0 metric ade20k "$data/labels/gt" "$data/labels/pred" --explain page.html --per-image images.json --quiet
grep -q '<b>35.0</b><span>mIoU' page.html && grep -q '</html>' page.html || fail 'the page has another mIoU'
grep -qE '<script|https?:|src=' page.html && fail 'the page loads something'
[ "$(grep -c '"areas"' images.json)" = 4 ] || fail 'not every image has its scores'
mkdir few && cp "$data/labels/pred/000.png" few
run 1 metric ade20k "$data/labels/gt" few --quiet && says 'few/001.png does not exist: want a prediction for'
cp few/000.png few/001.png && cp few/000.png few/002.png && printf 'no picture' >few/003.png
run 1 metric ade20k "$data/labels/gt" few --quiet --threads 1
run 1 metric ade20k few nowhere --quiet && says 'does not exist'
run 1 metric ade20k "$data/labels" few --gt-suffix .jpg && says 'no file ends in .jpg'
run 2 metric ade20k "$data/labels/gt" && says 'metric ade20k GT_DIR PRED_DIR...'

# The types of COCO's family beside boxes and masks (tests/scripts/make_coco_types.py), by any number of threads.
run 0 metric coco "$data/keypoints.gt.json" "$data/keypoints.dt.json" --type keypoints --threads 1 --json one.json --dump one.safetensors
prints '(AP) @[ IoU=0.50:0.95 | area=   all | maxDets= 20 ] = 0.145'
run 0 metric coco "$data/keypoints.gt.json" "$data/keypoints.dt.json" --type keypoints --threads 3 --json three.json --dump three.safetensors
same one.json three.json && same one.safetensors three.safetensors
run 1 metric coco "$data/keypoints.gt.json" "$data/keypoints.dt.json" --type keypoints --crowdpose && says 'and there are sigmas for 14'
run 0 metric coco "$data/crowdpose.gt.json" "$data/crowdpose.dt.json" --type keypoints && prints '| type=  easy | maxDets= 20 ] = 0.317'
run 0 metric coco "$data/boundary.gt.json" "$data/boundary.dt.json" --type segm,boundary --json one.json --threads 1
run 0 metric coco "$data/boundary.gt.json" "$data/boundary.dt.json" --type boundary --json two.json --boundary-ratio 0.02
grep -q '"boundary": {"stats": \[0.33933109382366805, ' one.json && grep -q '{"boundary": {"stats": \[0.33933109382366805, ' two.json ||
    fail 'Boundary AP is another'
run 0 metric coco "$data/obb.gt.json" "$data/obb.dt.json" --type obb --max-dets 1,10,300 --f1 --per-class --json one.json
prints 'area=   all | maxDets=300 ] = 0.140' && prints 'F1: the best of the curve'
grep -q '"ap_at": {"1": .*, "300": 0.14006716056221008}' one.json || fail 'the JSON has no AP at 300 detections'
run 1 metric coco "$data/obb.gt.json" "$data/obb.dt.json" && says 'have an obb and no bbox'
run 2 metric coco "$data/obb.gt.json" "$data/obb.dt.json" --type obb --explain page.html && says 'want bbox or segm in --type'

# No command writes over what it reads, under whatever name, and no two of its outputs are one file.
cp "$data/obb.gt.json" gt.json && cp "$data/obb.dt.json" dt.json && ln -s gt.json link.json
run 2 metric coco gt.json dt.json --type obb --json ./gt.json && says '--json ./gt.json: this file is read: want another place'
run 2 metric coco gt.json dt.json --type obb --dump link.json && says '--dump link.json: this file is read'
run 2 metric coco gt.json dt.json --type obb --json x.json --dump x.json && says '--json and --dump both write x.json: want a file for each'
run 2 compare --gt gt.json a=dt.json dt.json --json gt.json && says '--json gt.json: --gt reads this file'
run 2 compare --gt gt.json a=dt.json b=dt.json --markdown dt.json && says '--markdown dt.json: this file is read'
same gt.json "$data/obb.gt.json"
run 0 metric coco gt.json dt.json --type obb --json /dev/null --quiet

# The numbers come from panopticapi.
run 0 metric panoptic "$data/panoptic/gt.json" "$data/panoptic/dt.json" && prints 'All       |  44.6   66.4   57.0     6'
run 0 metric panoptic "$data/panoptic/gt.json" "$data/panoptic/dt.json" --per-class && prints '17 thing '
run 0 metric panoptic "$data/panoptic/gt.json" "$data/panoptic/gt" "$data/panoptic/dt.json" "$data/panoptic/dt" --json one.json --threads 1
run 0 metric panoptic "$data/panoptic/gt.json" "$data/panoptic/dt.json" "$data/panoptic/dt.json" --pred-folder "$data/panoptic/dt" --json two.json
says '6 pictures are in several result files'
grep -v '"repeated"' two.json >two.cut && grep -v '"repeated"' one.json >one.cut && same one.cut two.cut
run 1 metric panoptic "$data/panoptic/gt.json" "$data/panoptic/dt.json" --pred-folder nowhere && says 'nowhere'
run 1 metric panoptic "$data/panoptic/gt.json" "$data/panoptic/dt.json" --pred-folder "$data/labels/gt" && says 'labels/gt/0.png: No such file'
run 2 metric panoptic "$data/panoptic/gt.json" && says 'metric panoptic GT.json'

# The numbers come from cityscapesscripts.
run 0 metric cityscapes "$data/cityscapes/gt" "$data/cityscapes/pred" --json one.json --threads 1 && prints 'average        :          0.123          0.242'
run 0 metric cityscapes "$data/cityscapes/gt" "$data/cityscapes/pred" --json two.json --threads 3 && same one.json two.json
grep -q '"ap": 0.122869268077601' one.json || fail 'the AP of instances in the JSON is another'
run 0 metric cityscapes "$data/cityscapes/gt" "$data/cityscapes/pred" "$data/cityscapes/pred" --json two.json && same one.json two.json
says '3 texts are in several folders: only those of the first folder count'
run 1 metric cityscapes "$data/cityscapes/gt" "$data/labels" && says 'has no text town_000001_000396*.txt'
run 1 metric cityscapes "$data/labels" "$data/cityscapes/pred" && says 'no file ends in _instanceIds.png'

# Shards of one run: an image counts once.
run 0 metric coco "$data/explain.gt.json" "$data/explain.dt.json" --json one.json
run 0 metric coco "$data/explain.gt.json" "$data/explain.dt.json" "$data/explain.dt.json" --json two.json
says 'images are in several result files: only the first file counts'
grep -q '"repeated": {"images": [1-9]' two.json || fail 'the JSON says nothing of repeated images'
grep -v '"repeated"' two.json >two.cut && sed 's/}}$/},/' one.json >one.cut && same one.cut two.cut

mkdir -p tree/a tree/a-b && touch tree/a/1.jpg tree/a/2.jpg tree/a-b/3.jpg
printf '1.jpg a\n2.jpg a-b a\na-b/3.jpg 1\n' >list.txt
run 0 metric imagenet list.txt tree && prints 'top-1 66.667   top-5 100.000'
printf '[[0], [1], []]' >real.json
run 0 metric imagenet list.txt tree --real-labels real.json && prints 'real labels 100.000 of 2'
printf '1.jpg a\n2.jpg b\n' >list.txt
run 1 metric imagenet list.txt tree && says "list.txt: line 2: 'b' is neither the name of a class folder nor a number from 0 to 1"

run 0 metric check "$data/explain.gt.json" "$data/explain.dt.json" && prints '0 errors'
sed 's/"id":1,/"id":2,/' "$data/explain.gt.json" >twice.json
run 1 metric check twice.json --json found.json && prints 'twice.json: line 1' && says 'would make a score wrong'
grep -q '_twice": ' found.json || fail 'no duplicate in the JSON'
sed 's/"iscrowd":0/"iscrowd":1/g' "$data/explain.gt.json" >crowds.json
run 0 metric coco crowds.json "$data/explain.dt.json" && says 'annotations are crowds (iscrowd 1)'
run 0 metric coco "$data/explain.gt.json" "$data/explain.dt.json" && ! grep -q 'lie on an object' err || fail 'advice without need'
run 0 metric check "$data/labels/gt" "$data/labels/gt" --no-reduce-zero-label --num-classes 151
run 1 metric check "$data/labels/gt" "$data/labels/gt" && prints 'pixels have the class of their label'
run 2 metric check "$data/labels/gt" && says 'want deformer metric check GT_DIR PRED_DIR'
run 0 synth drawn --images 3 --val 3 --coco --quiet
run 0 metric check drawn/annotations/instances_val2017.json --images drawn/val2017 && prints '0 errors'
sed 's/"width": *[0-9]*/"width": 77/' drawn/annotations/instances_val2017.json >sizes.json
run 1 metric check sizes.json --images drawn/val2017 --json found.json && prints 'and 77 x '
grep -q '"code": "image_size", "file": "sizes.json", "line": [1-9]' found.json || fail 'no image_size with its line'
rm drawn/val2017/000000000002.jpg
run 1 metric check drawn/annotations/instances_val2017.json --images drawn/val2017 && prints '000000000002.jpg: No such file'
run 1 metric check list.txt && says 'list.txt'

run 0 metric coco "$data/explain.gt.json" "$data/explain.dt.json" --explain page.html --json why.json
grep -q '"Cls": {"count": 15, "dap": 0.0478236736194' why.json || fail 'the cost of wrong classes is another'
grep -q '</html>' page.html || fail 'the page has no end'
grep -qE '<script|https?:|src=' page.html && fail 'the page loads something'

run 0 metric coco "$data/explain.gt.json" "$data/explain.dt.json" --explain page.html --slice width,height --slice file_name --json why.json
for key in area aspect crowding 'objects in the image' width height file_name; do grep -q "{\"key\": \"$key\"" why.json || fail "no slices by $key"; done
grep -q '"label_errors": \[' why.json && grep -q 'Likely errors of the labels' page.html || fail 'no likely errors of the labels'
run 1 metric coco "$data/explain.gt.json" "$data/explain.dt.json" --explain page.html --slice weather && says "no image has the key 'weather': want one of"
run 2 metric coco "$data/explain.gt.json" "$data/explain.dt.json" --explain page.html --slice a,,b && says '--slice a,,b: want'
run 0 metric coco "$data/explain_masks.gt.json" "$data/explain_masks.dt.json" --type segm --explain page.html --json why.json
grep -q '"explain": {"type": "segm", "tide": {"ap50": 0.269424688896' why.json || fail 'another AP50 of masks'
grep -q '</html>' page.html || fail 'the page of masks has no end'
run 2 metric coco "$data/explain.gt.json" "$data/explain.dt.json" --type proposal --explain page.html && says 'want bbox or segm'

run 0 metric lvis "$data/lvis.gt.json" "$data/lvis.dt.json" --per-class --json lvis.json && prints 'area=   all | maxDets=300 catIds=  r] = 0.'
grep -q '"APr": 0.*"AR@300": 0' lvis.json || fail 'no scores of LVIS in the JSON'
run 0 metric lvis "$data/lvis.gt.json" "$data/lvis.dt.json" --fixed-ap --dump lvis.safetensors && prints 'maxDets= -1 catIds=all'
run 2 metric lvis "$data/lvis.gt.json" "$data/lvis.dt.json" --max-dets 0 && says 'want a whole number from 1 on, or -1 for all'
run 2 metric lvis "$data/lvis.gt.json" "$data/lvis.dt.json" --type proposal && says 'want bbox, segm or boundary'
run 2 metric lvis "$data/lvis.gt.json" "$data/lvis.dt.json" --type bbox,obb && says 'want bbox, segm or boundary'
run 0 metric lvis "$data/lvis.gt.json" "$data/lvis.dt.json" --type segm,boundary --f1 && prints 'maxDets=300 catIds=  r] = '
run 2 metric lvis "$data/lvis.gt.json" "$data/lvis.dt.json" --no-cats && says 'lvis has no --no-cats, which is for coco'
run 2 metric coco "$data/explain.gt.json" "$data/explain.dt.json" --confusion && says 'coco has no --confusion, which is for ade20k'
run 2 metric panoptic a.json b.json --iou-thrs 0.5 && says 'panoptic has no --iou-thrs, which is for coco, lvis, voc, dota and openimages'
run 1 metric lvis "$data/explain.gt.json" "$data/explain.dt.json" && says "want LVIS's annotations"

run 0 metric voc "$data/devkit/voc/labels" "$data/devkit/voc/results" --per-class --json voc.json && prints 'class sofa has no object that counts'
grep -q '"name": "dog".*"voc12": {"0.5": 0.50892857142857' voc.json || fail 'another AP by the devkit of VOC'
head -n 4 "$data/devkit/voc/pictures.txt" >set.txt
run 1 metric voc "$data/devkit/voc/labels" "$data/devkit/voc/results" --image-set set.txt && says 'among the 4 that are scored'
run 0 metric dota "$data/devkit/dota/labels" "$data/devkit/dota/results" --image-set "$data/devkit/dota/pictures.txt" --iou-thrs 0.5,0.75 --threads 2 && prints 'mAP, 07'
run 1 metric dota "$data/devkit/dota/labels" "$data/devkit/voc/results" && says 'want a picture, a score and 8 coordinates'
run 1 metric voc "$data/devkit/dota/labels" "$data/devkit/voc/results" && says 'no file ends in .xml'

oi=$data/openimages
run 0 metric openimages "$oi/boxes.csv" "$oi/predictions.csv" --labels "$oi/labels.csv" --hierarchy "$oi/hierarchy.json" --json oi.json --per-class && prints 'mAP at IoU 0.5  0.560   (challenge of boxes, groups count 1)'
grep -q '"name": "/m/pet".*"AP": 0.53835978835978' oi.json || fail 'another AP of Open Images'
run 0 metric openimages "$oi/boxes.csv" "$oi/masks.csv" --segments "$oi/segments.csv" --labels "$oi/labels.csv" --hierarchy "$oi/hierarchy.json" --threads 2 && prints '0.526'
run 0 metric openimages "$oi/boxes.csv" "$oi/predictions.csv" --v2 --iou-thrs 0.75 --json - && prints '"rule": "V2"'
printf '/m/dog,Dog\n/m/cat,"Cat, small"\n' >names.csv
run 1 metric openimages "$oi/boxes.csv" "$oi/predictions.csv" --class-names names.csv && says 'is not among the 2 classes'
: >none.csv
run 1 metric openimages "$oi/boxes.csv" "$oi/predictions.csv" --class-names none.csv && says 'none.csv: no class'
run 1 metric openimages "$oi/labels.csv" "$oi/predictions.csv" && says 'has no column XMin'
run 2 metric openimages "$oi/boxes.csv" "$oi/predictions.csv" --iou-thrs 0.5,0.75 && says 'want one number from 0 to 1'

run 2 compare "$data/explain.dt.json" && says 'want --gt GT.json'
run 0 compare --gt "$data/explain.gt.json" "$data/explain.dt.json" "$data/explain.dt.json" --bootstrap 50 && prints '+0.00 [+0.00 +0.00]'
run 0 compare --gt "$data/explain.gt.json" "$data/explain.dt.json" --json - --bootstrap 0 && prints '"replicates": 0'
clean
finish
