# SPDX-License-Identifier: Apache-2.0
#
# Every command of the program, in each of its forms: what the tests walk through that cut allocations, compare threads, ...
# They source this file after cli/lib.sh.
#
#     what_commands_read          makes it, in $folder
#     every_command VISIT         calls VISIT NAME ARGUMENTS..: what a command writes stands in the folder where VISIT runs it, and what
#                                 it reads has whole names. It works on pictures of a few pixels
#     is_timed NAME               this one prints or writes times: two runs differ
#     in_the_precision NAME       chooses the C rung for a command in bfloat16, which it computes on every processor
cases=$root/tests/data/eval
written_by_others=$root/tests/data/model_folders
kinds='retinanet mask_rcnn upernet deformable_detr classifier' # of networks
network_size=${network_size:-64,48}
tested_at="--set data.test.pipeline.1.img_scale=($network_size) --set data.val.pipeline.1.img_scale=($network_size)"
many_boxes='--set model.test_cfg.score_thr=0.001'
some_masks='--set model.test_cfg.rcnn.score_thr=0.001 --set model.test_cfg.rcnn.max_per_img=5'
trained_at='--set runner.max_epochs=1 --set data.samples_per_gpu=2 --set data.train.pipeline.2.img_scale=('"$network_size)"

config_of() {
    case $1 in
        deformable_detr | classifier) echo "$root/configs/nano/${1}_dat_nano.py" ;;
        *) echo "$root/configs/demo/${1}_dat_nano.py" ;;
    esac
}
masks=$(config_of mask_rcnn)
maps=$(config_of upernet)
queries=$(config_of deformable_detr)
classes=$(config_of classifier)

# A classifier cuts its pictures to their size.
size_option() { # KIND
    [ "$1" = classifier ] || echo "$tested_at"
}

what_commands_read() {
    run 0 synth data --images 4 --val 2 --coco --seed 1 --size 96x64 --quiet
    for kind in $kinds; do
        run 0 init "$(config_of $kind)" $kind.safetensors --seed 1 --quiet
    done
    mkdir labelled labelled/one labelled/two
    cp data/val2017/000000000001.jpg labelled/one/1.jpg
    cp data/val2017/000000000002.jpg labelled/two/2.jpg
    printf '1.jpg one\n2.jpg two\n' >list.txt
    black_image image.safetensors 1 128 128
    truth=$folder/data/annotations/instances_val2017.json
    picture=$folder/data/val2017/000000000001.jpg
    for form in voc yolo lvis; do
        run 0 data convert data "$form" --to $form --copy --quiet
    done
    run 0 data filter "$truth" plain.json --crowd none --quiet
    # shellcheck disable=SC2046,SC2086 # several arguments
    {
        for kind in $kinds; do
            run 0 quantize "$(config_of $kind)" $kind.safetensors $kind.int8.safetensors --data data/val2017 --pictures 1 --probes 1 --max-loss 100 --quiet \
                $(size_option $kind)
        done
        run 0 eval "$config" retinanet.safetensors --data data --out boxes --quiet $tested_at $many_boxes
        run 0 eval "$masks" mask_rcnn.safetensors --data data --out masks --quiet $tested_at $some_masks
    }
}

is_timed() {
    case $1 in bench* | compare_models) return 0 ;; *) return 1 ;; esac
}

rung_before=${DEFORMER_CPU-none}
in_the_precision() {
    case $1,$rung_before in
        *_bf16,*) export DEFORMER_CPU=c ;;
        *,none) unset DEFORMER_CPU ;;
        *) export DEFORMER_CPU="$rung_before" ;;
    esac
}

every_command() {
    about_networks "$1"
    about_pictures "$1"
    about_scores "$1"
    about_datasets "$1"
}

