#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# train.sh PROGRAM ROOT -- training from a folder of pictures: files of a run, killed and continued to the same bits with any
# number of threads, begun from a checkpoint, a full disk, and what is wrong with data, config or state.
. "${0%/*}/lib.sh"

# A network that makes a step in a moment.
cat >tiny.py <<EOF
_base_ = '$root/configs/nano/deformable_detr_dat_nano.py'
model = dict(
    backbone=dict(dim_stem=8, dims=[8, 16, 32, 64], depths=[1, 1, 2, 2], stage_spec=[['L'], ['L'], ['L', 'D'], ['L', 'D']]),
    neck=dict(in_channels=[16, 32, 64], out_channels=32),
    bbox_head=dict(
        num_query=10,
        in_channels=64,
        transformer=dict(
            encoder=dict(num_layers=1, transformerlayers=dict(
                attn_cfgs=dict(type='MultiScaleDeformableAttention', embed_dims=32), feedforward_channels=32, ffn_dropout=0.1)),
            decoder=dict(num_layers=2, transformerlayers=dict(
                attn_cfgs=[dict(type='MultiheadAttention', embed_dims=32, num_heads=8, dropout=0.1),
                           dict(type='MultiScaleDeformableAttention', embed_dims=32)],
                feedforward_channels=32, ffn_dropout=0.1))),
        positional_encoding=dict(num_feats=16)))
runner = dict(max_epochs=4)
evaluation = dict(interval=2)
checkpoint_config = dict(interval=2, max_keep_ckpts=1)
log_config = dict(interval=3)
custom_hooks = [dict(type='EMAHook', momentum=0.1)]
EOF
run 0 synth data --images 6 --val 1 --coco --seed 1 --quiet
small="--set data.train.pipeline.2.img_scale=[(96,64),(128,96)] --set data.test.pipeline.1.img_scale=(128,96)"
small="$small --set data.val.pipeline.1.img_scale=(128,96) --set data.samples_per_gpu=2"
# shellcheck disable=SC2086 # $small is several arguments
train() { want=$1; shift; run "$want" train tiny.py --data data --quiet $small "$@"; }

# What a run leaves.
train 0 --work-dir whole --threads 2
prints 'steps done in'
prints 'try    deformer eval whole/config.py whole/'
for file in config.py log.jsonl index.html latest.safetensors best.safetensors epoch_4.safetensors samples/0_labelled.jpg samples/0_found.jpg; do
    [ -s whole/$file ] || fail "there is no whole/$file"
done
[ ! -e whole/epoch_2.safetensors ] || fail 'max_keep_ckpts=1 keeps more'
same whole/latest.safetensors whole/epoch_4.safetensors
grep -q 'refresh' whole/index.html && fail 'the page of a finished run loads itself again'
steps=$(grep -c '"mode": "train"' whole/log.jsonl)
[ "$steps" -ge 3 ] || fail "$steps lines in the log, want some"
is "$(grep -c '"mode": "val"' whole/log.jsonl)" 2 'evaluations in the log'
grep -q '"loss": ' whole/log.jsonl || fail 'the log has no loss'
run 0 eval whole/config.py whole/best.safetensors --quiet
run 0 info whole/config.py
train 1 --work-dir whole && says 'whole already has a run: --resume continues it, --fresh starts over'
train 0 --work-dir whole --resume && same whole/latest.safetensors whole/epoch_4.safetensors

# Numbers of the log that do not depend on the clock.
numbers() { sed 's/"time": [^,]*, "data_time": [^,]*, "memory": [^,]*, //' "$1/log.jsonl"; }

# One thread, and another seed.
train 0 --work-dir one --threads 1
same one/latest.safetensors whole/latest.safetensors
train 0 --work-dir seed --seed 7
cmp -s seed/latest.safetensors whole/latest.safetensors && fail 'another seed gives the same weights'

# A state without what only the run needs.
run 0 convert whole/latest.safetensors weights.safetensors
grep -q 'optimizer\.' whole/latest.safetensors || fail 'the state has nothing to continue with'
grep -q 'optimizer\.' weights.safetensors && fail 'convert keeps the state of the optimizer'
rm weights.safetensors

# Killed when it has come a little further, and continued with another number of threads: the same bits.
for lines in 1 2 3 4 5; do
    # shellcheck disable=SC2086
    begin train tiny.py --data data --quiet $small --work-dir killed --resume --save-minutes 0.001 --threads $((lines % 3 + 1))
    await has_lines killed/log.jsonl $lines
    end KILL
done
train 0 --work-dir killed --resume
for file in latest best epoch_4; do same killed/$file.safetensors whole/$file.safetensors; done
numbers whole >a.txt
numbers killed >b.txt
same a.txt b.txt

# Stopped by Ctrl-C: the step is finished, and how to go on is said.
# shellcheck disable=SC2086
begin train tiny.py --data data --quiet $small --work-dir stopped --set runner.max_epochs=100000
await has_lines stopped/log.jsonl 1
end TERM # a shell keeps Ctrl-C from what runs in its background
is $status 1 'a stopped run ends with'
grep -q ' steps; the same command with --resume continues it' err || fail 'does not say how to go on'
[ -s stopped/latest.safetensors ] || fail 'a stopped run leaves no state'

