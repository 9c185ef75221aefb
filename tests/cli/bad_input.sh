#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# bad_input.sh PROGRAM ROOT -- missing, empty, cut and foreign files: one sentence that names the file, and nothing left behind.
. "${0%/*}/lib.sh"

run 0 synth data --images 2 --val 2 --coco --quiet
run 0 init "$config" w.safetensors --quiet
run 0 convert w.safetensors w.pth --quiet
picture=data/val2017/000000000001.jpg
size=$(wc -c <w.pth)
mkdir folder

# Configs.
with() { want=$1; file=$2; shift 2; run "$want" info "$file" --quiet "$@"; }
: >empty.py
: >empty.json
head -c 800 "$config" >cut.py
tail -c 100 $picture >noise.py
printf '{"model": {"type": "RetinaNet"' >cut.json
printf 'import os\nos.remove("x")\n' >code.py
printf '_base_ = "nowhere.py"\n' >base.py
printf '_base_ = "self.py"\n' >self.py
printf 'model = dict(type="RetinaNett")\n' >type.py
with 1 nowhere.py && says 'nowhere.py: No such file'
with 1 folder && says 'folder: want a config file that ends in .py, .json or .yaml'
with 1 empty.py && says "empty.py:1: has none of the keys 'model', 'args' and 'backbone'"
with 1 empty.json && says 'empty.json'
with 1 cut.py && says 'cut.py:'
with 1 noise.py && says 'noise.py'
with 1 cut.json && says 'cut.json'
with 1 code.py && says 'code.py:2: '
with 1 base.py && says 'nowhere.py: No such file'
with 1 self.py && says 'self.py'
with 1 type.py && says "did you mean 'RetinaNet'?"
with 1 "$config" --set 'model.backbone.depts=[1]' && says "did you mean 'depths'?"
with 1 "$config" --set foo && says '--set foo: want key=value'
with 1 "$config" --set modl.x=3 && says "did you mean 'model'?"
with 1 "$config" --set model.backbone.dim_stem=-4 && says 'dim_stem'
with 1 "$config" --set 'model.backbone.depths=[2, 2' && says "the text ends here, want ',' or ']'"
with 1 "$config" --set 'model.backbone.heads=[1, 2, 4]' && says 'heads'

# Checkpoints.
load() { run "$1" predict "$config" "$2" $picture --quiet; }
: >empty.pth
head -c $((size / 2)) w.pth >cut.pth
head -c 5000 w.safetensors >cut.safetensors
tail -c 5000 $picture >noise.pth
{ printf '\377\377\377\377\377\377\377\177'; head -c 100 /dev/zero; } >length.safetensors
{ head -c 3000 w.pth; head -c 200 /dev/zero; tail -c +3201 w.pth; } >damaged.pth
load 1 nowhere.pth && says 'nowhere.pth: No such file'
load 1 folder && says 'folder: is a directory'
load 1 empty.pth && says 'empty.pth: is empty'
load 1 cut.pth && says 'cut.pth: '
load 1 cut.safetensors && says 'cut.safetensors: '
load 1 length.safetensors && says 'length.safetensors'
load 1 noise.pth && says 'noise.pth: '
load 1 $picture && says 'is neither a .pth nor a .safetensors file'
run 2 list backbones --set a=1 && says '--set a=1: this command reads no config'
run 2 compare run_a run_b --set a=1 && says 'no config is read'
run 2 predict "$config" random:x $picture && says "checkpoint 'random:x': want random:SEED"
run 0 predict "$config" random:7 $picture --quiet
run 0 init "$config" other.pth --set model.backbone.dim_stem=24 --set 'model.backbone.dims=[24, 48, 96, 192]' --set 'model.neck.in_channels=[24, 48, 96, 192]' --quiet
run 1 predict "$config" other.pth $picture --quiet
grep -q '^deformer predict: other.pth: [0-9]* of 169 parameters have another shape.*is this a checkpoint of another model?$' err || fail 'does not count the keys'
run 0 init "$root/configs/classification/swin_tiny_224.py" swin.pth --quiet
run 1 predict "$config" swin.pth $picture --quiet
grep -q '^deformer predict: swin.pth: [0-9]* of 169 parameters are not in it' err || fail 'does not count the keys'
run 1 convert damaged.pth x.safetensors --quiet
[ ! -e x.safetensors ] || fail 'a damaged file was converted'
{ head -c $((size / 2)) w.pth; printf 'x'; tail -c +$((size / 2 + 2)) w.pth; } >one_byte.pth
run 1 convert one_byte.pth x.safetensors --quiet && says 'does not match its checksum'
[ ! -e x.safetensors ] || fail 'a file with one byte of another value was converted'