about_networks() { # VISIT
    "$1" help --help
    "$1" list list
    "$1" init init "$config" weights.safetensors --seed 1 --quiet
    "$1" info info "$config"
    "$1" info_folder info "$written_by_others/detr_masks"
    "$1" convert convert "$folder/retinanet.safetensors" weights.pth --quiet
    "$1" convert_half convert "$folder/retinanet.safetensors" weights.safetensors --half --quiet
    for kind in $kinds; do
        for precision in float32 bf16 int8; do
            # shellcheck disable=SC2046 # several arguments, or none
            "$1" "forward_${kind}_$precision" forward "$(config_of $kind)" "$(weights $kind)" --input "$folder/image.safetensors" --output out.safetensors \
                --quiet $(precision_option)
        done
    done
    # shellcheck disable=SC2086 # several arguments
    "$1" quantize quantize "$config" "$folder/retinanet.safetensors" int8.safetensors --data "$folder/data/val2017" --pictures 1 --probes 1 \
        --max-loss 10 --json layers.json --quiet $tested_at
    "$1" bench bench "$config" --shape 32x32 --repeat 1 --streams 0 --json times.json
    "$1" bench_roofline bench "$config" --shape 32x32 --repeat 1 --streams 0 --roofline --page roofline.html
    "$1" compare_models compare "$config" "$maps" --shape 32x32 --rounds 1 --chart chart.svg --quiet
    # shellcheck disable=SC2086
    {
        "$1" train train "$root/configs/nano/retinanet_dat_nano.py" --data "$folder/data" --work-dir run --quiet $tested_at $trained_at
        "$1" train_masks train "$root/configs/nano/mask_rcnn_dat_nano.py" --data "$folder/data" --work-dir run --quiet $tested_at $trained_at
        "$1" train_maps train "$root/configs/nano/upernet_dat_nano.py" --data "$folder/data" --work-dir run --quiet $tested_at $trained_at
    }
}

weights() { # KIND
    if [ "$precision" = int8 ]; then echo "$folder/$1.int8.safetensors"; else echo "$folder/$1.safetensors"; fi
}
precision_option() {
    if [ "$precision" = bf16 ]; then echo '--precision bf16'; fi
}

about_pictures() { # VISIT
    for precision in float32 bf16 int8; do
        # shellcheck disable=SC2046,SC2086
        "$1" "eval_$precision" eval "$config" "$(weights retinanet)" --data "$folder/data" --out run --json scores.json --quiet $tested_at $many_boxes $(precision_option)
        # shellcheck disable=SC2046,SC2086
        "$1" "predict_$precision" predict "$config" "$(weights retinanet)" "$picture" --out drawn --json found.json --quiet $tested_at $many_boxes \
            $(precision_option)
    done
    # shellcheck disable=SC2086
    {
        "$1" eval_masks eval "$masks" "$folder/mask_rcnn.safetensors" --data "$folder/data" --out run --json scores.json --quiet $tested_at $some_masks
        "$1" eval_maps eval "$maps" "$folder/upernet.safetensors" --data "$folder/data" --out run --json scores.json --quiet $tested_at
        "$1" eval_voc eval "$config" random:1 --data "$folder/voc" --out run --json scores.json --quiet $tested_at $many_boxes \
            --set model.bbox_head.num_classes=7
        "$1" predict_masks predict "$masks" "$folder/mask_rcnn.safetensors" "$picture" --out drawn --json found.json --quiet $tested_at $some_masks
        "$1" predict_maps predict "$maps" "$folder/upernet.safetensors" "$picture" --out drawn --json found.json --quiet $tested_at
        "$1" predict_queries predict "$queries" "$folder/deformable_detr.safetensors" "$picture" --out drawn --json found.json --quiet $tested_at
        "$1" predict_explain predict "$config" "$folder/retinanet.safetensors" "$picture" --explain seen --quiet $tested_at
    }
    "$1" eval_classes eval "$classes" random:1 --data "$folder/labelled" --out run --json scores.json --quiet \
        --set backbone.num_classes=2
    "$1" predict_classes predict "$classes" "$folder/classifier.safetensors" "$picture" --out drawn --json found.json --quiet
    "$1" predict_folder predict "$written_by_others/detr_masks" "$written_by_others/picture.png" --out drawn --json found.json --quiet
}

