#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# allocations.sh PROGRAM ROOT LIBRARY [COMMAND...] -- every command, or those that are named, while one of its allocations fails.
# LIBRARY is failing_malloc.c: it sees the allocations of all libraries. Each run must end with 0 and the results of an
# undisturbed run, or with 1, one sentence and nothing half-written; either way, all that it took it gives back.
#
#     TORTURE_POINTS=N    allocations that are tried, spread over the run (40); the first of them are tried twice as densely
#     TORTURE_ALL=1       all of the first 2000, and N of the rest: a long run
case $3 in /*) library=$3 ;; *) library=$PWD/$3 ;; esac
. "${0%/*}/../cli/lib.sh"
shift 3
wanted=" $* "
points=${TORTURE_POINTS:-40}
export DEFORMER_THREADS=1
tiny_sizes='--set data.test.pipeline.1.img_scale=(64,48) --set data.val.pipeline.1.img_scale=(64,48)'

# ---- what the commands read --------------------------------------------------------------------------------------------

run 0 synth data --images 2 --val 2 --coco --seed 1 --size 96x64 --quiet
masks=$root/configs/demo/mask_rcnn_dat_nano.py
maps=$root/configs/demo/upernet_dat_nano.py
for network in "$config" "$masks" "$maps"; do
    run 0 init "$network" "$(basename "$network" .py).safetensors" --seed 1 --quiet
done
boxes_weights=$folder/retinanet_dat_nano.safetensors
masks_weights=$folder/mask_rcnn_dat_nano.safetensors
maps_weights=$folder/upernet_dat_nano.safetensors
picture=$(find "$folder/data/val2017" -name '*.jpg' | sort | head -n 1)
truth=$folder/data/annotations/instances_val2017.json
black_image image.safetensors 1 64 64
# shellcheck disable=SC2086 # several arguments
run 0 eval "$config" "$boxes_weights" --data data --out boxes --quiet $tiny_sizes --set model.test_cfg.score_thr=0.001
cp -r boxes other
found=$folder/boxes/results.bbox.json

# ---- one run -----------------------------------------------------------------------------------------------------------

# What may differ between two good runs: times, and memory.
canonical() {
    sed -E 's/"(seconds|time|data_time|memory|date|[a-z_]*seconds|[a-z_]*_per_second)": *[-+0-9.e]+//g; s/[0-9.]+ (ms|s|MB|GB|KB)( |$|\)|,)//g; s/[0-9.]+ pictures\/s//g; s/[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9:]+//g; s/[0-9]+:[0-9]{2}(:[0-9]{2})?//g' "$1"
}


number() { sed -n "s/.*$1 \([0-9]*\).*/\1/p" report; }

# What tells how far a run has come may be shorter, or older, than at the end of the whole run; its page has the speed too.
same_file() { # MADE WANTED
    case $1 in
        work/run/index.html | work/run/curves.svg) [ -s "$1" ] ;;
        *.jsonl) canonical "$2" >wanted_text && canonical "$1" >made_text && head -c "$(wc -c <made_text)" wanted_text | cmp -s - made_text ;;
        *.png | *.jpg | *.safetensors | *.pth) cmp -s "$1" "$2" ;;
        *) canonical "$1" >made_text && canonical "$2" >wanted_text && cmp -s made_text wanted_text ;;
    esac
}

check_files() {
    for made in $(find work -type f); do
        want=whole/${made#work/}
        case $made in *.tmp-*) complain "leaves $made" ;; esac
        if [ ! -f "$want" ]; then complain "writes ${made#work/}, which the whole run does not"
        elif ! same_file "$made" "$want"; then complain "${made#work/} is another"; fi
    done
}

check_whole() {
    for want in $(find whole -type f); do
        [ -f "work/${want#whole/}" ] || complain "ends with 0 without ${want#whole/}"
    done
    canonical out >made_text
    cmp -s made_text whole_out || complain "ends with 0 and prints another text"
}

complain() {
    failures=$((failures + 1))
    printf 'FAILED: %s, allocation %s of %s: %s\n' "$name" "$point" "$all" "$1"
    sed -n 's/^/    err: /; 1,3p' err
}