# Annotations and results.
gt=data/annotations/instances_val2017.json
metric() { run "$@" --quiet; }
: >empty.json
head -c 4000 $gt >cut.json
printf '[{"image_id": 77, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]' >other.json
printf '[{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3], "score": 0.5}]' >box.json
printf '{"a": 1}' >object.json
metric 1 metric coco nowhere.json other.json && says 'nowhere.json: No such file'
metric 1 metric coco empty.json other.json && says 'empty.json: '
metric 1 metric coco cut.json other.json && says 'cut.json: line '
metric 1 metric coco object.json other.json && says 'object.json: '
metric 1 metric coco folder other.json && says 'folder: '
metric 1 metric coco $gt nowhere.json && says 'nowhere.json: No such file'
metric 1 metric coco $gt empty.json && says 'empty.json: '
metric 1 metric coco $gt object.json && says 'object.json: line 1'
metric 1 metric coco $gt box.json && says 'box.json: line 1'
metric 1 metric coco $gt other.json && says "image_id 77 is not an image of $gt"
printf '[]' >none.json
metric 1 metric coco $gt none.json other.json && says 'other.json: '
mkdir -p cutdata/annotations cutdata/val2017
cp cut.json cutdata/annotations/instances_val2017.json
run 1 eval "$config" w.pth --data cutdata --quiet && says 'cutdata/annotations/instances_val2017.json: line '

# Outputs.
run 1 init "$config" nowhere/w.pth && says 'nowhere/w.pth: cannot be written: No such file'
run 1 init "$config" folder && says 'folder: '
run 1 init "$config" w.txt && says 'w.txt: want a name that ends in'
run 1 convert w.pth folder/w.bin --quiet && says 'want a name that ends in'
run 1 synth w.pth && says 'w.pth: cannot make the directory'
(ulimit -f 16 && "$program" init "$config" full.pth 2>err)
command='init with ulimit -f' status=1
says 'full.pth: cannot be written: File too large'
[ ! -e full.pth ] || fail 'a file that could not be finished is there'
begin synth stopped --images 100000 --val 100000 --coco --quiet
await [ -e stopped/val2017/000000000009.jpg ]
end TERM
is $status 143 'stopped'
clean
# A closed terminal ends it, too; nohup and the shell, which keeps Ctrl-C from what runs in the background, have it go on. It runs when
# its end of the pipe is open.
mkfifo waiting
heard() { # STATUS SIGNAL...
    want=$1
    shift
    exec 3>waiting
    for signal; do kill "-$signal" $process; done
    status=0
    wait $process || status=$?
    exec 3>&-
    is $status "$want" "after the signals $*"
}
command='metric, stopped by signals'
"$program" metric coco waiting none.json >out 2>err &
process=$!
heard 129 INT HUP
(trap '' HUP; exec "$program" metric coco waiting none.json >out 2>err) &
process=$!
heard 143 HUP TERM
cat waiting >read_from_pipe &
run 0 metric coco $gt none.json --json waiting --quiet
wait
run 0 metric coco $gt none.json --json written --quiet
same read_from_pipe written
if [ -c /dev/full ]; then
    run 1 metric coco $gt none.json --json /dev/full --quiet && says '/dev/full: cannot be written: No space left on device'
fi
# Values of the environment that mean nothing, for every command.
DEFORMER_THREADS=many run 1 list && says 'the environment has DEFORMER_THREADS=many: want a whole number from 1 to 1024'
OMP_NUM_THREADS=0 run 1 list && says 'the environment has OMP_NUM_THREADS=0'
OMP_NUM_THREADS=2,1 run 0 list
DEFORMER_CPU=sse9 run 1 list && says 'the environment has DEFORMER_CPU=sse9: want c, blas, avx2, avx512 or neon'
DEFORMER_CPU='' run 0 list
grep -q avx512f /proc/cpuinfo || { DEFORMER_CPU=avx512 run 1 list && says 'DEFORMER_CPU=avx512, which this processor or build lacks'; }

# What has no end.
run 1 info /dev/zero
for what in /dev/zero /dev/urandom; do
    ln -s $what endless.py
    run 1 info endless.py && says 'endless.py: is a device or a socket, want a file or a pipe'
    run 1 predict "$config" $what $picture --quiet && says "$what: is a device or a socket"
    run 1 predict "$config" w.pth $what --quiet && says "$what: is a device or a socket"
    run 1 metric coco $what $what && says "$what: is a device or a socket"
    rm endless.py
done
yes | run 1 convert /dev/stdin x.safetensors

finish
