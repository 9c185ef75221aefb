#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes OUT_DIR/CASE/{config.json, weights.pth, input, expected, grads .safetensors}: values and gradients of backbones by the code
that their authors published, with options that are rarely used, random weights and odd image sizes. Gradients are float64.
Needs torch, torchvision and numpy, and checkouts of mmdetection 2.11, microsoft/Focal-Transformer and whai362/PVT (mmcv and timm are
stood in for).
Usage: make_backbones.py MMDET_DIR FOCAL_DIR PVT_DIR OUT_DIR [CASE...]
tests/data/backbones holds pvt_three pvt_v2_linear resnet18_gn resnet50_caffe resnet50_dcnv2 resnext50 focal_max focal_odd"""
import importlib.util
import json
import os
import sys
import types

import torch
import torch.nn as nn
import torchvision

from tensor_files import save

MMDET, FOCAL, PVT, OUT = sys.argv[1:5]


# ---- what stands in for mmcv and timm -------------------------------------------------------------------------------

class Deformable(nn.Conv2d):
    """mmcv's DeformConv2dPack and ModulatedDeformConv2dPack."""

    def __init__(self, modulated, deform_groups, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.modulated, n = modulated, deform_groups * (3
                                                        if modulated else 2) * self.kernel_size[0] * self.kernel_size[1]
        self.conv_offset = nn.Conv2d(self.in_channels, n, self.kernel_size, self.stride, self.padding, self.dilation,
                                     bias=True)

    def forward(self, x):
        out, mask = self.conv_offset(x), None
        if self.modulated:
            a, b, mask = torch.chunk(out, 3, dim=1)
            out, mask = torch.cat((a, b), dim=1), torch.sigmoid(mask)
        return torchvision.ops.deform_conv2d(x, out, self.weight, None, self.stride, self.padding, self.dilation, mask)


def build_conv_layer(cfg, *args, **kwargs):
    if cfg is None:
        return nn.Conv2d(*args, **kwargs)
    return Deformable(cfg["type"] == "DCNv2", cfg.get("deform_groups", 1), *args, **kwargs)


def build_norm_layer(cfg, channels, postfix=""):
    cfg = dict(cfg)
    kind = cfg.pop("type")
    cfg.pop("requires_grad", None)
    if kind == "GN":
        return f"gn{postfix}", nn.GroupNorm(cfg["num_groups"], channels, eps=cfg.get("eps", 1e-5))
    return f"bn{postfix}", nn.BatchNorm2d(channels, **cfg)


class DropPath(nn.Identity):
    def __init__(self, p=None):
        super().__init__()


class Registry:
    def register_module(self):
        return lambda cls: cls


def module(name, **members):
    m = types.ModuleType(name)
    m.__dict__.update(members)
    m.__path__ = []
    sys.modules[name] = m


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    m = importlib.util.module_from_spec(spec)
    sys.modules[name] = m
    spec.loader.exec_module(m)
    return m


def official():
    pair = lambda x: tuple(x) if isinstance(x, (tuple, list)) else (x, x)
    module("timm"), module("timm.models")
    module("timm.models.layers", DropPath=DropPath, to_2tuple=pair, trunc_normal_=nn.init.trunc_normal_)
    module("timm.models.registry", register_model=lambda f: f)
    none = lambda *a, **k: None
    module("mmcv"), module("mmcv.runner", load_checkpoint=none)
    module("mmcv.cnn", build_conv_layer=build_conv_layer, build_norm_layer=build_norm_layer, build_plugin_layer=none,
           constant_init=none, kaiming_init=none)
    module("mmdet"), module("mmdet.models"), module("mmdet.models.backbones"), module("mmdet.utils", get_root_logger=none)
    module("mmdet.models.builder", BACKBONES=Registry())
    layer = load("mmdet.models.utils.res_layer", MMDET + "/mmdet/models/utils/res_layer.py")
    module("mmdet.models.utils", ResLayer=layer.ResLayer)
    resnet = load("mmdet.models.backbones.resnet", MMDET + "/mmdet/models/backbones/resnet.py")
    resnext = load("mmdet.models.backbones.resnext", MMDET + "/mmdet/models/backbones/resnext.py")
    focal = load("focal_transformer", FOCAL + "/classification/focal_transformer.py")
    module("timm.models.vision_transformer", _cfg=none)
    pvt, pvt_v2 = load("pvt", PVT + "/detection/pvt.py"), load("pvt_v2", PVT + "/detection/pvt_v2.py")
    return {"PyramidVisionTransformer": pvt.PyramidVisionTransformer,
            "PyramidVisionTransformerV2": pvt_v2.PyramidVisionTransformerV2,
            "ResNet": resnet.ResNet, "ResNetV1d": resnet.ResNetV1d, "ResNeXt": resnext.ResNeXt,
            "FocalTransformer": focal.FocalTransformer}


# ---- cases -----------------------------------------------------------------------------------------------------------

TWO = dict(num_stages=2, strides=[1, 2], dilations=[1, 1], out_indices=[0, 1])
F = dict(type="FocalTransformer", style="classification", img_size=56, num_classes=5, embed_dim=4, depths=[2, 2],
         num_heads=[1, 2],
         window_size=7, focal_levels=[2, 2], focal_windows=[5, 3], expand_sizes=[3, 2])
P = dict(style="detection", img_size=64, num_heads=[1, 2, 2, 4], mlp_ratios=[2, 3, 2, 2], depths=[1, 2, 1, 1],
         embed_dims=[8, 16, 24, 32])
CASES = {
    "pvt_plain": (dict(P, type="PyramidVisionTransformer", patch_size=8, qkv_bias=False, qk_scale=0.4,
                       sr_ratios=[4, 2, 2, 1]), (2, 3, 131, 91)),
    "pvt_three": (dict(P, type="PyramidVisionTransformer", patch_size=4, num_stages=3, sr_ratios=[8, 4, 2]),
                  (1, 3, 70, 75)),
    "pvt_v2_plain": (dict(P, type="PyramidVisionTransformerV2", qkv_bias=False, qk_scale=0.4, sr_ratios=[8, 4, 2, 1]),
                     (2, 3, 71, 93)),
    "pvt_v2_linear": (dict(P, type="PyramidVisionTransformerV2", qkv_bias=True, linear=True, num_stages=3,
                           sr_ratios=[8, 4, 1]), (1, 3, 41, 133)),
    "resnet50_caffe": (dict(type="ResNet", depth=50, base_channels=2, style="caffe", **TWO), (1, 3, 51, 45)),
    "resnet50_dc5": (dict(type="ResNet", depth=50, base_channels=2, strides=[1, 2, 2, 1], dilations=[1, 1, 1, 2],
                          out_indices=[3]), (1, 3, 67, 70)),
    "resnet50_dcn": (dict(type="ResNet", depth=50, base_channels=4, dcn=dict(type="DCN", deform_groups=2),
                          stage_with_dcn=[False, True], **TWO), (2, 3, 40, 45)),
    "resnet50_dcnv2": (dict(type="ResNet", depth=50, base_channels=2,
                            dcn=dict(type="DCNv2", deform_groups=1, fallback_on_stride=True),
                            stage_with_dcn=[True, True], num_stages=2, strides=[1, 2], dilations=[1, 2],
                            out_indices=[1]), (1, 3, 40, 45)),
    "resnet18_gn": (dict(type="ResNet", depth=18, base_channels=4, stem_channels=8,
                         norm_cfg=dict(type="GN", num_groups=2), **TWO), (1, 3, 33, 47)),
    "resnet50_v1d": (dict(type="ResNetV1d", depth=50, base_channels=4, num_stages=2, strides=[2, 2], dilations=[1, 1],
                          out_indices=[0, 1]), (1, 3, 51, 45)),
    "resnext50": (dict(type="ResNeXt", depth=50, groups=4, base_width=2, base_channels=4, **TWO), (1, 3, 51, 45)),
    "focal_max": (dict(F, focal_pool="max", expand_layer="odd", use_conv_embed=True, use_pre_norm=True,
                       use_layerscale=True, layerscale_value=0.7), (1, 3, 56, 56)),
    "focal_odd": (dict(F, img_size=[60, 92], focal_pool="conv", focal_levels=[3, 2], focal_windows=[3, 3],
                       expand_layer="even", qkv_bias=False, qk_scale=0.6), (1, 3, 60, 92)),
    "focal_none": (dict(F, focal_pool="none", use_shift=True, ape=True, patch_norm=False), (2, 3, 56, 56)),
    "focal_stage": (dict(F, focal_pool="mean", focal_stages=[1], focal_levels=[2, 3], expand_sizes=[0, 7],
                         window_size=8, img_size=72), (1, 3, 72, 72)),
}

def randomise(net):
    for name, p in net.named_parameters():
        spread = 1.0 if p.dim() < 2 else (2.0 / max(p[0].numel(), 1)) ** 0.5
        p.data = torch.randn_like(p) * spread * (0.3 if p.dim() < 2 or "table" in name or "conv_offset" in name else 1)
        if name.endswith("norm.weight") or "bn" in name and name.endswith("weight") or "norm" in name and name.endswith("weight"):
            p.data += 1
    for name, b in net.named_buffers():
        if name.endswith("running_mean"):
            b.data = torch.randn_like(b) * 0.3
        if name.endswith("running_var"):
            b.data = torch.rand_like(b) + 0.5


def outputs(net, x):
    y = net(x)
    return {"logits": y} if torch.is_tensor(y) else {f"out{i}": t for i, t in enumerate(y)}


def write(name, net, config, shape):
    folder = os.path.join(OUT, name)
    os.makedirs(folder, exist_ok=True)
    randomise(net)
    net.eval()
    image = torch.randn(*shape)
    json.dump({"backbone": config, "checkpoint": {"prefix": ""}, "params_without_effect": []},
              open(folder + "/config.json", "w"), indent=1)
    torch.save(net.state_dict(), folder + "/weights.pth")
    save(folder + "/input.safetensors", {"image": image})
    with torch.no_grad():
        save(folder + "/expected.safetensors", outputs(net, image))
    net.double()
    image = image.double().requires_grad_()
    out, grads = outputs(net, image), {}
    seeds = {k: torch.randn(*v.shape).double() for k, v in out.items()}
    sum((out[k] * seeds[k]).sum() for k in out).backward()
    for k, v in seeds.items():
        grads["gradout." + k] = v.float()
    grads["grad.image"] = image.grad.float()
    for k, p in net.named_parameters():
        g = (torch.zeros_like(p) if p.grad is None else p.grad).flatten()
        grads["grad." + k] = g[:1024].float()
        if g.numel() > 1024:
            grads["gradstat." + k] = torch.stack((g.norm(), g.abs().max(), g.sum())).float()
    save(folder + "/grads.safetensors", grads)


def main():
    classes = official()
    for i, (name, (config, shape)) in enumerate(CASES.items()):
        if len(sys.argv) > 5 and name not in sys.argv[5:]:
            continue
        torch.manual_seed(1000 + i)
        args = {k: tuple(v) if k == "img_size" and isinstance(v, list) else v for k, v in config.items() if k != "type"}
        if config["type"] in ("FocalTransformer", "PyramidVisionTransformer", "PyramidVisionTransformerV2"):
            del args["style"]
        if "dcn" in args:
            args["dcn"] = dict(args["dcn"])
        write(name, classes[config["type"]](**args), config, shape)


main()
