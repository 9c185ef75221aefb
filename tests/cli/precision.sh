#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# precision.sh PROGRAM ROOT -- --precision: who takes it, who says it, who refuses it; the C rung, which every processor has, and
# the bits of 1 and 2 threads.
. "${0%/*}/lib.sh"
export DEFORMER_CPU=c

run 0 synth data --images 2 --val 2 --coco --seed 3 --size 96x64 --quiet
sizes='--set data.test.pipeline.1.img_scale=(96,64)'
picture=data/val2017/000000000001.jpg
black_image image.safetensors 1 64 96

# ---- float32 is what it is without the option ----------------------------------------------------------------------------
run 0 forward "$config" random:1 --input image.safetensors --output plain.safetensors --quiet
run 0 forward "$config" random:1 --input image.safetensors --output float32.safetensors --precision float32 --quiet
same plain.safetensors float32.safetensors
run 0 forward "$config" random:1 --input image.safetensors --output bf16.safetensors --precision bf16 --quiet
cmp -s plain.safetensors bf16.safetensors && fail 'bf16 has the bits of float32'
run 0 forward "$config" random:1 --input image.safetensors --output again.safetensors --precision bf16 --threads 2 --quiet
same bf16.safetensors again.safetensors

# ---- it is said --------------------------------------------------------------------------------------------------------
# shellcheck disable=SC2086 # several arguments
eval_as() { run 0 eval "$config" random:1 --data data --set model.test_cfg.score_thr=0.001 $sizes --quiet "$@"; }
eval_as --out run --json scores.json --precision bf16
prints 'precision: bf16'
grep -q '"precision": "bf16"' scores.json || fail 'its JSON does not say bf16'
eval_as --json plain.json
grep -q 'precision: ' out && fail 'says a precision without being asked'
# shellcheck disable=SC2086
run 1 eval "$config" random:1 --data data --out run --set model.test_cfg.score_thr=0.001 $sizes --quiet
says 'of a config with other settings'
eval_as --out run32
run 0 compare run32 run --gt data/annotations/instances_val2017.json --bootstrap 0 --explain page.html --quiet
prints 'run (bf16)'
grep -q 'run (bf16)' page.html || fail 'its page does not say bf16'
# shellcheck disable=SC2086
run 0 predict "$config" random:1 "$picture" --json found.json --precision bf16 --set model.test_cfg.score_thr=0.001 $sizes
grep -q '"precision": "bf16"}' found.json || fail 'its JSON does not say bf16'
grep -q 'precision: bf16' err || fail 'does not say bf16'
run 0 bench "$config" --shape 64x96 --repeat 1 --precision bf16 --json bench.json
prints ', bf16, '
grep -q '"precision": "bf16"' bench.json || fail 'its JSON does not say bf16'
run 0 bench "$config" --shape 64x96 --repeat 1 --json bench.json
prints ', float32, '
grep -q '"precision": "float32"' bench.json || fail 'its JSON does not say float32'
run 0 compare "$config" "$config" --shape 64x96 --rounds 1 --precision bf16 --quiet
prints 'in bf16, with'

# ---- it is refused -----------------------------------------------------------------------------------------------------
run 2 eval "$config" random:1 --data data --precision half
says '--precision half: want float32 or bf16'
run 2 train "$config" --precision bf16
says '--precision bf16: want float32 for training'
run 2 bench "$config" --training --precision bf16
says '--precision bf16: want float32 for training'
run 2 forward "$config" random:1 --input image.safetensors --output y.safetensors --losses --precision bf16
says '--precision bf16: want float32 for training'
if DEFORMER_CPU=avx2 "$program" list >out 2>err; then
    export DEFORMER_CPU=avx2
    run 1 bench "$config" --shape 64x96 --repeat 1 --precision bf16
    says 'without AVX512-BF16 or BF16 of ARM'
fi

finish