check_point() {
    point=$1
    shift
    try_at "$point" "$@"
    case $status in
        0) check_whole ;;
        1) [ "$(grep -vcxFf whole_err err)" -eq 1 ] || complain "ends with 1 and says $(grep -vcxFf whole_err err) lines more" ;;
        *) complain "ends with $status" ;;
    esac
    check_files
    [ "$(number kept)" -le "$kept" ] || complain "keeps $(number kept) blocks, an undisturbed run $kept"
}

try_at() { # N ARGUMENTS...
    at=$1
    shift
    rm -rf work report && mkdir work
    status=0
    (cd work && timeout 60 env TORTURE_FAIL="$at" TORTURE_REPORT=../report LD_PRELOAD="$library" "$program" "$@" >../out 2>../err) || status=$?
    [ -s report ] || echo "made 0 kept 0" >report
}

# ---- one command -------------------------------------------------------------------------------------------------------

chosen_points() {
    awk -v all="$all" -v n="$points" -v every="${TORTURE_ALL:-0}" 'BEGIN {
        first = every ? 2000 : n
        for (i = 1; i <= all && i <= first; i++) print i
        for (i = 0; i < n; i++) if ((at = int(first + 1 + (all - first) * (i + 0.5) / n)) <= all) print at
    }' | sort -nu
}

torture() { # NAME ARGUMENTS...
    name=$1
    shift
    case $wanted in *" $name "*) ;; *[a-z]*) return ;; esac
    command="$*"
    try_at 0 "$@"
    all=$(number made) kept=$(number kept)
    [ "$status" -eq 0 ] || { fail "undisturbed, it ends with $status"; return; }
    [ "$all" -gt 0 ] || { fail "$library saw no allocation"; return; }
    rm -rf whole && mv work whole
    canonical out >whole_out
    cp err whole_err
    tried=0
    for point in $(chosen_points); do
        check_point "$point" "$@"
        tried=$((tried + 1))
    done
    printf '%-20s %7d allocations, %5d of them failed in turn\n' "$name" "$all" "$tried"
}

# ---- all of them -------------------------------------------------------------------------------------------------------

torture help --help
torture list list
torture init init "$config" weights.safetensors --seed 1 --quiet
torture info info "$config"
torture synth synth made --images 1 --val 1 --coco --seed 1 --size 96x64 --quiet
torture convert convert "$boxes_weights" weights.pth --quiet
torture convert_half convert "$boxes_weights" weights.safetensors --half --quiet
torture forward forward "$config" "$boxes_weights" --input "$folder/image.safetensors" --output out.safetensors --quiet
# shellcheck disable=SC2086 # several arguments
{
    torture eval_boxes eval "$config" "$boxes_weights" --data "$folder/data" --out run --json scores.json --quiet $tiny_sizes \
        --set model.test_cfg.score_thr=0.001
    torture eval_masks eval "$masks" "$masks_weights" --data "$folder/data" --out run --json scores.json --quiet $tiny_sizes \
        --set model.test_cfg.rcnn.score_thr=0.001 --set model.test_cfg.rcnn.max_per_img=5
    torture eval_maps eval "$maps" "$maps_weights" --data "$folder/data" --out run --json scores.json --quiet $tiny_sizes
    torture predict predict "$config" "$boxes_weights" "$picture" --out drawn --json found.json --quiet $tiny_sizes \
        --set model.test_cfg.score_thr=0.001
    torture predict_maps predict "$maps" "$maps_weights" "$picture" --out drawn --quiet $tiny_sizes
    torture explain predict "$config" "$boxes_weights" "$picture" --explain seen --quiet $tiny_sizes
    torture train train "$root/configs/nano/retinanet_dat_nano.py" --data "$folder/data" --work-dir run --quiet $tiny_sizes \
        --set runner.max_epochs=1 --set data.samples_per_gpu=2 --set "data.train.pipeline.2.img_scale=(64,48)"
}
torture metric metric coco "$truth" "$found" --json scores.json --quiet
torture metric_explain metric coco "$truth" "$found" --explain page.html --quiet
torture metric_maps metric ade20k "$folder/data/annotations/val2017" "$folder/data/annotations/val2017" --num-classes 18 --json scores.json --quiet
torture check metric check "$truth" "$found" --quiet
torture compare compare --gt "$truth" "$folder/boxes" "$folder/other" --quiet
finish
