# SPDX-License-Identifier: Apache-2.0
#
# deformer quantize: networks of every kind in 8 bits, what is lost by it, and files that are no good.
. "$(dirname "$0")/lib.sh"

# ---- a detector that learnt: half a point of AP is the most that it may lose -------------------------------------------
# The rungs without vectors would take minutes for it, and their sums of integers are those of every rung (test_gemm_int8):
# there a few pictures are found in, and no AP is compared.
case ${DEFORMER_CPU:-} in
c | blas) pictures=4 least=0 loss=1 ;;
*) pictures=80 least=0.3 loss=0.005 ;;
esac
zoo=$root/zoo/world_retinanet_dat
run 0 synth data --images $((pictures + 1)) --val $pictures --seed 2 --quiet
run 0 eval "$zoo/config.py" "$zoo/weights.safetensors" --data data --json before.json --quiet
run 0 quantize "$zoo/config.py" "$zoo/weights.safetensors" int8.safetensors --data data --pictures 6 --probes 1 --json layers.json --quiet
prints 'layers in int8, loss 0.0'
grep -q '"precision": "int8"' layers.json || fail "writes no precision"
run 0 eval "$zoo/config.py" int8.safetensors --data data --json after.json --quiet
prints 'precision: int8'
grep -q '"precision": "int8"' after.json || fail "the scores do not say in what precision"
ap() { sed -n 's/.*"stats": \[\([0-9.e-]*\).*/\1/p' "$1" | head -n 1; }
awk -v a="$(ap before.json)" -v b="$(ap after.json)" -v least=$least -v loss=$loss 'BEGIN { exit !(a > least && b > a - loss) }' ||
    fail "AP $(ap before.json) becomes $(ap after.json)"

# ---- every command reads it --------------------------------------------------------------------------------------------
picture=$(find data/val2017 -name '*.jpg' | sort | head -n 1)
run 0 predict "$zoo/config.py" int8.safetensors "$picture" --json found.json --quiet
grep -q '"precision": "int8"' found.json || fail "predict does not say in what precision"
run 0 predict "$zoo/config.py" int8.safetensors "$picture" --json one.json --threads 1 --quiet
same found.json one.json
run 0 bench "$zoo/config.py" --weights int8.safetensors --shape 64x64 --repeat 1 --quiet
prints 'int8'
run 2 quantize "$zoo/config.py" int8.safetensors again.safetensors --data data --range most
says '--range most: want mse, min-max or percentile'
run 2 quantize "$zoo/config.py" int8.safetensors again.pth --data data
says 'again.pth: want a name that ends in .safetensors'
run 1 quantize "$zoo/config.py" int8.safetensors again.safetensors --data data/val2017 --quiet
says 'the weights are in 8 bits already'
DEFORMER_CPU=c run 1 predict "$zoo/config.py" int8.safetensors "$picture" --precision bf16 --quiet
says 'int8'

# ---- the worst stay in float32 -----------------------------------------------------------------------------------------
run 0 quantize "$zoo/config.py" "$zoo/weights.safetensors" half.safetensors --data data/val2017 --pictures 3 --probes 1 --max-loss 0.02 --keep backbone.stages.0 --range min-max --quiet
prints 'kept in float32, with the loss of each alone:'
run 1 quantize "$zoo/config.py" "$zoo/weights.safetensors" none.safetensors --data data/val2017 --pictures 2 --probes 1 --max-loss 0.00001 --quiet
says 'want a larger budget'
[ ! -e none.safetensors ] || fail "writes a checkpoint all the same"

# ---- damaged -----------------------------------------------------------------------------------------------------------
sed 's/weight\.scale"/weight.scalf"/' int8.safetensors >lacking.safetensors
run 1 eval "$zoo/config.py" lacking.safetensors --data data --quiet
says '.scale is missing: want a file of deformer quantize'
head -c 100000 int8.safetensors >short.safetensors
run 1 eval "$zoo/config.py" short.safetensors --data data --quiet

# ---- networks of other kinds, at random ----------------------------------------------------------------------------------
mkdir pictures
for name in $(ls data/val2017 | head -n 2); do cp "data/val2017/$name" pictures; done
for name in nano/upernet_dat_nano nano/mask_rcnn_dat_nano nano/deformable_detr_dat_nano nano/classifier_dat_nano; do
    run 0 quantize "$root/configs/$name.py" random:1 other.safetensors --data pictures --pictures 2 --probes 1 --max-loss 10 --quiet
    run 0 predict "$root/configs/$name.py" other.safetensors pictures --json found.json --quiet
    run 0 bench "$root/configs/$name.py" --weights other.safetensors --shape 128x128 --repeat 1 --quiet
    prints ' int8,'
done

finish
