#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# forward.sh PROGRAM ROOT -- a pass on given tensors: batches, every module, what is no input.
. "${0%/*}/lib.sh"

run 0 init "$config" w.safetensors --quiet
black_image one.safetensors 1 64 96
black_image two.safetensors 2 64 96
names() { head -c 60000 "$1" | tr ',{}' '\n\n\n' | sed -n 's/^"\([^"]*\)":$/\1/p' | LC_ALL=C sort -u; }
forward() { want=$1; shift; run "$want" forward "$config" w.safetensors --quiet --output y.safetensors "$@"; }

forward 0 --input one.safetensors && names y.safetensors >out && golden forward-one
cp y.safetensors first.safetensors
forward 0 --input one.safetensors --threads 1 && same y.safetensors first.safetensors
forward 0 --input two.safetensors && names y.safetensors >out && golden forward-two
forward 0 --input one.safetensors --all && names y.safetensors >out && prints backbone.stages.2 && prints bbox_head.cls.0
black_image square.safetensors 2 64 64
run 0 forward "$root/configs/classification/swin_tiny_224.py" random --input square.safetensors --output y.safetensors --set backbone.img_size=64 --quiet
names y.safetensors >out && prints logits

rm -f y.safetensors
forward 1 --input nowhere.safetensors && says 'nowhere.safetensors: No such file'
forward 1 --input w.safetensors && says 'w.safetensors: want a tensor `image` of shape N 3 H W'
head -c 5000 one.safetensors >cut.safetensors
forward 1 --input cut.safetensors && says 'cut.safetensors: '
black_image two_d.safetensors 1 64 96
sed 's/\[1,3,64,96\]/[1,3,6144] /' two_d.safetensors >flat.safetensors
forward 1 --input flat.safetensors && says 'want a tensor `image` of shape N 3 H W'
sed 's/\[1,3,64,96\]/[3,1,64,96]/' two_d.safetensors >grey.safetensors
forward 1 --input grey.safetensors && says 'want a tensor `image` of shape N 3 H W'
[ ! -e y.safetensors ] || fail 'a failed pass leaves an output'
run 1 forward "$config" w.safetensors --input one.safetensors --output y.txt --quiet && says 'y.txt: want a name that ends in'
# Losses of given targets: tests/train/test_forward.c compares their numbers.
detr=$root/tests/data/deformable_detr/plain
losses() { want=$1; shift; run "$want" forward "$detr/config.json" "$detr/weights.pth" --losses --quiet --output l.safetensors "$@"; }
losses 0 --input "$detr/input.safetensors" && names l.safetensors >out && prints loss:loss_ce_0 && prints loss:total && prints grad:class_embed.1.bias
cp l.safetensors first.safetensors
losses 0 --input "$detr/input.safetensors" --threads 1 && same l.safetensors first.safetensors
losses 2 --input "$detr/input.safetensors" --all && says 'want one of them'
losses 0 --input one.safetensors && names l.safetensors >out && prints loss:total # pictures without objects
tr '\0' 'x' <"$detr/input.safetensors" >bad.safetensors
losses 1 --input bad.safetensors
sed 's/tgt_labels_0/tgt_lebals_0/' "$detr/input.safetensors" >unlabelled.safetensors
losses 1 --input unlabelled.safetensors && says '`tgt_boxes_0` without labels'
run 0 forward "$config" w.safetensors --input one.safetensors --output y.safetensors --losses --quiet && names y.safetensors >out && prints loss:loss_cls.0

# Images of other than three channels: tensors have them, pictures do not.
for name in swin_patches_cls swin_rectangle_cls resnet50_one_row; do
    case_of=$root/tests/data/backbones/$name
    run 0 forward "$case_of/config.json" "$case_of/weights.pth" --input "$case_of/input.safetensors" --output y.safetensors --quiet
done
run 1 forward "$case_of/config.json" "$case_of/weights.pth" --input one.safetensors --output y.safetensors --quiet && says 'of shape N 1 H W'
run 0 info "$case_of/config.json" --shape 32x32 --depth 0 && prints '1 x 1 x 32 x 32'
run 1 train "$root/configs/nano/retinanet_swin_nano.py" --set model.backbone.in_chans=4 --work-dir run --quiet && says 'the network reads 4 channels, and a picture has 3'

# Steps of training.
steps() { want=$1; shift; run "$want" forward "$detr/config.json" "$detr/weights.pth" --quiet --output l.safetensors --input "$detr/input.safetensors" "$@"; }
steps 0 --steps 3 --threads 2 && names l.safetensors >out && prints losses && prints grad_norm && prints final:class_embed.1.bias
cp l.safetensors first.safetensors
steps 0 --steps 3 --threads 1 && same l.safetensors first.safetensors
scaled='--set args.lr_backbone=0 --set auto_scale_lr.enable=True' # the input has two pictures
steps 0 --steps 2 --set args.lr=0.002 --set args.lr_backbone=0 && cp l.safetensors rate.safetensors
steps 0 --steps 2 --set args.lr=0.016 $scaled --set auto_scale_lr.base_batch_size=16 && same l.safetensors rate.safetensors
steps 1 --steps 2 $scaled && says 'auto_scale_lr: want base_batch_size'
steps 1 --steps 5 --set args.lr=1e10 && says 'iteration 1: ' && says '; first of all, transformer.'
steps 2 --losses --input "$detr/input.safetensors" && says 'want --steps N'
steps 2 --steps 0 && says 'want'
black_image bright.safetensors 1 64 64
size=$(wc -c <bright.safetensors)
{ head -c $((size - 4)) bright.safetensors; printf '\0\0\300\177'; } >nan.safetensors
losses 1 --input nan.safetensors && says 'holds nan: want finite numbers'
run 1 forward "$config" w.safetensors --input one.safetensors --output y.safetensors --steps 1 --quiet --set optimizer.type=Lion && says "no optimizer 'Lion'"
finish
