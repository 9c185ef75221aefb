#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/heads/uper_{bn,gn,ws}.safetensors: UPerHead in float64 PyTorch, restated from mmseg 0.11's uper_head.py, with batch and group norm,
and with batch norm behind convolutions whose weights are standardised (mmcv's ConvWS),
on maps of 63, 64, 65 and 131 rows: around the 64 rows that are computed at a time.
Usage: make_uper.py; needs torch and safetensors."""
import os

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

C, CLASSES, WIDTH, LEVELS, POOLS = 4, 3, 5, 4, (1, 2, 3, 6)
torch.manual_seed(5)


def short(*shape, scale=1.0):
    return (torch.randn(*shape) * scale).half().double()


def module(name, inputs, kernel):
    return {f"{name}.conv.weight": short(C, inputs, kernel, kernel, scale=(inputs * kernel) ** -0.5 / kernel ** 0.5),
            f"{name}.NORM.weight": 1 + short(C, scale=0.3), f"{name}.NORM.bias": short(C, scale=0.3),
            f"{name}.bn.running_mean": short(C, scale=0.3), f"{name}.bn.running_var": 0.5 + short(C).abs()}


weights = {"conv_seg.weight": short(CLASSES, C, 1, 1), "conv_seg.bias": short(CLASSES)}
for i in range(len(POOLS)):
    weights.update(module(f"psp_modules.{i}.1", C, 1))
weights.update(module("bottleneck", C * (len(POOLS) + 1), 3))
for i in range(LEVELS - 1):
    weights.update(module(f"lateral_convs.{i}", C, 1))
    weights.update(module(f"fpn_convs.{i}", C, 3))
weights.update(module("fpn_bottleneck", C * LEVELS, 3))


def run(name, x, norm):
    kernel = weights[f"{name}.conv.weight"]
    if norm == "ws":
        rows = kernel.flatten(1)
        rows = (rows - rows.mean(1, keepdim=True)) / (rows.std(1, keepdim=True) + 1e-5)
        kernel = rows.view_as(kernel)
    x = F.conv2d(x, kernel, padding=kernel.shape[-1] // 2)
    weight, bias = weights[f"{name}.NORM.weight"], weights[f"{name}.NORM.bias"]
    if norm == "gn":
        x = F.group_norm(x, 2, weight, bias)
    else:
        x = F.batch_norm(x, weights[f"{name}.bn.running_mean"], weights[f"{name}.bn.running_var"], weight, bias)
    return x.relu()


def resize(x, like):
    return F.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=False)


def head(maps, norm):
    x = [run(f"lateral_convs.{i}", m, norm) for i, m in enumerate(maps[:-1])]
    top = maps[-1]
    pooled = [resize(run(f"psp_modules.{i}.1", F.adaptive_avg_pool2d(top, p), norm), top) for i, p in enumerate(POOLS)]
    x.append(run("bottleneck", torch.cat([top] + pooled, 1), norm))
    for i in range(LEVELS - 1, 0, -1):
        x[i - 1] = x[i - 1] + resize(x[i], x[i - 1])
    levels = [run(f"fpn_convs.{i}", x[i], norm) for i in range(LEVELS - 1)] + [x[-1]]
    levels = [levels[0]] + [resize(l, levels[0]) for l in levels[1:]]
    return F.conv2d(run("fpn_bottleneck", torch.cat(levels, 1), norm), weights["conv_seg.weight"],
                    weights["conv_seg.bias"])


maps = {h: [short(1, C, -(-h // 2 ** i), -(-WIDTH // 2 ** i)) for i in range(LEVELS)] for h in (63, 64, 65, 131)}
folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "heads")
os.makedirs(folder, exist_ok=True)
for norm in ("bn", "gn", "ws"):
    out = {n.replace("NORM", "gn" if norm == "gn" else "bn"): w.float()
           for n, w in weights.items() if norm != "gn" or ".bn." not in n}
    for h, levels in maps.items():
        out.update({f"map{i}_{h}": m.float() for i, m in enumerate(levels)})
        out[f"scores_{h}"] = head(levels, norm).float()
    save_file({k: v.contiguous() for k, v in out.items()}, os.path.join(folder, f"uper_{norm}.safetensors"))
