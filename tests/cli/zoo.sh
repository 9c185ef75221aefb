#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# zoo.sh PROGRAM ROOT -- recipes of zoo/ can be read; what is kept there fits the config beside it, has less than a million parameters, is smaller
# than 20 MB together, and finds things on pictures that it has never seen; a network of a recipe learns for half a minute to a stated loss.
. "${0%/*}/lib.sh"
zoo=$root/zoo

for recipe in "$zoo"/recipes/*_*.py; do
    case $recipe in */world_masks.py | */world_classes.py) continue ;; esac # pipelines only
    run 0 info "$recipe" --depth 1 --shape 256x320
done

run 0 synth data --images 24 --val 16 --seed 77 --quiet
least() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a >= b) }' || fail "$3 is $1, want at least $2"; }
bytes=0
for weights in "$zoo"/*/weights.safetensors; do
    name=$(basename "$(dirname "$weights")")
    size=$(wc -c <"$weights")
    bytes=$((bytes + size))
    [ "$size" -le 2100000 ] || fail "zoo/$name: $size bytes, want less than a million numbers of two bytes"
    for file in log.jsonl curves.svg made.txt scores.txt scores.json; do
        [ -s "$zoo/$name/$file" ] || fail "zoo/$name has no $file"
    done
    case $name in
        world_upernet_*) want=25 found='s/^ all  *[0-9.]*  *\([0-9.]*\).*/\1/p' ;;
        world_*) want=0.12 found='s/^ Average Precision .*0.50:0.95 . area= *all .* = //p' ;;
        *) run 0 predict "$zoo/$name/config.py" "$weights" data/val2017 --json found.json --quiet && continue ;;
    esac
    run 0 eval "$zoo/$name/config.py" "$weights" --data data
    least "$(sed -n "$found" out | head -n 1)" $want "the score of zoo/$name"
done
[ "$bytes" -le 20000000 ] || fail "the weights of zoo/ are $bytes bytes, want at most 20 MB"

# From nothing, 150 steps of up to four pictures.
run 0 train "$zoo/recipes/ablation_base.py" --data data --work-dir learnt --quiet \
    --set load_from=None --set log_config.interval=40 --set runner.max_epochs=50 --set evaluation.interval=1000
loss=$(sed -n 's/.*"mode": "train".*"loss": \([0-9.]*\).*/\1/p' learnt/log.jsonl | tail -n 1)
least 0.8 "${loss:-9}" 'what the loss shall be below'
finish
