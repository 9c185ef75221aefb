#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# commands.sh PROGRAM ROOT -- every command in each of its forms ends well, with several threads: for ThreadSanitizer and MemorySanitizer.
. "${0%/*}/lib.sh"
. "$root/tests/support/every_command.sh"
export DEFORMER_THREADS=3
what_commands_read

# In a folder of its own.
visited=0
visit() { # NAME ARGUMENTS...
    name=$1
    shift
    visited=$((visited + 1))
    in_the_precision "$name"
    mkdir "$folder/made"
    cd "$folder/made" || exit 1
    run 0 "$@"
    clean
    cd "$folder" || exit 1
    rm -rf made
}
every_command visit
[ "$visited" -ge 74 ] || fail "only $visited commands ran"

# Several pictures on their way at a time, of several sizes.
in_the_precision several
run 0 synth several --images 6 --val 4 --seed 1 --coco --quiet
# shellcheck disable=SC2086 # several arguments
{
    run 0 eval "$config" retinanet.safetensors --data several --out run_several --quiet --streams 2 $tested_at $many_boxes
    run 0 predict "$config" retinanet.safetensors several/val2017 --out drawn_several --quiet $tested_at $many_boxes
    run 0 train "$root/configs/nano/retinanet_dat_nano.py" --data several --work-dir train_several --quiet $tested_at $trained_at \
        --set 'data.train.pipeline.2.img_scale=[(96,64),(128,96)]'
}
finish
