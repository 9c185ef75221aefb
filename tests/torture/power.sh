#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# power.sh PROGRAM ROOT LIBRARY REPLAY -- the power is cut between any two calls that change a file. LIBRARY is traced_writes.c:
# it notes those calls of one undisturbed run. REPLAY is replay_writes.c: it makes the folder as a disk may hold it after a cut.
# The same command must then go on from there, and end with the files of the undisturbed run; and what a finished command had said
# that it wrote must be there.
#
#     TORTURE_POINTS=N    cuts that are tried, spread over the run (25), each in four states of the disk
#     TORTURE_ALL=1       every cut
for name in library=$3 replay=$4; do
    case ${name#*=} in /*) ;; *) name=${name%%=*}=$PWD/${name#*=} ;; esac
    export "${name?}"
done
. "${0%/*}/../cli/lib.sh"
points=${TORTURE_POINTS:-25}
export DEFORMER_THREADS=2
sizes='--set data.test.pipeline.1.img_scale=(64,48) --set data.val.pipeline.1.img_scale=(64,48)'
training="$sizes --set data.train.pipeline.2.img_scale=(64,48) --set data.samples_per_gpu=2 --set runner.max_epochs=3"
training="$training --set evaluation.interval=1 --set checkpoint_config.interval=1 --set checkpoint_config.max_keep_ckpts=1 --set log_config.interval=1"

run 0 synth data --images 4 --val 3 --coco --seed 1 --size 96x64 --quiet
run 0 init "$config" weights.safetensors --seed 1 --quiet
maps=$root/configs/demo/upernet_dat_nano.py
run 0 init "$maps" maps.safetensors --seed 1 --quiet

complain() {
    failures=$((failures + 1))
    printf 'FAILED: %s, cut after call %s of %s, state %s: %s\n' "$name" "$cut" "$calls" "$state" "$1"
    sed -n 's/^/    err: /; 1,3p' err
}

cuts() {
    awk -v all="$calls" -v n="$points" -v every="${TORTURE_ALL:-0}" 'BEGIN {
        for (i = 0; i <= all; i++) if (every || all <= n || int(i * n / all) != int((i - 1) * n / all)) print i
    }'
}

# The files of a finished run whose bytes say nothing of the clock.
lasting() {
    (cd "$1" && find . -type f ! -name 'run.json' ! -name 'log.*' ! -name 'index.html' ! -name 'curves.svg' | sort)
}

go_on() { # COMMAND ARGUMENTS...
    status=0
    "$program" "$@" >out 2>err || status=$?
    if [ "$status" -ne 0 ]; then
        complain "the same command ends with $status"
        return
    fi
    for file in $(lasting whole); do
        cmp -s "whole/$file" "run/$file" || complain "$file is another"
    done
}

# `again` is what a user types after the cut: the same command, or with --resume if there is something to resume.
cut_power() { # NAME COMMAND ARGUMENTS...
    name=$1
    shift
    rm -rf run whole trace && mkdir -p run
    status=0
    TRACE_FOLDER=$folder/run TRACE_LOG=$folder/trace LD_PRELOAD=$library "$program" "$@" >out 2>err || status=$?
    cut=0 calls=0 state=none
    [ "$status" -eq 0 ] || { complain "undisturbed, it ends with $status"; return; }
    mv run whole
    calls=$("$replay" trace count)
    [ "$calls" -gt 0 ] || { complain "no call was noted"; return; }
    tried=0 met=' '
    for cut in $(cuts); do
        for state in all half bytes names; do
            rm -rf run
            hash=$("$replay" trace "$cut" "$state" run) || complain 'the trace cannot be replayed'
            case $met in *" $hash "*) continue ;; esac
            met="$met$hash "
            tried=$((tried + 1))
            again "$@"
        done
    done
    # What the command said that it wrote is on the disk when it ends.
    for state in bytes names; do
        cut=$calls
        rm -rf run && "$replay" trace "$calls" "$state" run >/dev/null
        for file in $(lasting whole); do
            cmp -s "whole/$file" "run/$file" || complain "after the end, $file is not on the disk"
        done
    done
    printf '%-12s %5d calls, %4d states of the disk\n' "$name" "$calls" "$tried"
}

again() { go_on "$@"; }
# shellcheck disable=SC2086 # several arguments
cut_power eval eval "$config" weights.safetensors --data data --out run --quiet $sizes --set model.test_cfg.score_thr=0.001
# A checkpoint in 8 bits, with what was measured for it; folders of pictures and of labels.
# shellcheck disable=SC2086
cut_power quantize quantize "$config" weights.safetensors run/int8.safetensors --json run/layers.json --data data/val2017 --pictures 1 --probes 1 \
    --max-loss 10 --quiet $sizes
cut_power convert convert weights.safetensors run/weights.pth --quiet
cut_power synth synth run/made --images 2 --val 1 --coco --seed 1 --size 96x64 --quiet
for form in coco yolo voc maps; do
    cut_power data_$form data convert data run/made --to $form --copy --quiet
done
cut_power data_split data split data/annotations/instances_train2017.json run/parts --ratio 1:1 --images data/train2017 --quiet
cut_power predict predict "$config" weights.safetensors data/val2017 --out run/drawn --json run/found.json --quiet $sizes
# shellcheck disable=SC2086
cut_power eval_maps eval "$maps" maps.safetensors --data data --out run --quiet $sizes

# A training run goes on from its last checkpoint; without one it begins anew.
again() {
    if [ -s run/latest.safetensors ]; then go_on "$@" --resume; else go_on "$@" --fresh; fi
}
# shellcheck disable=SC2086
cut_power train train "$root/configs/nano/retinanet_dat_nano.py" --data data --work-dir run --quiet $training
finish