# Only the same goes on.
train 1 --work-dir whole --resume --set optimizer.lr=0.1 && says 'whole/latest.safetensors: the state of a run with another config or other data'
train 1 --work-dir whole --resume --seed 3 && says 'the state of a run with seed 0, and --seed is 3'
cp -r whole wrong
run 0 init tiny.py weights.safetensors --seed 3 --quiet
cp weights.safetensors wrong/latest.safetensors
train 1 --work-dir wrong --resume && says 'wrong/latest.safetensors: no state of a training run: it has weights alone'
head -c 5000 whole/latest.safetensors >wrong/latest.safetensors
train 1 --work-dir wrong --resume && says 'wrong/latest.safetensors'
cp whole/latest.safetensors wrong/latest.safetensors
train 1 --work-dir wrong --resume --set model.bbox_head.num_query=11 && says 'wrong/latest.safetensors: the state of another network'
same whole/config.py wrong/config.py

# A config.py that is somebody's own stays; that of a run may be taken over.
mkdir own && printf '_base_ = ["../tiny.py"]\n' >own/config.py
run 1 train own/config.py --data data --work-dir own --quiet $small && says 'own/config.py: the config is read from this file'
run 0 train whole/config.py --work-dir whole --fresh --dry-run --quiet $small

# The weights that it begins with stay.
run 1 train tiny.py --data data --work-dir whole --init whole/latest.safetensors --fresh --quiet $small &&
    says 'whole/latest.safetensors: the run begins with these weights, and would write its own there'

# Weights of another: heads of another number of classes are drawn anew.
run 0 train tiny.py --data data --work-dir begun --init weights.safetensors --dry-run --quiet $small
prints 'time of a step'
[ ! -e begun/latest.safetensors ] || fail 'a dry run writes a state'
run 0 init tiny.py other.safetensors --quiet --set model.bbox_head.num_classes=5
run 0 train tiny.py --data data --work-dir begun --init other.safetensors --dry-run --quiet $small
grep -q ' parameters of another shape get random weights, the first is bbox_head' err || fail 'does not say what is drawn anew'
train 1 --work-dir begun --init nothing.pth && says 'nothing.pth'

# Pretrained weights of a part of the network, from a part of a file.
pretrained() { want=$1; shift; run "$want" train tiny.py --data data --work-dir begun --dry-run $small --set model.backbone.init_cfg.type=Pretrained "$@"; }
pretrained 0 --set model.backbone.init_cfg.checkpoint=weights.safetensors --set model.backbone.init_cfg.prefix=backbone.
grep -q 'weights.safetensors (safetensors): [0-9]* loaded' err || fail 'does not say what is loaded'
! grep -q 'drawn anew' err || fail 'the head is asked of a file for the backbone'
pretrained 1 --set model.backbone.init_cfg.checkpoint=weights.safetensors --set model.backbone.init_cfg.prefix=back --quiet &&
    says "weights.safetensors: no key is below 'back', the first is "
pretrained 0 --set model.backbone.init_cfg.checkpoint=nothing.pth
grep -q 'nothing.pth, are not a file: the run begins without them' err || fail 'passes over weights without a word'

# The other small configs make a few steps.
for name in retinanet mask_rcnn; do
    # shellcheck disable=SC2086
    run 0 train "$root/configs/nano/${name}_dat_nano.py" --data data --work-dir $name --quiet $small --set runner.max_epochs=1
    prints 'steps done in'
done
for name in retinanet mask_rcnn; do grep -q '"loss_rpn_cls"\|"loss_cls": ' $name/log.jsonl || fail "the log of $name has no loss_cls"; done
cp -r "$root/tests/data/segmentation" maps
rm -rf maps/wrong
run 0 train "$root/configs/nano/upernet_dat_nano.py" --data maps --work-dir upernet --quiet --set runner.max_epochs=1 \
    --set 'data.train.pipeline.2.img_scale=(128,64)' --set data.samples_per_gpu=1 --set log_config.interval=1
grep -q '"decode.loss_seg": ' upernet/log.jsonl || fail 'the log of UPerNet has no decode.loss_seg'
grep -q '"mIoU": ' upernet/log.jsonl || fail 'the log of UPerNet has no mIoU'

# A full disk: one sentence, and the state that was there stays.
cp -r whole full
(
    ulimit -f 40
    # shellcheck disable=SC2086
    "$program" train tiny.py --data data --quiet $small --work-dir full --fresh >out 2>err
)
is $? 1 'a full disk ends with'
grep -q 'latest.safetensors: cannot be written' err || fail 'does not say that the disk is full'
same full/latest.safetensors whole/latest.safetensors

# Data that is wrong.
mkdir empty
train 1 --work-dir none --data empty && says 'empty'
train 1 --work-dir none --data nowhere && says 'nowhere'
[ ! -e none/latest.safetensors ] || fail 'a run that never began leaves a state'
cp -r data broken
rm broken/train2017/000000000002.jpg
run 1 train tiny.py --data broken --work-dir none --quiet $small
grep -q '000000000002.jpg' err || fail 'does not name the picture that is missing'
run 1 train tiny.py --data data --work-dir none --quiet $small --set optimizer.lr=1e9 --set lr_config.warmup=None --set optimizer_config.grad_clip=None
grep -qE 'step [0-9]+, .*\.(jpg|png)' err || fail 'does not name the step and the pictures of a loss that is no number'
grep -q refresh none/index.html && fail 'the page of a run that failed loads itself again'
run 2 train tiny.py --work-dir x --resume --fresh && says '--resume and --fresh'
# shellcheck disable=SC2086
run 1 train tiny.py --data data --quiet $small --work-dir none --fresh --set "data.train.pipeline.5=dict(type='Pad', size_divisor=32, _delete_=True)"
grep -q 'nothing normalises the training pictures' err || fail 'does not say that nothing normalises the training pictures'
run 1 train "$root/configs/demo/retinanet_dat_nano.py" --work-dir x && says 'instances_train2017.json: No such file'
finish
