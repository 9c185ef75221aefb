#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes OUT: outputs of mmcv's GeneralizedAttention, and gradients of their sum with its input, in float64: every fifth channel, or every
64th of many. Inputs and weights are drawn by drawn(), as tests/backbone/test_generalized_attention.c draws them.
Usage: make_generalized_attention.py OUT, with mmcv installed (tests/data/blocks/generalized_attention.safetensors)."""
import itertools
import sys

import numpy as np
import torch
from mmcv.cnn.bricks.generalized_attention import GeneralizedAttention

import tensor_files

CASES = {"".join(t): dict(in_channels=12, num_heads=3, attention_type="".join(t)) for t in itertools.product("01", repeat=4)}
CASES["strides"] = dict(in_channels=12, num_heads=3, attention_type="0100", q_stride=2, kv_stride=3, position_magnitude=2)
WIDE = dict(in_channels=256, num_heads=8, position_embedding_dim=8)
CASES["near"] = dict(WIDE, attention_type="1111", spatial_range=2)
CASES["near_of_every_third"] = dict(WIDE, attention_type="0100", spatial_range=3, kv_stride=3)
CASES["near_of_the_first"] = dict(WIDE, attention_type="0010", spatial_range=1)
CASES["near_strided"] = dict(WIDE, attention_type="1011", spatial_range=0, q_stride=2, kv_stride=1)
CASES["near_of_512"] = dict(WIDE, in_channels=512, attention_type="1001", spatial_range=1)


def drawn(name, *shape):
    """Numbers in [-1/2, 1/2) of 24 bits, by a hash of the name and the place."""
    seed = 2166136261
    for byte in name.encode():
        seed = (seed ^ byte) * 16777619 & 0xffffffff
    place = np.arange(np.prod(shape), dtype=np.uint64)
    bits = (place * np.uint64(2654435761) + np.uint64(seed)) & np.uint64(0xffffffff)
    bits = ((bits ^ (bits >> np.uint64(15))) * np.uint64(2246822519)) & np.uint64(0xffffffff)
    return torch.from_numpy((bits >> np.uint64(8)).astype(np.float64) / 2 ** 24 - 0.5).reshape(shape)


def main():
    out = {}
    for case, options in CASES.items():
        net = GeneralizedAttention(**options).double()
        for name, param in net.named_parameters():
            if param.requires_grad:
                param.data = drawn(name, *param.shape) / (4 if param.dim() > 1 else 1)
        mirrors = options["attention_type"][1::2] == "10"              # mmcv then fails where a map is not square
        x = drawn("x", 2, options["in_channels"], 7, 7 if mirrors else 9).requires_grad_()
        y = net(x)
        (y * x.detach()).sum().backward()
        step = 64 if options["in_channels"] > 12 else 5
        out[case + ".y"] = y[:, ::step].float()
        out[case + ".grad"] = x.grad[:, ::step].float()
    tensor_files.save(sys.argv[1], out)


main()