about_scores() { # VISIT
    "$1" metric_coco metric coco "$truth" "$folder/boxes/results.bbox.json" --json scores.json --per-class --quiet
    "$1" metric_explain metric coco "$truth" "$folder/boxes/results.bbox.json" --explain page.html --images "$folder/data/val2017" --json why.json --quiet
    "$1" metric_segm metric coco "$truth" "$folder/masks/results.segm.json" --type segm,boundary --json scores.json --quiet
    "$1" metric_keypoints metric coco "$cases/keypoints.gt.json" "$cases/keypoints.dt.json" --type keypoints --json scores.json --quiet
    "$1" metric_obb metric coco "$cases/obb.gt.json" "$cases/obb.dt.json" --type obb --f1 --json scores.json --dump scores.safetensors --quiet
    "$1" metric_lvis metric lvis "$cases/lvis.gt.json" "$cases/lvis.dt.json" --json scores.json --quiet
    "$1" metric_panoptic metric panoptic "$cases/panoptic/gt.json" "$cases/panoptic/dt.json" --json scores.json --quiet
    "$1" metric_cityscapes metric cityscapes "$cases/cityscapes/gt" "$cases/cityscapes/pred" --json scores.json --quiet
    "$1" metric_voc metric voc "$cases/devkit/voc/labels" "$cases/devkit/voc/results" --json scores.json --quiet
    "$1" metric_dota metric dota "$cases/devkit/dota/labels" "$cases/devkit/dota/results" --image-set "$cases/devkit/dota/pictures.txt" --json scores.json --quiet
    "$1" metric_openimages metric openimages "$cases/openimages/boxes.csv" "$cases/openimages/masks.csv" --segments "$cases/openimages/segments.csv" \
        --labels "$cases/openimages/labels.csv" --hierarchy "$cases/openimages/hierarchy.json" --json scores.json --quiet
    "$1" metric_maps metric ade20k "$cases/labels/gt" "$cases/labels/pred" --boundary --confusion --explain page.html --per-image images.json --json scores.json --quiet
    "$1" metric_imagenet metric imagenet "$folder/list.txt" "$folder/labelled" --json scores.json --quiet
    "$1" metric_check metric check "$truth" "$folder/boxes/results.bbox.json" --images "$folder/data/val2017" --json found.json --quiet
    "$1" compare compare --gt "$truth" "$folder/boxes" "$folder/masks" --type bbox --bootstrap 20 --json scores.json --explain page.html --quiet
}

about_datasets() { # VISIT
    "$1" synth synth made --images 2 --val 1 --coco --seed 1 --size 96x64 --quiet
    "$1" synth_maps synth made --images 2 --val 1 --seed 1 --size 96x64 --quiet
    "$1" data_stats data stats "$folder/data" --files --json found.json --quiet
    for form in coco lvis yolo voc maps; do
        "$1" "data_to_$form" data convert "$folder/data" made --to $form --copy --quiet
    done
    "$1" data_of_yolo data convert "$folder/yolo" made --to coco --quiet
    "$1" data_of_voc data convert "$folder/voc" made --to coco --link --quiet
    "$1" data_filter data filter "$truth" some.json --crowd none --area 20: --quiet
    "$1" data_split data split "$folder/plain.json" parts --ratio 1:1 --stratify --images "$folder/data/val2017" --quiet
    "$1" data_merge data merge "$folder/plain.json" "$truth" both.json --quiet
    "$1" data_sample data sample "$truth" one.json --number 1 --quiet
    "$1" data_draw data draw "$folder/data" drawn --number 1 --quiet
}
