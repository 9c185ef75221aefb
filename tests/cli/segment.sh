# SPDX-License-Identifier: Apache-2.0
#
# deformer eval and predict of a segmentor: tables and files, stopped and resumed runs, label files that are wrong.
. "$(dirname "$0")/lib.sh"
config=$root/configs/demo/upernet_dat_nano.py
data=$root/tests/data/segmentation

# ---- eval: its label maps score as it says -----------------------------------------------------------------------------
run 0 eval "$config" random:1 --data "$data" --out maps --json scores.json --quiet
prints ' brick '
prints 'mIoU'
[ -f maps/a.png ] && [ -f maps/b.png ] && [ -f maps/deep/c.png ] || fail "writes no maps"
tail -n 1 out >table
run 0 metric ade20k "$data/labels" maps --num-classes 4 --quiet
tail -n 1 out | awk '{ $1 = $1; print }' >again
awk '{ $1 = $1; print }' table >first
same first again
run 0 eval "$config" random:1 --data "$data" --json - --quiet
same out scores.json

# ---- resumed: what is there is counted, not made again -----------------------------------------------------------------
rm maps/b.png
touch -d 2001-01-01 maps/a.png
run 0 eval "$config" random:1 --data "$data" --out maps --json resumed.json
says '2 images are already done'
same resumed.json scores.json
[ maps/b.png -nt maps/a.png ] || fail "makes a map again"
run 1 eval "$config" random:2 --data "$data" --out maps --quiet
says 'maps/run.json is from a run with other settings, weights or data'
run 0 eval "$config" random:2 --data "$data" --out maps --fresh --quiet
mkdir stray
cp maps/a.png stray
for i in 1 2; do
    run 1 eval "$config" random:1 --data "$data" --out stray --quiet
    says 'stray/a.png already exists and is not from a known run'
done

# ---- one run at a time in a folder ---------------------------------------------------------------------------------------
if command -v flock >lock; then
    command="eval into a folder that is in use"
    status=0
    flock maps "$program" eval "$config" random:1 --data "$data" --out maps --quiet >out 2>err || status=$?
    is "$status" 1 'exit status'
    says 'maps: another run is writing to it: give each run its own --out'
fi

# ---- a picture that is not readable ------------------------------------------------------------------------------------
rm -rf other
cp -r "$data" other
echo text >other/images/a.png
run 1 eval "$config" random:1 --data other --quiet && says '1 of 3 pictures cannot be read, the first: other/images/a.png'
run 1 eval "$config" random:1 --data other --json other.json --quiet --skip-unreadable
grep -q '1 of 3 images could not be read, so these are not the scores' err || fail 'does not say why it fails'
grep -q '"unreadable": 1}' other.json || fail 'does not say so in the JSON'

# ---- counted from one ---------------------------------------------------------------------------------------------------
run 0 eval "$config" random:1 --data "$data" --out ones --from-one --json ones.json --quiet
same ones.json scores.json
run 0 metric ade20k "$data/labels" ones --num-classes 5 --no-reduce-zero-label --ignore-index 0 --quiet
rm ones/b.png
run 0 eval "$config" random:1 --data "$data" --out ones --from-one --json resumed.json --quiet
same resumed.json scores.json

# ---- parts and views ------------------------------------------------------------------------------------------------------
run 0 eval "$config" random:1 --data "$data" --out half --shard 2/2 --quiet
[ -f half/b.png ] && [ ! -f half/a.png ] || fail "takes the wrong part"
run 0 eval "$config" random:1 --data "$data" --aug-test --limit 1 --quiet
run 0 eval "$config" random:1 --data "$data" --set "model.test_cfg=dict(mode='slide', crop_size=(32, 48), stride=(20, 30))" --quiet

# ---- label files that are wrong -------------------------------------------------------------------------------------------
wrong() {
    rm -rf other
    cp -r "$data" other
    cp "$data/wrong/$1.png" other/labels/a.png
    run 1 eval "$config" random:1 --data other --quiet
    says "other/labels/a.png$2"
}
wrong size ' is 63 x 48 and other/images/a.png is 64 x 48'
wrong colour ': a PNG of colour type 2'
cp "$data/wrong/deep16.png" other/labels/a.png # read as Pillow reads it
run 0 eval "$config" random:1 --data other --quiet
cp "$data/wrong/outside.png" other/labels/a.png
run 0 eval "$config" random:1 --data other --quiet
says 'other/labels/a.png has labels outside 0..3'
echo text >other/labels/a.png
run 1 eval "$config" random:1 --data other --quiet
says 'other/labels/a.png: not a PNG, BMP or TIFF file'
rm other/labels/a.png
run 1 eval "$config" random:1 --data other --quiet
says 'other/labels/a.png does not exist: want a label map for other/images/a.png'
run 1 eval "$config" random:1 --data other --set data.test.ann_dir=None --quiet
says 'has no ann_dir, so there is nothing to score'
run 1 eval "$config" random:1 --data "$data" --set data.test.type=CustomDatset --quiet
says "did you mean 'CustomDataset'?"
run 1 eval "$config" random:1 --data "$data" --set 'data.test.classes=["a", "b"]' --set data.test.palette=None --quiet
says 'has 2 classes and the head 4'

# ---- a list of names --------------------------------------------------------------------------------------------------------
rm -rf other
cp -r "$data" other
printf 'deep/c\na\n' >other/split.txt
run 0 eval "$config" random:1 --data other --set data.test.split=split.txt --out listed --quiet
[ -f listed/deep/c.png ] && [ -f listed/a.png ] && [ ! -f listed/b.png ] || fail "does not take the list"

# ---- nothing outside --out ----------------------------------------------------------------------------------------------------
cp other/images/a.png other/escaped.png && cp other/labels/a.png other/escaped-label.png
for name in ../escaped "$PWD/other/images/a" deep/../../escaped link/c; do
    rm -rf confined other/images/link other/labels/link && mkdir confined
    ln -s deep other/images/link && ln -s deep other/labels/link && ln -s ../elsewhere confined/link && mkdir -p elsewhere
    printf 'a\n%s\n' "$name" >other/split.txt
    run 1 eval "$config" random:1 --data other --set data.test.split=split.txt --set data.test.ann_dir=None --out confined --quiet
    says "other/split.txt: '$name"
    is "$(find confined elsewhere -type f)" "" "writes"
done
printf 'a\000\nb\n' >other/split.txt
run 1 eval "$config" random:1 --data other --set data.test.split=split.txt --quiet
says 'a zero byte: want text'

# ---- predict ----------------------------------------------------------------------------------------------------------------
run 0 predict "$config" random:1 "$data/images/a.png" --out drawn --json found.json --quiet
prints "$data/images/a.png	brick	"
grep -q '"height": 48, "width": 64, "classes": \[{"id": ' found.json || fail "writes no classes"
[ -f drawn/a.png ] && [ -f drawn/labels/a.png ] || fail "draws nothing"
rm -rf maps
run 0 eval "$config" random:1 --data "$data" --out maps --quiet
same drawn/labels/a.png maps/a.png

finish
