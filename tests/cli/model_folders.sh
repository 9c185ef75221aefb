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
run 0 bench "$model" --shape 64x64 --repeat 1 --threads 1 && prints 'args of DETR, 1 x 3 x 64 x 64'
run 0 convert "$model" renamed.safetensors --quiet
run 0 predict "$model" renamed.safetensors pictures --json again.json --quiet
same boxes.json again.json
run 0 quantize "$model" small.safetensors --data pictures --quiet
run 0 predict "$model" small.safetensors pictures --json small.json --quiet
run 0 quantize "$model" "$model" twice.safetensors --data pictures --quiet
same small.safetensors twice.safetensors

# ---- a config.json of another network ------------------------------------------------------------------------------------

# KEY FROM TO: one number of config.json is another.
with() {
    rm -rf wrong
    cp -r "$1" wrong
    sed "s/\"$2\": $3/\"$2\": $4/" "$1/config.json" > wrong/config.json
    cmp -s "$1/config.json" wrong/config.json && fail "$1 has no $2: $3"
    run 1 info wrong
}

hub=$root/tests/data/hub
with "$model" d_model 16 24 && says 'by d_model the tensor detr.model.query_position_embeddings.weight is 7 x 24, in the weights it is 7 x 16'
with "$model" num_queries 7 8 && says "key 'num_queries'" && says '8 x 16, in the weights it is 7 x 16'
with "$model" encoder_layers 1 2 && says 'encoder_layers says 2, the weights have 1'
with "$model" decoder_ffn_dim 20 16 && says "key 'decoder_ffn_dim'"
with "$other" num_feature_levels 4 3 && says "key 'num_feature_levels'" && says 'model.level_embed is 3 x 32, in the weights it is 4 x 32'
with "$hub/hf_swin" window_size 3 4 && says 'by window_size the tensor swin.encoder.layers.0'
with "$hub/hf_swin" embed_dim 4 8 && says 'swin.embeddings.patch_embeddings.projection.weight is 8 x 3 x 4 x 4, in the weights it is 4 x 3 x 4 x 4'
with "$hub/hf_swin_v2" mlp_ratio 2.0 4.0 && says "key 'mlp_ratio'"
with "$hub/hf_resnet" embedding_size 6 8 && says 'resnet.embedder.embedder.convolution.weight is 8 x 3 x 7 x 7, in the weights it is 6 x 3 x 7 x 7'
with "$hub/hf_resnet" layer_type '"bottleneck"' '"basic"' && says 'layer_type says 2, the weights have 3'
with "$hub/hf_pvt_v2" num_channels 3 1 && says "key 'num_channels'"
with "$hub/hf_upernet_swin" hidden_size 4 8 && says 'decode_head.fpn_bottleneck.conv.weight is 8 x'
with "$hub/hf_swin" hidden_act '"gelu"' '"prelu"' && says "activation 'prelu' is not built in"

# ---- image processors -----------------------------------------------------------------------------------------------------

processor() { # TYPE MEAN STD
    rm -rf prepared
    cp -r "$hub/hf_swin" prepared
    printf '{"image_processor_type": "%s", "size": 64, "image_mean": %s, "image_std": %s}\n' "$1" "$2" "$3" >prepared/preprocessor_config.json
}
processor ViTImageProcessor 0.4 0.25
run 0 predict prepared pictures --json one.json --quiet
processor ViTFeatureExtractor '[0.4, 0.4, 0.4]' '[0.25, 0.25, 0.25]'
run 0 predict prepared pictures --json three.json --quiet
same one.json three.json
# What one cuts out by default, another does when it is told to.
means='"image_mean": 0.4, "image_std": 0.25'
written() { # TYPE KEYS
    printf '{"image_processor_type": "%s", %s, %s}\n' "$1" "$2" "$means" >prepared/preprocessor_config.json
    run 0 predict prepared pictures --json "$1.json" --quiet
}
written BitImageProcessor '"size": 64, "crop_size": 64'
written ConvNextImageProcessor '"size": 64, "crop_pct": 1.0'
same BitImageProcessor.json ConvNextImageProcessor.json
written DeiTImageProcessor '"size": 72, "crop_size": 64'
written ViTImageProcessor '"size": 72, "crop_size": 64, "do_center_crop": true, "resample": 3'
same DeiTImageProcessor.json ViTImageProcessor.json
processor CLIPImageProcessor 0.4 0.25
run 1 predict prepared pictures --quiet && says "image processor 'CLIPImageProcessor' is not built in: want that of Detr, DeformableDetr"

# ---- torchvision's batch norms that are not frozen -------------------------------------------------------------------------

