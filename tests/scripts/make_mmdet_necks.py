#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fixtures of necks/ by mmdet's own modules, in the form of make_fpn.py.   make_mmdet_necks.py OUT_DIR, with mmdet 2.21 or later

In those releases FPN's end_level is the last map that is used."""
import copy
import json
import sys

import torch
from mmdet.models.necks import FPN, ChannelMapper

from tensor_files import save

CHANNELS, SIZES = [3, 4, 6, 5], [(17, 22), (9, 11), (5, 6), (3, 3)]
GN = dict(type="GN", num_groups=4)
CASES = {
    "fpn_last_included": (FPN, dict(num_outs=2, start_level=1, end_level=2)),
    "fpn_last_is_all": (FPN, dict(num_outs=5, start_level=1, end_level=3, add_extra_convs="on_output", norm_cfg=GN)),
    "mapper_plain": (ChannelMapper, dict(kernel_size=1, num_outs=6)),
    "mapper_gn": (ChannelMapper, dict(kernel_size=3, num_outs=5, norm_cfg=GN, act_cfg=None)),
    "mapper_bias": (ChannelMapper, dict(kernel_size=3, norm_cfg=GN, bias=True)),
    "mapper_even": (ChannelMapper, dict(kernel_size=2, bias=False, act_cfg=dict(type="GELU"))),
}

for name, (kind, options) in CASES.items():
    torch.manual_seed(7)
    config = dict(type=kind.__name__, in_channels=CHANNELS, out_channels=8, **options)
    theirs = {k: v for k, v in copy.deepcopy(config).items() if k not in ("type", "bias")}
    net = kind(**theirs)
    if "bias" in config:                                                           # an option of mmdet 3
        for module in [*net.convs, *(net.extra_convs or [])]:
            module.conv.bias = torch.nn.Parameter(torch.zeros(8)) if config["bias"] else None
    net = net.double().eval()
    for p in net.parameters():
        p.data = torch.randn_like(p) * 0.3
    inputs = [torch.randn(2, c, *size, dtype=torch.float64) for c, size in zip(CHANNELS, SIZES)]
    with torch.no_grad():
        outputs = net(inputs)
    tensors = dict(net.state_dict())
    tensors.update({f"input.{i}": x for i, x in enumerate(inputs)}, **{f"output.{i}": x for i, x in enumerate(outputs)})
    save(f"{sys.argv[1]}/{name}.safetensors", tensors, {"config": json.dumps(config)}, "float32")
