#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# train.sh PROGRAM ROOT MPIRUN [OPTION...] -- two processes learn what one learns from the same batches, to float rounding; they
# stop together and go on; one that dies ends the run.
set -eu
program=$1 root=$2
shift 2
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >sgd.py <<EOF
_base_ = '$root/configs/nano/retinanet_dat_nano.py'
model = dict(
    backbone=dict(dim_stem=8, dims=[8, 16, 32, 64], depths=[1, 1, 2, 2], stage_spec=[['L'], ['L'], ['L', 'D'], ['L', 'D']]),
    neck=dict(in_channels=[8, 16, 32, 64], out_channels=16),
    bbox_head=dict(in_channels=16, feat_channels=16, stacked_convs=1))
optimizer = dict(_delete_=True, type='SGD', lr=0.01, momentum=0.9)
runner = dict(max_epochs=2)
log_config = dict(interval=1)
EOF
"$program" synth data --images 10 --seed 1 --quiet
small="--data data --quiet --threads 1 --set data.train.pipeline.2.img_scale=[(96,64),(128,96)]"
small="$small --set data.test.pipeline.1.img_scale=(128,96) --set data.val.pipeline.1.img_scale=(128,96)"
# shellcheck disable=SC2086 # $small is several arguments
"$program" train sgd.py $small --work-dir one --set data.samples_per_gpu=4 >/dev/null
# shellcheck disable=SC2086
"$@" -n 2 "$program" train sgd.py $small --work-dir two --set data.samples_per_gpu=2 >/dev/null
losses() { sed -n 's/.*"mode": "train".*"loss": \([^,}]*\).*/\1/p' "$1/log.jsonl"; }
losses one >one.txt
losses two >two.txt
paste one.txt two.txt | awk '
    { n++; d = ($1 - $2) / $1; if (d < 0) d = -d; if (d > worst) worst = d }
    END { printf "%d steps, losses differ by at most %g\n", n, worst; exit !(n > 3 && worst < 1e-5) }'

# Stopped after the first epoch by what is no error, and continued.
# shellcheck disable=SC2086
"$@" -n 2 "$program" train sgd.py $small --work-dir two --set data.samples_per_gpu=2 --resume >/dev/null
status=0
# shellcheck disable=SC2086
"$@" -n 2 "$program" train sgd.py $small --work-dir bad --set data.samples_per_gpu=2 --set optimizer.lr=1e9 >/dev/null 2>err || status=$?
[ $status -ne 0 ] || { echo 'a run that diverges ends with 0'; exit 1; }
grep -q ': step ' err || { echo 'it does not say why'; cat err; exit 1; }
echo passed
