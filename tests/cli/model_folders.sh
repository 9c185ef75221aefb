#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# model_folders.sh PROGRAM ROOT -- the folder of a model stands for CONFIG, and CHECKPOINT is left out, in every command.
. "${0%/*}/lib.sh"

model=$root/tests/data/model_folders/detr_masks
other=$root/tests/data/model_folders/deformable_two_stage
mkdir pictures
cp "$root/tests/data/model_folders/picture.png" pictures/
cp -r "$model" copied

run 0 info "$model" && prints 'args of DETR'
run 0 info copied/config.json && prints 'args of DETR'
run 0 predict "$model" pictures --json boxes.json --quiet
run 0 predict "$model" "$model" pictures --json again.json --quiet
same boxes.json again.json
run 0 bench "$model" --shape 64x64 --threads 1 && prints 'args of DETR, 1 x 3 x 64 x 64'
run 0 convert "$model" renamed.safetensors --quiet
run 0 predict "$model" renamed.safetensors pictures --json again.json --quiet
same boxes.json again.json
run 0 quantize "$model" small.safetensors --data pictures --quiet
run 0 predict "$model" small.safetensors pictures --json small.json --quiet
run 0 quantize "$model" "$model" twice.safetensors --data pictures --quiet
same small.safetensors twice.safetensors

# ---- side by side -------------------------------------------------------------------------------------------------------

run 0 compare "$model/" two="$other" --rounds 0 --shape 64x64
prints 'detr masks'
prints 'two '
run 0 compare "copied:renamed.safetensors" copied --rounds 1 --shape 64x64
run 0 compare retinanet_swin_nano DAT=nano/retinanet_dat_nano:random:1 --rounds 0 --shape 64x64
prints 'swin '
prints 'DAT '
run 1 compare "copied:nowhere.pth" copied --rounds 0 --shape 64x64 && says 'nowhere.pth: No such file'

# ---- proposals of a low score ---------------------------------------------------------------------------------------------

low="--set model.test_cfg.rcnn.score_thr=0 --score-thr 0 --quiet"
# shellcheck disable=SC2086 # $low is several arguments
run 0 predict "$root/configs/demo/mask_rcnn_dat_nano.py" random:1 pictures $low
[ -s out ] || fail 'finds nothing'
# shellcheck disable=SC2086
run 0 predict "$root/configs/demo/mask_rcnn_dat_nano.py" random:1 pictures $low --set model.test_cfg.rpn.min_score=1
[ -s out ] && fail 'finds something without proposals'

finish
