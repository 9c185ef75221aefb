#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# help.sh PROGRAM ROOT -- what the program says of itself, and how it meets a wrong command line.
. "${0%/*}/lib.sh"

run 0 --help && golden help
for name in $(sed -n '/^Commands/,/^$/s/^  \([a-z]*\) .*/\1/p' out); do
    run 0 "$name" --help
    prints "deformer $name "
    prints '  --threads N '
    golden "help-$name"
    widest=$(awk '{ if (length($0) > n) n = length($0) } END { print n + 0 }' out)
    [ "$widest" -le 140 ] || fail "its help is $widest columns wide"
    mv out of_option
    run 0 help "$name"
    same out of_option
    run 0 "$name" -h
    same out of_option
done

# Of one thing that a command does: what is for others is left out.
run 0 metric voc --help && mv out of_voc
grep -q 'comp4_det_val_CLASS.txt' of_voc && grep -q -e '--image-set FILE' of_voc && grep -q -e '--json FILE' of_voc ||
    fail 'leaves out what is for voc'
grep -q -e 'metric lvis' -e '--max-dets' -e '--fixed-ap' -e '^Examples' of_voc && fail 'has what is for others'
run 0 help metric voc && same out of_voc
run 0 --help data && grep -q 'deformer data draw IN OUT' out || fail 'is not the help of data'
run 0 data draw --help && prints '--no-masks' && prints 'deformer data draw photos/ drawn/ --number 50'
grep -q 'deformer data split photos' out && fail 'has examples of others'
run 0 metric nothing --help && grep -q -e '--fixed-ap' out || fail 'is not the whole help'

run 0 -h && mv out of_dash
run 0 help && same out of_dash
run 0 --version && prints 'deformer '

run 2
prints 'Commands'
run 2 evl && says "no command 'evl'; did you mean 'eval'?"
run 2 help evl && says "did you mean 'eval'?"
run 2 eval && says 'usage: deformer eval CONFIG CHECKPOINT'
run 2 eval a b c && says 'usage:'
run 2 eval a b --limt 3 && says "unknown option '--limt'; did you mean '--limit'?"
run 2 eval a b --limit && says '--limit wants N'
run 2 eval a b --limit x && says "--limit wants N, a whole number of at least 1, not 'x'"
run 2 eval a b --limit -5 && says "not '-5'"
run 2 eval a b --limit=0 && says "not '0'"
run 2 eval a b --limit 99999999999999999999 && says 'a whole number'
run 2 eval a b --threads 0 && says '--threads wants N, a whole number from 1 to 1024'
run 2 eval a b --quiet=yes && says '--quiet wants no value'
run 2 eval a b --shard 4/3 && says '--shard 4/3: want I/N with I from 1 to N'
run 2 eval a b --shard 1 && says 'want I/N'
run 2 eval a b --shard 1/2/3 && says 'want I/N'
run 2 predict a b c --score-thr 7 && says '--score-thr wants S, a number from 0 to 1'
run 2 predict a b c --score-thr nan && says '--score-thr wants S'
run 2 predict a b c --quality 0 && says '--quality wants Q, a whole number from 1 to 100'
run 2 forward a b && says 'want --input FILE and --output FILE'
run 2 metric coko a b && says "did you mean 'coco'?"
run 2 metric coco a && says 'metric coco GT.json DT.json'
run 2 metric coco a b --type boxes && says '--type boxes: want bbox'
run 2 info "$config" --shape 3 && says '--shape 3: want HxW'
run 2 info "$config" --shape 0x64 && says 'each 1 to 32768'
run 2 info "$config" --batch 0 && says '--batch wants N'
run 2 bench "$config" --repeat -1 && says '--repeat wants N'
run 2 list head && says "did you mean 'heads'?"
run 2 synth d --images 0 && says '--images wants N, a whole number from 1 to 100000'
run 2 synth d --val 17 && says '--val 17: want at most the number of pictures, --images 16'
run 2 synth d --size 320 && says '--size 320: want WxH or WxH-WxH'
run 2 synth d --size 320x256-64x64 && says '--size 320x256-64x64: the width goes from 320 down to 64'
run 2 synth d --size 320x2560 && says 'want sides from 64 to 2048 pixels, not 2560'
run 2 init "$config" x.pth --seed 1.5 && says '--seed wants N'
run 2 compare --gt a b --seed -1 && says "--seed wants N, a whole number of at least 0, not '-1'"
run 2 convert '' x.pth && says 'an argument is empty, want CHECKPOINT OUT'
run 2 info "$config" --json '' && says "--json wants FILE, not ''"
run 2 info "$config" --set '' && says "--set wants KEY=VALUE, not ''"
run 1 eval -- --limit b && says '--limit: No such file or directory, and no ready config has this name'

# Ready configs by name.
run 0 info demo/retinanet_dat_nano --quiet && mv out by_name
run 0 info "$root/configs/demo/retinanet_dat_nano.py" --quiet && same out by_name
run 0 info demo/retinanet_dat_nano.py --quiet && same out by_name
run 0 info swin_tiny_224 --quiet --depth 1
run 1 info retinanet_dat_nano && says 'several ready configs have this name: want demo/retinanet_dat_nano or nano/retinanet_dat_nano'
run 1 info retinanet_dat_tiny_fpn_1x_cocoo && says "no ready config has this name; did you mean 'retinanet_dat_tiny_fpn_1x_coco'"
run 1 info nowhere/retinanet_dat_nano && says 'nowhere/retinanet_dat_nano: want a config file that ends in .py, .json or .yaml'
run 0 list configs && grep -qx retinanet_dat_tiny_fpn_1x_coco out || fail 'no list of ready configs'
[ -z "$(uniq -d out)" ] && grep -qx demo/retinanet_dat_nano out || fail 'a name that two ready configs have is told without its folder'

set --
while [ $# -lt 130 ]; do set -- "$@" --set a=1; done
run 2 info "$config" "$@" && says '--set wants KEY=VALUE'

if [ -c /dev/full ]; then
    status=0 command='list >/dev/full'
    "$program" list >/dev/full 2>err || status=$?
    is $status 1 'a full disk'
    says 'the output could not be written: No space left on device'
fi
finish
