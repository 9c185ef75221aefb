#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""DETR and Deformable DETR by the code that their authors published, in PyTorch: a peer for bench_networks.

    torch_detr.py ROOT CONFIG[@HxW] [THREADS]           prints median_ms=.. peak_rss_mb=.. parameters=..
    torch_detr.py ROOT op [THREADS]                     the cases of bench_detr_attention: median_ms=.. of each, forward

ROOT holds clones of facebookresearch/detr and fundamentalvision/Deformable-DETR. CONFIG is one of ours that gives the arguments of
their main programs. Deformable DETR's attention is its own pure-tensor form, ms_deform_attn_core_pytorch, the only one that runs on
a CPU. Weights are random. Needs torch, torchvision and numpy; SciPy, packaging and the CUDA extension are stood in for."""
import argparse
import glob
import importlib
import os
import sys
import types

import torch
import torchvision

import harness
from harness import module


def use_clone(root, end):
    sys.path.insert(0, next(d for d in glob.glob(os.path.join(root, "*")) if d.endswith(end)))
    module("scipy")
    module("scipy.optimize", linear_sum_assignment=None)
    module("packaging", version=types.SimpleNamespace(parse=lambda text: [int(n) for n in text.split(".")[:2]]))
    module("MultiScaleDeformableAttention")
    torchvision.__version__ = "0.9"  # the older code reads two digits of it


def build(root, given):
    deformable = "num_feature_levels" in given
    use_clone(root, "Deformable-DETR" if deformable else "detr")
    backbone = importlib.import_module("models.backbone")
    backbone.is_main_process = lambda: False  # no weights are fetched
    args = argparse.Namespace(masks=False, pre_norm=False, frozen_weights=None, device="cpu", aux_loss=True,
                              position_embedding_scale=None,
                              set_cost_class=1, set_cost_bbox=5, set_cost_giou=2, cls_loss_coef=2, bbox_loss_coef=5,
                              giou_loss_coef=2,
                              mask_loss_coef=1, dice_loss_coef=1, eos_coef=0.1, focal_alpha=0.25)
    args.__dict__.update(given)
    if not deformable:
        return importlib.import_module("models.detr").build(args)[0]
    functions = importlib.import_module("models.ops.functions.ms_deform_attn_func")
    attention = importlib.import_module("models.ops.modules.ms_deform_attn")
    core = functions.ms_deform_attn_core_pytorch
    attention.MSDeformAttnFunction = types.SimpleNamespace(
        apply=lambda value, shapes, _, locations, weights, __: core(value, shapes, locations, weights))
    return importlib.import_module("models.deformable_detr").build(args)[0]


def median_ms(run):
    return harness.median_ms(harness.time_passes(run, 3))


def time_op(root):
    use_clone(root, "Deformable-DETR")
    core = importlib.import_module("models.ops.functions.ms_deform_attn_func").ms_deform_attn_core_pytorch
    shapes = [(100, 152), (50, 76), (25, 38), (13, 19)]
    cells = sum(h * w for h, w in shapes)
    centres = torch.cat([torch.stack(torch.meshgrid((torch.arange(h) + 0.5) / h, (torch.arange(w) + 0.5) / w,
                                                    indexing="ij")[::-1], -1).reshape(-1, 2)
                         for h, w in shapes])
    for queries in (300, cells):
        value, weights = torch.rand(1, cells, 8, 32) * 2 - 1, torch.rand(1, queries, 8, 4, 4)
        location = torch.rand(1, queries, 8, 4, 4, 2)
        if queries == cells:
            location = centres[None, :, None, None, None] + 0.03 * (location - 0.5)
        print(f"deformable, {queries} queries: median_ms={median_ms(lambda: core(value, shapes, location, weights)):.2f}", flush=True)
    for tokens in (950, 3800):
        q, k, v = (torch.rand(8, tokens, 32) * 2 - 1 for _ in range(3))
        print(f"full, {tokens} queries: median_ms={median_ms(lambda: (q * 0.17678 @ k.transpose(1, 2)).softmax(-1) @ v):.2f}", flush=True)


def main():
    root, name, *rest = sys.argv[1:]
    harness.use_threads(rest)
    if name == "op":
        time_op(root)
        return
    config, size = harness.split_size(name, (800, 1216))
    net = build(root, harness.read_config(config)["args"]).eval()
    image = [torch.randn(3, *size)]
    harness.report(name, harness.time_passes(lambda: net(image), harness.passes_of(size[1])),
                   parameters=sum(p.numel() for p in net.parameters()))


if __name__ == "__main__":
    main()
