#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The backbones of configs/classification by the code that their authors published, in PyTorch: a peer for bench_networks, and a
witness for values and names.

    torch_backbones.py ROOT time CONFIG[@HxW] [THREADS]         prints median_ms=.. peak_rss_mb=..
    torch_backbones.py ROOT case CONFIG[@HxW] OUT [KEY=VALUE..] writes OUT/{config.json, weights.pth, input, expected .safetensors}
    torch_backbones.py ROOT grad CONFIG[@HxW] OUT [KEY=VALUE..] the same, and gradients in float64
    torch_backbones.py ROOT keys CONFIG[@HxW]                   prints names and shapes of the state_dict

ROOT holds clones of Swin-Transformer, Swin-Transformer-Object-Detection, DAT, DAT-Detection (LeapLabTHU), PVT (whai362) and
Focal-Transformer. With @HxW a config is built in its detection form, without it in its classification form at its img_size.
KEY=VALUE changes an option of the backbone (a Python literal). Needs torch, torchvision and numpy; mmcv, timm, einops and NATTEN are
stood in for. Where the official code does not run:

- The 2022 code of DAT was published for classification only and is not in those clones: here DAT has the 2023 arithmetic, which does
  the same work. To compare values, give ours code_version=2023.
- DAT-Detection's shifted windows roll a tuple: its tensor is rolled here.
- Focal's detection code was never released: its classification stages run here on a map of any size, with a norm on each stage.
- NATTEN has no PyTorch form: the neighbourhood is gathered by unfolding the map, which is the fastest way that PyTorch has.
"""
import ast
import copy
import importlib.util
import math
import os
import re
import sys
import types
from functools import partial

import torch
import torch.nn as nn

import harness
from harness import module, save_tensors

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIGS = os.path.join(HERE, "..", "..", "configs", "classification")

# ---- what stands in for mmcv, timm, einops and NATTEN ---------------------------------------------------------------


class DropPath(nn.Identity):
    def __init__(self, p=None):
        super().__init__()


class Registry:
    def register_module(self, *args, **kwargs):
        return lambda cls: cls


def rearrange(x, pattern, **sizes):
    """einops.rearrange: 'b (g c) h w -> (b g) c h w'."""
    left, right = ([t.strip("()").split() for t in re.findall(r"\([^)]*\)|\S+", side)] for side in pattern.split("->"))
    for group, n in zip(left, x.shape):
        known = math.prod(sizes.get(a, 1) for a in group)
        for a in group:
            sizes.setdefault(a, n // known)
    flat = [a for group in left for a in group]
    x = x.reshape([sizes[a] for a in flat]).permute([flat.index(a) for group in right for a in group])
    return x.reshape([math.prod(sizes[a] for a in group) for group in right])


def around(x, side):
    """B heads H W D -> B heads H W side*side D: the side x side tokens nearest to each."""
    H, W, half = x.shape[2], x.shape[3], side // 2
    x = x.unfold(2, side, 1).unfold(3, side, 1)                                   # B heads h w D side side
    rows = (torch.arange(H) - half).clamp(0, H - side)
    cols = (torch.arange(W) - half).clamp(0, W - side)
    return x[:, :, rows][:, :, :, cols].permute(0, 1, 2, 3, 5, 6, 4).flatten(4, 5)


def position_index(size, side):
    """Of the table of relative positions, along one axis: size side."""
    i = torch.arange(size)
    start = (i - side // 2).clamp(0, size - side)
    return start[:, None] - i[:, None] + torch.arange(side) + side - 1


class NeighborhoodScores:
    @staticmethod
    def apply(q, k, rpb, side, dilation):
        assert dilation == 1
        scores = (around(k, side) @ q[..., None]).squeeze(-1)                      # B heads H W side*side
        y, x = position_index(q.shape[2], side), position_index(q.shape[3], side)
        return scores + rpb[:, y[:, None, :, None], x[None, :, None, :]].flatten(3)


class NeighborhoodValues:
    @staticmethod
    def apply(p, v, side, dilation):
        return (p[..., None, :] @ around(v, side)).squeeze(-2)


def stand_in():
    pair = lambda x: tuple(x) if isinstance(x, (tuple, list)) else (x, x)
    none = lambda *a, **k: None
    module("timm"), module("timm.models")
    module("timm.models.layers", DropPath=DropPath, to_2tuple=pair, trunc_normal_=nn.init.trunc_normal_)
    module("timm.models.registry", register_model=lambda f: f)
    module("timm.models.vision_transformer", _cfg=none)
    module("mmcv"), module("mmcv.runner", load_checkpoint=none, auto_fp16=lambda **k: lambda f: f)
    module("mmcv_custom", load_checkpoint=none)
    module("mmdet"), module("mmdet.models"), module("mmdet.utils", get_root_logger=none)
    module("mmdet.models.builder", BACKBONES=Registry())
    module("mmdet.models.backbones")
    module("einops", rearrange=rearrange)
    module("natten")
    module("natten.functional", NATTEN2DQKRPBFunction=NeighborhoodScores, NATTEN2DAVFunction=NeighborhoodValues)


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, os.path.join(ROOT, path))
    m = importlib.util.module_from_spec(spec)
    sys.modules[name] = m
    spec.loader.exec_module(m)
    return m


def package(name, folder, modules):
    """The last of the modules of a folder that import each other relatively."""
    module(name)
    return [load(f"{name}.{m}", f"{folder}/{m}.py") for m in modules][-1]


# ---- the networks ---------------------------------------------------------------------------------------------------


def swin(detection, options):
    if detection:
        options.pop("img_size", None), options.pop("num_classes", None)
        m = load("mmdet.models.backbones.swin_transformer",
                 "Swin-Transformer-Object-Detection/mmdet/models/backbones/swin_transformer.py")
        return m.SwinTransformer(out_indices=range(len(options["depths"])), **options)
    return load("swin_transformer", "Swin-Transformer/models/swin_transformer.py").SwinTransformer(**options)


def dat(detection, options):
    if not detection:
        return package("dat", "DAT/models", ["dat_blocks", "nat", "slide", "qna", "dat"]).DAT(**options)
    module("datdet")
    blocks = package("datdet.utils", "DAT-Detection/models/utils", ["nat", "slide", "dat_blocks"])
    module("datdet.backbones")
    module("datdet.backbones.loading", load_checkpoint=None)
    roll = torch.roll
    blocks.torch = types.SimpleNamespace(**dict(vars(torch),
                                                roll=lambda x, **k: roll(x[0] if isinstance(x, tuple) else x, **k)))
    return load("datdet.backbones.dat", "DAT-Detection/models/backbones/dat.py").DAT(use_checkpoint=False, **options)


def pvt(name, detection, options):
    m = load(name, f"PVT/{'detection' if detection else 'classification'}/{name}.py")
    cls = m.PyramidVisionTransformerV2 if name == "pvt_v2" else m.PyramidVisionTransformer
    if "norm_layer" in options:
        options["norm_layer"] = partial(nn.LayerNorm, eps=options["norm_layer"]["eps"])
    if not detection and name == "pvt" and "num_stages" not in options:
        options["num_stages"] = 4
    return cls(**options)


class FocalMaps(nn.Module):
    """The stages on an input of any size."""

    def __init__(self, net, indices):
        super().__init__()
        for name, child in net.named_children():
            if name not in ("norm", "head", "avgpool"):
                setattr(self, name, child)
        self.indices = indices
        for i in indices:
            setattr(self, f"norm{i}", nn.LayerNorm(net.embed_dim * 2 ** i))

    def forward(self, x):
        self.patch_embed.img_size = x.shape[-2:]
        H, W = (n // p for n, p in zip(x.shape[-2:], self.patch_embed.patch_size))
        if self.patch_embed.use_conv_embed:
            H, W = ((n - 1) // 4 + 1 for n in x.shape[-2:])
        x, outs = self.patch_embed(x), []
        for i, layer in enumerate(self.layers):
            layer.input_resolution = (H, W)
            for block in layer.blocks:
                block.input_resolution = (H, W)
                x = block(x)
            if i in self.indices:
                outs.append(getattr(self, f"norm{i}")(x).view(-1, H, W, x.shape[-1]).permute(0, 3, 1, 2))
            if layer.downsample is not None:
                layer.downsample.img_size = (H, W)
                x = layer.downsample(x.view(x.shape[0], H, W, -1).permute(0, 3, 1, 2).contiguous())
                H, W = ((n - 1) // 2 + 1 if layer.downsample.use_conv_embed else n // 2 for n in (H, W))
        return outs


def focal(detection, options):
    net = load("focal_transformer", "Focal-Transformer/classification/focal_transformer.py").FocalTransformer(**options)
    return FocalMaps(net, range(len(options["depths"]))) if detection else net


class ResNetMaps(nn.Module):
    def __init__(self, net):
        super().__init__()
        for name, child in net.named_children():
            if name != "fc":
                setattr(self, name, child)

    def forward(self, x):
        x, outs = self.maxpool(self.relu(self.bn1(self.conv1(x)))), []
        for i in range(1, 5):
            x = getattr(self, f"layer{i}")(x)
            outs.append(x)
        return outs


def resnet(detection, options):
    import torchvision
    net = getattr(torchvision.models, f"resnet{options.pop('depth')}")(**options)
    return ResNetMaps(net) if detection else net


BUILD = {"SwinTransformer": swin, "DAT": dat, "PyramidVisionTransformer": partial(pvt, "pvt"),
         "PyramidVisionTransformerV2": partial(pvt, "pvt_v2"), "FocalTransformer": focal, "ResNet": resnet}
OURS = ("type", "style", "code_version", "out_indices")


def read_config(name):
    """Options, and the size of the image in the detection form."""
    name, size = harness.split_size(name)
    path = name if os.path.exists(name) else os.path.join(CONFIGS, name + "_224.py")
    return harness.read_config(path)["backbone"], size


def build(config, detection):
    torch.manual_seed(0)
    options = {k: v for k, v in config.items() if k not in OURS}
    net = BUILD[config["type"]](detection, options)
    net.eval()
    return net


def finish_config(config, detection):
    """What the official constructors do not know: which form this was."""
    forms = ("torchvision", "pytorch") if config["type"] == "ResNet" else ("classification", "detection")
    config["style"] = forms[detection]
    if config["type"] == "DAT":
        config["code_version"] = 2023


# ---- what is asked --------------------------------------------------------------------------------------------------


def outputs(net, x):
    y = net(x)
    if torch.is_tensor(y):
        return {"logits": y}
    # DAT: logits and its sampling positions
    if isinstance(y, tuple) and len(y) > 1 and not torch.is_tensor(y[1]):
        return {"logits": y[0]}
    return {f"out{i}": t for i, t in enumerate(y)}


def randomise(net):
    """Weights under which every parameter matters."""
    for name, p in net.named_parameters():
        spread = 0.3 if p.dim() < 2 else (2.0 / max(p[0].numel(), 1)) ** 0.5
        if "rpe_table" in name and p.dim() == 3 or "relative_position_bias" in name or name.endswith("rpb"):
            spread = 0.5
        p.data = torch.randn_like(p) * spread
        if p.dim() == 1 and name.endswith("weight"):                               # a norm
            p.data += 1
    for name, b in net.named_buffers():
        if name.endswith("running_mean"):
            b.data = torch.randn_like(b) * 0.3
        if name.endswith("running_var"):
            b.data = torch.rand_like(b) + 0.5


def backward(net, image, seeds):
    """From the given gradients of the outputs, or random ones, in the precision of the network."""
    image = image.to(next(net.parameters()).dtype).requires_grad_()
    net.zero_grad(set_to_none=True)
    out = outputs(net, image)
    seeds = seeds or {k: torch.randn(*v.shape).double() for k, v in out.items()}
    sum((out[k] * seeds[k].to(image.dtype)).sum() for k in out).backward()
    return image, seeds


def ill_conditioned(net, image, seeds):
    """Gradients whose sums cancel so far that the official code itself misses them in float32: {name: relative error}."""
    exact = {k: p.grad for k, p in net.named_parameters() if p.grad is not None}
    backward(net.float(), image, seeds)
    errors = {k: float((p.grad.double() - exact[k]).norm() / exact[k].norm())
              for k, p in net.named_parameters() if k in exact}
    return {k: e for k, e in errors.items() if 2e-5 < e < 1}


def gradients(net, image):
    """As tests/backbone/test_backbone_golden.c reads them."""
    image, seeds = backward(net.double(), image, None)
    grads = {"gradout." + k: v.float() for k, v in seeds.items()}
    grads["grad.image"] = image.grad.float()
    for k, p in net.named_parameters():
        g = (torch.zeros_like(p) if p.grad is None else p.grad).flatten()
        grads["grad." + k] = g[:1024].float()
        if g.numel() > 1024:
            grads["gradstat." + k] = torch.stack((g.norm(), g.abs().max(), g.sum())).float()
    return grads, seeds


def accuracy(expected, net, image):
    """How far float32 is from float64, by output."""
    with torch.no_grad():
        exact = outputs(net.double(), image.double())
    net.float()
    return {k: {"max_abs_over_max": float((expected[k] - exact[k]).abs().max() / exact[k].abs().max())} for k in exact}


def write_case(config, net, image, folder, with_gradients):
    os.makedirs(folder, exist_ok=True)
    randomise(net)
    weights = copy.deepcopy(net.state_dict())
    with torch.no_grad():
        expected = outputs(net, image)
    about = {"backbone": config, "checkpoint": {"prefix": ""}, "float32_vs_float64": accuracy(expected, net, image)}
    if with_gradients:
        grads, seeds = gradients(net, image)
        save_tensors(folder + "/grads.safetensors", grads)
        largest = max(p.grad.abs().max() for p in net.parameters() if p.grad is not None)
        about["params_without_effect"] = [k for k, p in net.named_parameters() if p.grad is None
                                          or p.grad.abs().max() < 1e-13 * largest]
        about["float32_gradients"] = ill_conditioned(net, image, seeds)
    harness.write_case(folder, about, weights, image, expected)


def main():
    stand_in()
    what, name, rest = sys.argv[2], sys.argv[3], sys.argv[4:]
    config, size = read_config(name)
    if what in ("case", "grad"):
        for change in rest[1:]:
            key, _, value = change.partition("=")
            config[key] = ast.literal_eval(value)
    if what == "time":
        harness.use_threads(rest)
    side = config.get("img_size", 224)
    net = build(config, bool(size))
    image = torch.randn(1, 3, *(size or (side, side)))
    if what == "time":
        harness.report(name, harness.time_passes(lambda: net(image), harness.passes_of(image.shape[-1])))
    elif what == "keys":
        for k, v in net.state_dict().items():
            print(k, *v.shape)
    else:
        finish_config(config, bool(size))
        write_case(config, net, image, rest[0], what == "grad")


if __name__ == "__main__":
    ROOT = sys.argv[1]
    main()
