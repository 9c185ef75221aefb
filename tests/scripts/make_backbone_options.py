#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes OUT/CASE/{config.json, weights.pth, input, expected, grads .safetensors}: values, and gradients in float64, by the official
code: the options that configs/ablation changes, on a tiny DAT of the 2023 code, and every family on an image whose sides divide by
nothing. Names with _det are of the detection form.
Usage: make_backbone_options.py CLONES OUT [CASE...]; CLONES as for bench/peers/torch_backbones.py, which this uses.
tests/data/backbones holds swin_odd_det focal_odd_det; smaller ones are made by make_small_backbones.py"""
import copy
import os
import sys

import torch

CLONES, OUT = sys.argv[1:3]
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench", "peers"))
import torch_backbones as official

TINY = dict(dim_stem=8, dims=[8, 16, 32, 64], depths=[2, 2, 2, 2], heads=[1, 2, 2, 4], window_sizes=[4, 4, 2, 2],
            img_size=64, expansion=2, num_classes=5,
            groups=[1, 2, 1, 2], stage_spec=[["L", "S"], ["L", "S"], ["L", "D"], ["L", "D"]], drop_path_rate=0.0)
LATE = [False, False, True, True]
CASES = {
    "stages_4": dict(stage_spec=[["L", "S"], ["L", "S"], ["L", "S"], ["L", "D"]], use_pes=[False, False, False, True],
                     window_sizes=[4, 4, 4, 2]),
    "stages_1234": dict(stage_spec=[["L", "D"]] * 4, use_pes=[True] * 4, strides=[8, 4, 1, 1],
                        offset_range_factor=[2, 2, 2, 2]),
    "pyramid": dict(stage_spec=[["L", "P"], ["L", "P"], ["L", "D"], ["L", "D"]], sr_ratios=[8, 4, -1, -1]),
    "no_off": dict(no_offs=LATE),
    "no_off_fixed": dict(no_offs=LATE, fixed_pes=LATE),
    "no_pe": dict(use_pes=[False] * 4),
    "fixed": dict(fixed_pes=LATE),
    "fixed_clamp": dict(fixed_pes=LATE, offset_range_factor=[-1] * 4, strides=[-1, -1, 2, 1], ksizes=[9, 7, 3, 3]),
    "dwc": dict(dwc_pes=LATE),
    "range0": dict(offset_range_factor=[-1, -1, 0, 0]),
    "range1": dict(offset_range_factor=[-1, -1, 1, 1]),
    "range16": dict(offset_range_factor=[-1, -1, 16, 16]),
    "clamp": dict(offset_range_factor=[-1] * 4, use_conv_patches=True, use_dwc_mlps=LATE, use_lpus=LATE),
}


ODD = {
    "dat_pp": dict(TINY, groups=[1, 2, 2, 4], nat_ksizes=[3, 5, 3, 3],
                   stage_spec=[["N", "D"], ["N", "D"], ["N", "D"], ["D", "D"]],
                   strides=[4, 2, 1, 1], ksizes=[5, 3, 3, 3]),
    "swin": dict(embed_dim=8, depths=[2, 2, 2], num_heads=[1, 2, 4], window_size=5),
    "focal": dict(embed_dim=8, depths=[2, 2], num_heads=[1, 2], window_size=6, img_size=72, focal_levels=[2, 3],
                  focal_windows=[5, 3], expand_sizes=[3, 2]),
    "pvt": dict(img_size=64, embed_dims=[8, 16, 24, 32], num_heads=[1, 2, 2, 4], mlp_ratios=[2, 2, 2, 2],
                depths=[1, 2, 1, 1]),
    "pvt_v2": dict(img_size=64, embed_dims=[8, 16, 24, 32], num_heads=[1, 2, 2, 4], mlp_ratios=[2, 2, 2, 2],
                   depths=[1, 2, 1, 1]),
    "resnet": dict(depth=18, width_per_group=64),
}
CONFIG = {"dat_pp": "dat_pp_tiny", "swin": "swin_tiny", "focal": "focal_tiny", "pvt": "pvt_tiny",
          "pvt_v2": "pvt_v2_b1", "resnet": "resnet50"}


def cases():
    """Name, ready config, what to change, size of the detection form."""
    for name, options in CASES.items():
        yield f"dat_{name}_cls", "dat_tiny", {**TINY, **options}, None
        yield f"dat_{name}_det", "dat_tiny", {**TINY, **options}, (75, 101)
    for name, options in ODD.items():
        yield f"{name}_odd_det", CONFIG[name], options, (75, 101)


def main():
    official.ROOT = CLONES
    official.stand_in()
    for case, ready, options, size in cases():
        if len(sys.argv) > 3 and case not in sys.argv[3:]:
            continue
        config = copy.deepcopy({**official.read_config(ready)[0], **options})
        torch.manual_seed(0)
        net = official.build(config, bool(size))
        official.finish_config(config, bool(size))
        side = config.get("img_size", 224)
        official.write_case(config, net, torch.randn(1, 3, *(size or (side, side))), os.path.join(OUT, case), True)


main()
