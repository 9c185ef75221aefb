#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""DETR and Deformable DETR by the code that their authors published, in PyTorch: a peer for bench_networks.

    torch_detr.py ROOT CONFIG[@HxW] [THREADS]           prints parameters=.. median_ms=.. peak_rss_mb=..
    torch_detr.py ROOT op [THREADS]                     the cases of bench_detr_attention: median_ms=.. of each, forward

ROOT holds clones of facebookresearch/detr and fundamentalvision/Deformable-DETR. CONFIG is one of ours that gives the arguments of
their main programs. Deformable DETR's attention is its own pure-tensor form, ms_deform_attn_core_pytorch, the only one that runs on
a CPU. Weights are random. Needs torch, torchvision and numpy; SciPy, packaging and the CUDA extension are stood in for."""
import argparse
import glob
import importlib
import os
import resource
import statistics
import sys
import time
import types

import torch
import torchvision


def read_args(path):
    """The args of a config, those of its bases first."""
    values = {}
    with open(path) as f:
        exec(compile(f.read(), path, "exec"), values)
    bases = values.get("_base_", [])
    args = {}
    for base in [bases] if isinstance(bases, str) else bases:
        args.update(read_args(os.path.join(os.path.dirname(path), base)))
    args.update(values.get("args", {}))
    return args


def module(name, **members):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__dict__.update(members)


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
    args = argparse.Namespace(masks=False, pre_norm=False, frozen_weights=None, device="cpu", aux_loss=True, position_embedding_scale=None,
                              set_cost_class=1, set_cost_bbox=5, set_cost_giou=2, cls_loss_coef=2, bbox_loss_coef=5, giou_loss_coef=2,
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
    times = []
    with torch.no_grad():
        for _ in range(4):
            start = time.perf_counter()
            run()
            times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times[1:])


def time_op(root):
    use_clone(root, "Deformable-DETR")
    core = importlib.import_module("models.ops.functions.ms_deform_attn_func").ms_deform_attn_core_pytorch
    shapes = [(100, 152), (50, 76), (25, 38), (13, 19)]
    cells = sum(h * w for h, w in shapes)
    centres = torch.cat([torch.stack(torch.meshgrid((torch.arange(h) + 0.5) / h, (torch.arange(w) + 0.5) / w, indexing="ij")[::-1], -1).reshape(-1, 2)
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
    root, name = sys.argv[1:3]
    torch.set_num_threads(int(sys.argv[3]) if len(sys.argv) > 3 else torch.get_num_threads())
    if name == "op":
        time_op(root)
        return
    config, _, size = name.partition("@")
    height, width = (int(n) for n in (size or "800x1216").split("x"))
    net = build(root, read_args(config)).eval()
    image = [torch.randn(3, height, width)]
    parameters = sum(p.numel() for p in net.parameters())
    print(f"torch {torch.__version__} {name} parameters={parameters} median_ms={median_ms(lambda: net(image)):.1f} "
          f"peak_rss_mb={resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}", flush=True)


main()
