#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# train.sh PROGRAM ROOT MPIRUN -- two processes, each with half of every batch, have the losses of one process with whole batches;
# scores are those of the whole validation set; a process that dies ends the run, which goes on from its last checkpoint.
. "${0%/*}/../cli/lib.sh"
mpirun=$3

# Pictures of several sizes, so that each process pads to another one; norms over the whole batch; regions drawn at random.
network() { # NAME BASE [LINE]...
    printf "_base_ = '%s/configs/nano/%s'\n" "$root" "$2" >"$1.py"
    cat >>"$1.py" <<EOF
model = dict(
    backbone=dict(dim_stem=8, dims=[8, 16, 32, 64], depths=[1, 1, 2, 2], stage_spec=[['L'], ['L'], ['L', 'D'], ['L', 'D']]),
    neck=dict(in_channels=[8, 16, 32, 64], norm_cfg=dict(type='SyncBN', requires_grad=True)))
runner = dict(max_epochs=1)
evaluation = dict(interval=1)
log_config = dict(interval=1)
EOF
}
network retina retinanet_dat_nano.py
network mask mask_rcnn_dat_nano.py
run 0 synth data --images 20 --val 20 --coco --seed 1 --quiet
small="--data data --quiet --threads 1 --set data.train.pipeline.2.img_scale=[(96,64),(160,128)]"
small="$small --set data.test.pipeline.1.img_scale=(128,96) --set data.val.pipeline.1.img_scale=(128,96)"

# shellcheck disable=SC2086 # $small is several arguments
together() { # WANT ARGUMENT..., as `run`
    want=$1
    shift
    command="$* (with $mpirun)"
    status=0
    "$mpirun" --oversubscribe -n 2 "$program" "$@" $small >out 2>err || status=$?
    [ "$status" -eq "$want" ] || fail "ends with $status, want $want"
}

losses() { sed -n 's/.*"loss": \([0-9.e+-]*\).*/\1/p' "$1/log.jsonl"; }
scores() { grep '"mode": "val"' "$1/log.jsonl"; }

for name in retina mask; do
    # shellcheck disable=SC2086
    run 0 train $name.py --work-dir $name-one $small --set data.samples_per_gpu=4
    together 0 train $name.py --work-dir $name-two --set data.samples_per_gpu=2
    losses $name-one >one.txt
    losses $name-two >two.txt
    [ "$(wc -l <one.txt)" -ge 4 ] || fail "$(wc -l <one.txt) steps in the log, want 4 or more"
    paste one.txt two.txt | awk '{ d = $1 - $2; if (d < 0) d = -d; if (!(d <= 1e-4 * $1)) { print; bad = 1 } } END { exit bad }' >far.txt ||
        fail "$name: losses of one process and of two: $(head -n 2 far.txt | tr '\n' ' ')"
    [ -n "$(scores $name-two)" ] || fail "$name: no scores in the log of two processes"
done

# Images are shared among processes; what comes out has the same bytes.
sized='--set data.test.pipeline.1.img_scale=(128,96) --set model.test_cfg.rcnn.score_thr=0'
# shellcheck disable=SC2086
run 0 eval mask-one/config.py mask-one/latest.safetensors --quiet --out eval-one $sized && cp out table-one
"$mpirun" --oversubscribe -n 2 "$program" eval mask-one/config.py mask-one/latest.safetensors --quiet --out eval-two $sized >out 2>err ||
    fail 'eval by two processes fails'
same out table-one
for file in results.bbox.json results.segm.json; do
    same eval-one/$file eval-two/$file
done
[ "$(wc -c <eval-two/results.bbox.json)" -gt 1000 ] || fail 'nothing was detected'

# A loss that is no number on one process ends all, with its sentence.
together 1 train retina.py --work-dir bad --set data.samples_per_gpu=2 --set optimizer.lr=1e9
grep -q ': step ' err || fail 'does not say in which step a run diverged'

# One of two dies as soon as there is a checkpoint; the run goes on from it.
export victim='until [ -e killed/latest.safetensors ]; do kill -0 $0 || exit; sleep 0.1; done; kill -9 $0'
# shellcheck disable=SC2016,SC2086 # the inner shell expands these; $small is several arguments
"$mpirun" --oversubscribe -n 2 sh -c '[ "$OMPI_COMM_WORLD_RANK" = 0 ] || sh -c "$victim" $$ & exec "$0" "$@"' \
    "$program" train retina.py --work-dir killed $small --set data.samples_per_gpu=2 --set runner.max_epochs=100000 \
    --set checkpoint_config.interval=1 >out 2>err && fail 'a run whose process died ends with 0'
[ -s err ] || fail 'a run whose process died says nothing'
together 0 train retina.py --work-dir killed --resume --dry-run --set data.samples_per_gpu=2 --set runner.max_epochs=100000 \
    --set checkpoint_config.interval=1
finish
