#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes OUT/CASE/{config.json, weights.pth, input, expected, grads .safetensors}: values, and gradients in float64, by mmdet's own
Swin and PVT.
Usage: make_mmdet_backbones.py OUT [CASE...], with mmdet (2.17 or later) installed.
tests/data/backbones holds the cases swin_mmdet_* and pvt_mmdet_*"""
import copy
import os
import sys

import torch

sys.argv[1:1] = ["."]                                                              # torch_backbones wants a folder of clones
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench", "peers"))
import torch_backbones as official
from mmdet.models.backbones.pvt import PyramidVisionTransformer, PyramidVisionTransformerV2
from mmdet.models.backbones.swin import SwinTransformer

TYPES = {"SwinTransformer": SwinTransformer, "PyramidVisionTransformer": PyramidVisionTransformer,
         "PyramidVisionTransformerV2": PyramidVisionTransformerV2}
SWIN = dict(type="SwinTransformer", embed_dims=4, depths=[2, 2, 1], num_heads=[1, 2, 2], window_size=4, mlp_ratio=2, drop_path_rate=0.0)
PVT = dict(type="PyramidVisionTransformer", embed_dims=4, num_layers=[1, 2, 1, 1], num_heads=[1, 2, 2, 3], mlp_ratios=[2, 2, 1, 1], drop_path_rate=0.0)
V2 = dict(PVT, type="PyramidVisionTransformerV2")
CASES = {
    "swin_mmdet": (dict(SWIN, strides=[4, 2, 2], out_indices=[0, 1, 2], convert_weights=True), (43, 58)),
    "swin_mmdet_ape": (dict(SWIN, embed_dims=6, num_heads=[1, 2, 3], strides=[4, 2, 1], out_indices=[0, 2], use_abs_pos_embed=True, patch_norm=False,
                            pretrain_img_size=[32, 48], qkv_bias=False, qk_scale=0.3, norm_cfg=dict(type="LN", eps=1e-3), act_cfg=dict(type="ReLU")), (35, 50)),
    "swin_mmdet_strides": (dict(SWIN, embed_dims=4, strides=[2, 3, 4], patch_size=2, out_indices=[0, 1, 2]), (37, 53)),
    "pvt_mmdet": (dict(PVT, pretrain_img_size=64), (43, 58)),
    "pvt_mmdet_bare": (dict(PVT, use_abs_pos_embed=False, qkv_bias=False, norm_after_stage=True, out_indices=[1, 3], act_cfg=dict(type="ReLU"),
                            norm_cfg=dict(type="LN", eps=1e-4), patch_sizes=[5, 3, 2, 3], strides=[3, 2, 2, 2], paddings=[1, 0, 1, 1], sr_ratios=[4, 1, 2, 1]), (43, 58)),
    "pvt_mmdet_conv": (dict(PVT, num_stages=2, num_layers=[1, 2], num_heads=[1, 3], mlp_ratios=[2, 1], patch_sizes=[4, 2], strides=[4, 2], paddings=[0, 0],
                            sr_ratios=[4, 2], out_indices=[0, 1], use_conv_ffn=True, pretrain_img_size=[32, 48]), (35, 50)),
    "pvt_v2_mmdet": (dict(V2, sr_ratios=[8, 4, 2, 1]), (43, 58)),
}


def tuples(config):
    return {k: tuple(v) if k == "pretrain_img_size" and isinstance(v, list) else v for k, v in config.items()}


def main():
    for case, (config, size) in CASES.items():
        if len(sys.argv) > 3 and case not in sys.argv[3:]:
            continue
        torch.manual_seed(0)
        options = tuples({k: v for k, v in config.items() if k != "type"})
        net = TYPES[config["type"]](**copy.deepcopy(options))
        net.eval()
        official.write_case(copy.deepcopy(config), net, torch.randn(1, 3, *size), os.path.join(sys.argv[2], case), True)
        print(case, sum(p.numel() for p in net.parameters()))


main()
