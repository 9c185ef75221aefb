#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/points/*.safetensors: where the official networks look, in float64. The official modules run with the weights of the
reference cases, and what they give to their sampling (Deformable DETR) or get from their softmax (DAT) is taken down.

    ddetr_*   the last decoder layer: `points.IMAGE.QUERY` heads*levels*points 3 (x y in pixels of the original, weight), `query.IMAGE.QUERY` x y
    dat_*     a deformable block: `points.IMAGE.QUERY` heads*samples 3, in pixels of the network's input

Needs torch and numpy. Usage: make_points.py tests/data DEFORMABLE_DETR_REPOSITORY DAT_REPOSITORY OUT_DIR"""
import importlib.util
import json
import re
import sys
import types

import numpy as np
import torch
import torch.nn.functional as F

import tensor_files

QUERIES = (0, 3, 17)


def load(path):
    """Floats as float64."""
    tensors = {name: torch.from_numpy(x.copy()) for name, x in tensor_files.load(path).items()}
    return {name: x.double() if x.is_floating_point() else x for name, x in tensors.items()}


# ---- Deformable DETR ------------------------------------------------------------------------------------------------


def official_decoder_layer(repository):
    sys.modules["MultiScaleDeformableAttention"] = types.ModuleType("MultiScaleDeformableAttention")  # the CUDA half
    sys.path.insert(0, repository)
    misc = types.ModuleType("util.misc")
    misc.inverse_sigmoid = None
    sys.modules["util.misc"] = misc
    package = types.ModuleType("models")  # without its __init__, which wants all of COCO's tools
    package.__path__ = [repository + "/models"]
    sys.modules["models"] = package
    from models import deformable_transformer
    from models.ops.functions.ms_deform_attn_func import ms_deform_attn_core_pytorch
    from models.ops.modules import ms_deform_attn

    class Taken:
        @staticmethod
        def apply(value, shapes, start, locations, weights, step):
            Taken.locations, Taken.weights = locations, weights
            return ms_deform_attn_core_pytorch(value, shapes, locations, weights)

    ms_deform_attn.MSDeformAttnFunction = Taken
    return deformable_transformer.DeformableTransformerDecoderLayer, Taken


def ddetr(data, name, Layer, taken, out):
    case = "%s/deformable_detr/%s" % (data, name)
    args = json.load(open(case + "/config.json"))["args"]
    e, image = load(case + "/expected.safetensors"), load(case + "/input.safetensors")
    weights = torch.load(case + "/weights.pth", map_location="cpu")["model"]
    last, C = args["dec_layers"] - 1, args["hidden_dim"]
    layer = Layer(C, args["dim_feedforward"], 0, "relu", args["num_feature_levels"], args["nheads"],
                  args["dec_n_points"])
    prefix = "transformer.decoder.layers.%d." % last
    layer.load_state_dict({k[len(prefix):]: v for k, v in weights.items() if k.startswith(prefix)})
    layer.double().eval()
    shapes = torch.tensor([e["src_%d" % i].shape[-2:] for i in range(args["num_feature_levels"])])
    start = torch.cat([shapes.new_zeros(1), shapes.prod(1).cumsum(0)[:-1]])
    mask = torch.cat([e["mask_%d" % i].flatten(1).bool() for i in range(len(shapes))], 1)
    ratios, reference = e["valid_ratios"], e["inter_references"][last - 1]
    N, Q = reference.shape[:2]
    position = weights["query_embed.weight"].double()[:, :C].expand(N, Q, C)
    scaled = reference[:, :, None] * (torch.cat([ratios, ratios], -1) if reference.shape[-1] == 4 else ratios)[:, None]
    with torch.no_grad():
        layer(e["hs"][last - 1], position, scaled, e["memory"], shapes, start, mask)
    sizes = image["target_sizes"].double().flip(-1)  # w h
    tensors = {}
    for n in range(N):
        for q in QUERIES:
            at = taken.locations[n, q] / ratios[n][None, :, None] * sizes[n]  # heads levels points 2
            tensors["points.%d.%d" % (n, q)] = torch.cat([at, taken.weights[n, q][..., None]], -1).reshape(-1, 3)
            tensors["query.%d.%d" % (n, q)] = reference[n, q, :2] * sizes[n]
    tensor_files.save("%s/ddetr_%s.safetensors" % (out, name), tensors, kind="float32")


# ---- DAT ------------------------------------------------------------------------------------------------------------


def rearrange(x, pattern, **sizes):
    """What the official code uses of einops: splitting, joining and turning dimensions."""
    left, right = ([re.findall(r"\w+", g) for g in re.findall(r"\([^)]*\)|\w+", side)] for side in pattern.split("->"))
    for group, size in zip(left, x.shape):
        known = int(np.prod([sizes[a] for a in group if a in sizes]))
        for axis in group:
            if axis not in sizes:
                sizes[axis] = size // known
    axes = [a for g in left for a in g]
    x = x.reshape([sizes[a] for a in axes]).permute([axes.index(a) for g in right for a in g])
    return x.reshape([int(np.prod([sizes[a] for a in g])) for g in right])


def official_dat(repository):
    einops, layers = types.ModuleType("einops"), types.ModuleType("timm.models.layers")
    einops.rearrange = rearrange
    layers.DropPath = lambda rate: torch.nn.Identity()
    layers.to_2tuple = lambda x: (x, x) if isinstance(x, int) else tuple(x)
    layers.trunc_normal_ = torch.nn.init.trunc_normal_
    natten = types.ModuleType("natten.functional")
    natten.NATTEN2DQKRPBFunction = natten.NATTEN2DAVFunction = None
    sys.modules.update({"einops": einops, "timm": types.ModuleType("timm"),
                        "timm.models": types.ModuleType("timm.models"),
                        "timm.models.layers": layers, "natten": types.ModuleType("natten"),
                        "natten.functional": natten})
    package = types.ModuleType("official_dat")
    package.__path__ = [repository + "/models"]
    sys.modules["official_dat"] = package
    return importlib.import_module("official_dat.dat").DAT, importlib.import_module("official_dat.dat_blocks").DAttentionBaseline


def dat(data, name, paths, Dat, Attention, out):
    case = "%s/backbones/%s" % (data, name)
    options = json.load(open(case + "/config.json"))["backbone"]
    for ours in ("type", "style", "code_version"):
        options.pop(ours)
    net = Dat(**options)
    missing = net.load_state_dict(torch.load(case + "/weights.pth", map_location="cpu"), strict=False).missing_keys
    assert all("relative_position_index" in k or "attn_mask" in k for k in missing), missing
    net.double().eval()
    softmax, taken, tensors = F.softmax, {}, {}
    for path, module in net.named_modules():
        if isinstance(module, Attention) and path in paths:
            module.register_forward_pre_hook(lambda m, args, path=path: taken.update(path=path, map=args[0].shape[-2:]))
            module.register_forward_hook(lambda m, args, y, path=path: taken.update({path: (taken["softmax"], y[1], taken["map"], m.n_heads)}))
    F.softmax = lambda x, dim: taken.update(softmax=softmax(x, dim=dim)) or taken["softmax"]
    with torch.no_grad():
        net(load(case + "/input.safetensors")["image"])
    F.softmax = softmax
    for path in paths:
        weights, positions, (H, W), heads = taken[path]  # B*heads HW Ns; B G Hk Wk 2 (y, x)
        B, G = positions.shape[:2]
        cell = options["patch_size"] << int(path.split(".")[1])
        at = (positions.flip(-1).flatten(2, 3) + 1) / 2 * torch.tensor([W - 1, H - 1]) + 0.5
        at = (at * cell).repeat_interleave(heads // G, 1)  # B heads Ns 2
        weights = weights.reshape(B, heads, H * W, -1)
        for n in range(B):
            for q in (0, H * W // 2, H * W - 1):
                tensors["%s.points.%d.%d" % (path, n,
                                             q)] = torch.cat([at[n], weights[n, :, q, :, None]], -1).reshape(-1, 3)
    tensor_files.save("%s/%s.safetensors" % (out, name), tensors, kind="float32")


def main(data, ddetr_repository, dat_repository, out):
    layer = official_decoder_layer(ddetr_repository)
    for name in ("plain", "box_refine", "single_scale"):
        ddetr(data, name, *layer, out)
    dat(data, "dat_cls", ["stages.2.attns.1", "stages.3.attns.1"], *official_dat(dat_repository), out)


main(*sys.argv[1:])
