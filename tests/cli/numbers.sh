#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# numbers.sh PROGRAM ROOT -- finite weights that overflow: no detector that finds nothing, no map of one class, but one sentence.
. "${0%/*}/lib.sh"

# FILE TENSOR...: the first number of each of these tensors of a .safetensors file becomes the largest of float32.
enlarge() {
    file=$1
    shift
    length=$(od -A n -t u8 -N 8 "$file" | tr -d ' ')
    for tensor; do
        at=$(head -c $((8 + length)) "$file" | tail -c +9 | sed 's/.*"'"$tensor"'":{[^}]*"data_offsets":\[\([0-9]*\),.*/\1/')
        printf '\377\377\177\177' | dd of="$file" bs=1 seek=$((8 + length + at)) conv=notrunc 2>/dev/null
    done
}
numbers='numbers that are NaN or infinite in'
because='want weights that were trained with this config'

run 0 synth objects --images 4 --val 4 --coco --seed 1 --size 96x64 --quiet
run 0 synth maps --images 4 --val 3 --seed 1 --size 96x64 --quiet

# ---- detections -----------------------------------------------------------------------------------------------------------

small='--set data.test.pipeline.1.img_scale=(96,64) --quiet'
run 0 init "$config" w.safetensors --quiet
enlarge w.safetensors neck.lateral_convs.1.conv.bias neck.lateral_convs.2.conv.bias
for more in '--streams 1' '--streams 2' '--streams 1 --batch 2'; do
    # shellcheck disable=SC2086 # $small and $more are several arguments
    run 1 eval "$config" w.safetensors --data objects $small $more && says ".jpg: neck: $numbers map 0: $because"
done
# shellcheck disable=SC2086
run 1 predict "$config" w.safetensors objects/val2017/000000000001.jpg --json found.json $small && says ".jpg: neck: $numbers map 0: $because"
is "$(tr -d '\n' <found.json)" '[]' 'detections that are written'
black_image image.safetensors 1 64 96
run 1 forward "$config" w.safetensors --input image.safetensors --output out.safetensors --quiet && says "neck: $numbers map 0"
run 0 forward "$config" random:1 --input image.safetensors --output out.safetensors --quiet

# ---- classes of pixels ----------------------------------------------------------------------------------------------------

segmentor=$root/configs/nano/upernet_dat_nano.py
of_18='--set model.decode_head.num_classes=18 --set model.auxiliary_head.num_classes=18'
# shellcheck disable=SC2086
run 0 init "$segmentor" pixels.safetensors --quiet $of_18
enlarge pixels.safetensors decode_head.lateral_convs.1.bn.bias decode_head.lateral_convs.2.bn.bias
# shellcheck disable=SC2086
run 1 eval "$segmentor" pixels.safetensors --data maps --quiet $of_18 && says "decode_head: $numbers the scores: $because"
# shellcheck disable=SC2086
run 1 predict "$segmentor" pixels.safetensors "$root/tests/data/images/420.jpg" --quiet $of_18 && says "decode_head: $numbers the scores"

# ---- a class --------------------------------------------------------------------------------------------------------------

cat >classifier.py <<'END'
model = dict(
    type='ImageClassifier',
    backbone=dict(type='ResNet', depth=18, num_stages=4, out_indices=(3,), style='pytorch', base_channels=8),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=2, in_channels=64))
data = dict(test=dict(type='ImageNet', classes=['cat', 'dog'], pipeline=[
    dict(type='LoadImageFromFile', imdecode_backend='pillow'), dict(type='ResizeEdge', scale=36),
    dict(type='CenterCrop', crop_size=32), dict(type='DetrNormalize'), dict(type='PackInputs')]))
END
mkdir -p val/cat val/dog
cp "$root/tests/data/images/420.jpg" val/cat/
cp "$root/tests/data/images/one.jpg" val/dog/
run 0 init classifier.py class.safetensors --quiet
run 0 eval classifier.py class.safetensors --data val --quiet
enlarge class.safetensors backbone.layer4.0.bn2.bias backbone.layer4.1.bn2.bias
run 1 eval classifier.py class.safetensors --data val --quiet && says "backbone: $numbers map 0: $because"
run 1 predict classifier.py class.safetensors val/cat/420.jpg --quiet && says "backbone: $numbers map 0: $because"

finish