thin=$root/tests/data/detectors/tv_thin
run 0 predict "$thin/config.json" "$thin/weights.safetensors" pictures --quiet
[ -s err ] && fail 'warns of an eps that is right'
run 0 predict "$thin/config.json" "$thin/weights.safetensors" pictures --quiet --set model.backbone.norm_cfg.eps=0
says 'want --set model.backbone.norm_cfg.eps=1e-5'

run 0 convert "$hub/timm_swin_v2" v2.pth --to torchvision --quiet && says 'can load the file only with strict=False'
run 0 convert "$hub/timm_swin_v2" v2.pth --to torchvision --window 4 --quiet
[ -s err ] && fail 'says that tables are missing, which were written'
run 0 convert v2.pth again.safetensors --to torchvision --quiet
[ -s err ] && fail 'tables of torchvision are lost'
run 0 convert "$hub/timm_swin" v1.pth --to torchvision --quiet
[ -s err ] && fail 'Swin without v2 has all tables'

# ---- side by side -------------------------------------------------------------------------------------------------------

run 0 compare "$model/" two="$other" --rounds 0 --shape 64x64
prints 'detr masks'
prints 'two '
run 0 compare "copied:renamed.safetensors" copied --rounds 1 --shape 64x64
run 0 compare retinanet_swin_nano DAT=nano/retinanet_dat_nano:random:1 --rounds 0 --shape 64x64
prints 'swin '
prints 'DAT '
run 1 compare "copied:nowhere.pth" copied --rounds 0 --shape 64x64 && says 'nowhere.pth: No such file'

# ---- training goes on from the weights of a folder ------------------------------------------------------------------------

mkdir -p classes/train/a classes/train/b classes/val/a classes/val/b
for class in a b; do
    cp pictures/picture.png classes/train/$class/1.png
    cp pictures/picture.png classes/train/$class/2.png
    cp pictures/picture.png classes/val/$class/3.png
done
for network in hf_swin timm_swin; do
    run 0 train "$hub/$network" --data classes --work-dir "run_$network" --set data.samples_per_gpu=2 \
        --set runner.max_epochs=1
    grep -q 'loaded' err || fail 'begins without the weights of the folder'
    run 0 eval "run_$network/config.py" "run_$network/latest.safetensors" --data classes && prints accuracy_top-1
done
run 0 synth objects --images 4 --val 1 --coco --seed 1 --quiet
run 0 synth maps --images 4 --val 1 --seed 1 --quiet
run 0 train "$other" --data objects --set runner.max_epochs=1 --work-dir run_detr
run 0 train "$hub/hf_upernet_swin" --data maps --set data.samples_per_gpu=2 --set runner.max_epochs=1 --dry-run
run 1 train "$hub/hf_swin" --data classes --work-dir run_few && says 'makes no batch of 8: want a smaller data.samples_per_gpu'
run 1 train "$model" --data classes --work-dir run_wrong && says 'the config learns from objects with boxes'

# ---- proposals of a low score ---------------------------------------------------------------------------------------------

low="--set model.test_cfg.rcnn.score_thr=0 --score-thr 0 --quiet"
# shellcheck disable=SC2086 # $low is several arguments
run 0 predict "$root/configs/demo/mask_rcnn_dat_nano.py" random:1 pictures $low
[ -s out ] || fail 'finds nothing'
# shellcheck disable=SC2086
run 0 predict "$root/configs/demo/mask_rcnn_dat_nano.py" random:1 pictures $low --set model.test_cfg.rpn.min_score=1
[ -s out ] && fail 'finds something without proposals'

# The mask head sees no padding.
cp -r "$root/tests/data/model_folders/detr_masks" padded
sed -i 's/"do_pad": true,/&\n  "pad_size": {"height": 224, "width": 224},/' padded/preprocessor_config.json
grep -q pad_size padded/preprocessor_config.json || fail 'the processor does not pad'
run 0 predict padded "$root/tests/data/model_folders/picture.png" --json padded.json
grep -q counts padded.json || fail 'no masks of a padded picture'

# What a folder holds is read: no output goes there.
cp -r "$root/tests/data/hub/hf_swin" model
run 2 convert model model/model.safetensors && says 'OUT model/model.safetensors: this file is read'
cp -r "$other" shards
part=$(ls shards/model-*-of-*.safetensors | head -1)
run 2 convert shards "$part" && says "OUT $part: this file is read"
run 2 convert shards/model.safetensors.index.json "$part" && says "OUT $part: this file is read"
run 0 convert shards shards/whole.safetensors --quiet
run 2 info model --json model/config.json && says '--json model/config.json: the config is read from this file'
finish
