#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes OUT/CASE/{config.json, weights.pth, input, expected, grads .safetensors}: backbones by official code with options and sizes
that are rarely used: pictures that are no squares, patches that are none, other numbers of channels, maps of one row, Swin v2, deformable
convolutions in groups, instance norm. Gradients are float64; of a large one the file has the first 64 elements or every n-th, and its norm.
Needs torch, timm, mmcv 1.7.2 and mmdet 2.28.2 (without their compiled ops), and checkouts of microsoft/Swin-Transformer and LeapLabTHU/DAT.
The detection form of Swin v2 was not published: it is the official classifier with the padding of Swin's detection code.
Usage: make_accepted.py SWIN_DIR DAT_DIR OUT [CASE...]; tests/data/backbones holds what it writes."""
import importlib.util
import json
import os
import sys
import types

import torch
import torch.nn.functional as F
import torchvision

from tensor_files import save

SWIN, DAT, OUT = sys.argv[1:4]
MANY = 64


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    m = importlib.util.module_from_spec(spec)
    sys.modules[name] = m
    spec.loader.exec_module(m)
    return m


def package(name, path):
    m = types.ModuleType(name)
    m.__path__ = [path]
    sys.modules[name] = m


# ---- Swin v2 as a detector's backbone --------------------------------------------------------------------------------

def padded_block(v2, block, x, H, W):
    """As the official block, on a map of any size: padded right and bottom to whole windows, the mask on the padded map."""
    w, shift, C = block.window_size, block.shift_size, x.shape[-1]
    y = F.pad(x.view(-1, H, W, C), (0, 0, 0, -W % w, 0, -H % w))
    Hp, Wp, mask = y.shape[1], y.shape[2], None
    if shift:
        y, regions = torch.roll(y, (-shift, -shift), (1, 2)), torch.zeros(1, Hp, Wp, 1, dtype=x.dtype)
        cuts = (slice(0, -w), slice(-w, -shift), slice(-shift, None))
        for n, (i, j) in enumerate((i, j) for i in cuts for j in cuts):
            regions[:, i, j] = n
        regions = v2.window_partition(regions, w).view(-1, w * w)
        mask = (regions[:, None] != regions[:, :, None]).to(x.dtype) * -100
    y = block.attn(v2.window_partition(y, w).view(-1, w * w, C), mask)
    y = v2.window_reverse(y.view(-1, w, w, C), w, Hp, Wp)
    y = torch.roll(y, (shift, shift), (1, 2)) if shift else y
    x = x + block.norm1(y[:, :H, :W].reshape(x.shape))
    return x + block.norm2(block.mlp(x))


def detect_v2(v2, net, image):
    """Maps of all stages."""
    ph, pw = net.patch_embed.patch_size
    x = net.patch_embed.proj(F.pad(image, (0, -image.shape[3] % pw, 0, -image.shape[2] % ph)))
    H, W, maps = x.shape[2], x.shape[3], []
    x = net.patch_embed.norm(x.flatten(2).transpose(1, 2))
    for i, layer in enumerate(net.layers):
        for block in layer.blocks:
            x = padded_block(v2, block, x, H, W)
        y = getattr(net, f"norm{i}")(x)
        maps.append(y.view(-1, H, W, y.shape[-1]).permute(0, 3, 1, 2))
        if layer.downsample is not None:
            x = F.pad(x.view(-1, H, W, x.shape[-1]), (0, 0, 0, W % 2, 0, H % 2))
            x = torch.cat([x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]], -1)
            H, W = x.shape[1], x.shape[2]
            x = layer.downsample.norm(layer.downsample.reduction(x.reshape(len(x), H * W, -1)))
    return maps


class SwinV2Detector(torch.nn.Module):
    def __init__(self, v2, **args):
        super().__init__()
        self.v2, dim = v2, args["embed_dim"]
        self.net = v2.SwinTransformerV2(img_size=768, num_classes=0, **args)  # so large that no window shrinks
        del self.net.norm
        for i in range(len(args["depths"])):
            setattr(self.net, f"norm{i}", torch.nn.LayerNorm(dim << i))

    def forward(self, image):
        return detect_v2(self.v2, self.net, image)


# ---- networks -------------------------------------------------------------------------------------------------------

def deform_conv2d(x, offset, weight, stride, padding, dilation, groups, deform_groups, bias=False, im2col_step=32):
    return torchvision.ops.deform_conv2d(x, offset, weight, None, stride, padding, dilation)


def resnets():
    """mmdet's, over mmcv's own layers; of the compiled ops the deformable convolution is torchvision's."""
    ops = types.ModuleType("mmcv._ext")
    ops.__getattr__ = lambda name: None
    sys.modules["mmcv._ext"] = ops
    import mmcv
    import mmcv.ops
    sys.modules["mmcv.ops.deform_conv"].deform_conv2d = deform_conv2d
    root = importlib.util.find_spec("mmdet").submodule_search_locations[0]
    for name in ("mmdet", "mmdet.models", "mmdet.models.backbones", "mmdet.models.utils"):
        package(name, root + name[5:].replace(".", "/"))
    builder = types.ModuleType("mmdet.models.builder")
    builder.BACKBONES = mmcv.utils.Registry("backbone")
    sys.modules["mmdet.models.builder"] = builder
    layer = load("mmdet.models.utils.res_layer", root + "/models/utils/res_layer.py")
    sys.modules["mmdet.models.utils"].ResLayer = layer.ResLayer
    resnet = load("mmdet.models.backbones.resnet", root + "/models/backbones/resnet.py")
    resnext = load("mmdet.models.backbones.resnext", root + "/models/backbones/resnext.py")
    return {"ResNet": resnet.ResNet, "ResNetV1d": resnet.ResNetV1d, "ResNeXt": resnext.ResNeXt}


def dat():
    natten = types.ModuleType("natten")
    natten.NeighborhoodAttention2D = torch.nn.Identity
    sys.modules.setdefault("natten", natten)
    for name in ("natten.functional",):
        m = types.ModuleType(name)
        m.__getattr__ = lambda name: None
        sys.modules.setdefault(name, m)
    package("datmodels", DAT + "/models")
    for name in ("slide", "nat", "qna", "dat_blocks"):
        if os.path.exists(f"{DAT}/models/{name}.py"):
            load(f"datmodels.{name}", f"{DAT}/models/{name}.py")
    return load("datmodels.dat", DAT + "/models/dat.py").DAT


def make(config):
    args = {k: v for k, v in config.items() if k not in ("type", "style", "code_version")}
    kind = config["type"]
    if kind == "SwinTransformer":
        return load("swin", SWIN + "/models/swin_transformer.py").SwinTransformer(**args)
    if kind == "SwinTransformerV2":
        v2 = load("swin_v2", SWIN + "/models/swin_transformer_v2.py")
        return SwinV2Detector(v2, **args) if config["style"] == "detection" else v2.SwinTransformerV2(**args)
    if kind == "DAT":
        return dat()(**args)
    return resnets()[kind](**args)


# ---- cases -----------------------------------------------------------------------------------------------------------

S = dict(style="classification", embed_dim=4, depths=[2, 2], num_heads=[1, 2], window_size=4, mlp_ratio=2.0,
         num_classes=3)
V = dict(S, embed_dim=8)
V_MAPS = dict({k: v for k, v in V.items() if k != "num_classes"}, style="detection")
TWO = dict(depth=50, base_channels=2, num_stages=2, strides=[1, 2], dilations=[1, 1], out_indices=[0, 1],
           norm_eval=False)
D = dict(type="DAT", style="classification", img_size=64, patch_size=4, num_classes=4, expansion=2, dim_stem=4,
         dims=[4, 8, 16, 32],
         depths=[1, 1, 2, 1], heads=[1, 2, 2, 4], window_sizes=[4, 4, 2, 2], strides=[4, 2, 1, 1],
         offset_range_factor=[-1, 2, -1, 2],
         stage_spec=[["L"], ["D"], ["L", "D"], ["D"]], groups=[1, 2, 1, 2], use_pes=[True] * 4,
         dwc_pes=[False, False, True, False],
         sr_ratios=[8, 4, 2, 1], fixed_pes=[False] * 4, no_offs=[False] * 4, use_dwc_mlps=[True] * 4,
         use_conv_patches=True,
         ksizes=[5, 5, 3, 3], use_lpus=[True] * 4, drop_path_rate=0.0)
CASES = {
    "swin_rectangle_cls": (dict(S, type="SwinTransformer", img_size=[64, 32], in_chans=4, num_heads=[1, 2, 4, 8],
                                ape=True), (1, 4, 64, 32)),
    "swin_patches_cls": (dict(S, type="SwinTransformer", img_size=[32, 32], patch_size=[4, 2], in_chans=1),
                         (2, 1, 32, 32)),
    "swin_v2_cls": (dict(V, type="SwinTransformerV2", img_size=[64, 32], patch_size=[4, 4],
                         pretrained_window_sizes=[3, 0], ape=True),
                    (2, 3, 64, 32)),
    "swin_v2_det": (dict(V_MAPS, type="SwinTransformerV2",
                         qkv_bias=True, pretrained_window_sizes=[0, 6]), (1, 3, 43, 58)),
    "swin_v2_no_bias_det": (dict(V_MAPS, type="SwinTransformerV2",
                                 qkv_bias=False, window_size=3, pretrained_window_sizes=[0, 0]), (1, 3, 30, 41)),
    "dat_other_size_cls": (D, (1, 3, 96, 64)),
    "resnet50_one_row": (dict(TWO, type="ResNetV1d", in_channels=1, strides=[2, 2]), (1, 1, 5, 70)),
    "resnet50_in": (dict(TWO, type="ResNet", norm_cfg=dict(type="IN")), (2, 3, 65, 70)),
    "resnet18_in_affine": (dict(TWO, type="ResNet", depth=18, base_channels=4, norm_cfg=dict(type="IN", affine=True)),
                           (1, 3, 65, 70)),
    "resnet50_dcn_groups": (dict(TWO, type="ResNet", base_channels=4, dcn=dict(type="DCN", groups=2, deform_groups=1),
                                 stage_with_dcn=[True, True]), (1, 3, 33, 40)),
    "dat_mask_in_turn_cls": (dict(D, stage_spec=[["S"], ["D"], ["S", "D"], ["D"]]), (1, 3, 128, 64)),
}


def randomise(net):
    for name, p in net.named_parameters():
        if name.endswith("logit_scale"):
            p.data = torch.rand_like(p)
            if "layers.1.blocks.1" in name:
                p.data[1:] = 4.8  # above ln 100
            continue
        spread = 1.0 if p.dim() < 2 else (2.0 / max(p[0].numel(), 1)) ** 0.5
        p.data = torch.randn_like(p) * spread * (0.3 if p.dim() < 2 or "table" in name or "offset" in name else 1)
        if p.dim() == 1 and name.endswith("weight") or name.endswith("gamma"):
            p.data += 1
        p.data = p.data.half().float()
    for name, b in net.named_buffers():
        if name.endswith("running_mean"):
            b.data = (torch.randn_like(b) * 0.3).half().float()
        if name.endswith("running_var"):
            b.data = (torch.rand_like(b) + 0.5).half().float()


def outputs(net, x):
    y = net(x)
    if y[-1] is None or isinstance(y[-1], list):  # DAT: logits, positions, references
        y = y[0]
    return {"logits": y} if torch.is_tensor(y) else {f"out{i}": t for i, t in enumerate(y)}


def short(g):
    g = g.flatten()
    return g if g.numel() <= MANY else g[::-(-g.numel() // MANY)]


def run(net, image, seeds):
    """Outputs, and the gradients that flow back from `seeds`."""
    net.zero_grad()
    image = image.clone().requires_grad_()
    out = outputs(net, image)
    sum((out[k] * seeds[k]).sum() for k in out).backward()
    grads = {k.removeprefix("net."): p.grad.clone() for k, p in net.named_parameters() if p.grad is not None}
    return {k: v.detach() for k, v in out.items()}, {"image": image.grad, **grads}


def gradient_file(grads, seeds):
    tensors = {"gradout." + k: v.float() for k, v in seeds.items()}
    for k, g in grads.items():
        tensors["grad." + k] = g.float() if k == "image" else short(g).float()
        if k != "image" and g.numel() > MANY:
            tensors["gradstat." + k] = torch.stack((g.norm(), g.abs().max(), g.sum())).float()
    return tensors


def write(name, net, config, shape):
    folder = os.path.join(OUT, name)
    os.makedirs(folder, exist_ok=True)
    randomise(net)
    net.eval()
    image = torch.randn(*shape).half().float()
    seeds = {k: torch.randn(*v.shape).half().float() for k, v in outputs(net, image).items()}
    single, single_grads = run(net, image, seeds)
    torch.save({k.removeprefix("net."): v
                for k, v in net.state_dict().items() if not k.endswith(("index", "attn_mask"))},
               folder + "/weights.pth")
    save(folder + "/input.safetensors", {"image": image})
    torch.set_default_dtype(torch.float64)
    net.double()
    out, grads = run(net, image.double(), {k: v.double() for k, v in seeds.items()})
    off = {k: {"max_abs_over_max": ((single[k] - v).abs().max() / v.abs().max()).item()} for k, v in out.items()}
    none = [k for k, g in grads.items() if g.norm() <= 1e-9 * max(1, grads["image"].norm())]  # nothing but rounding
    grads_off = {k: ((single_grads[k] - g).norm() / g.norm()).item() for k, g in grads.items() if k not in none}
    json.dump({"backbone": config, "checkpoint": {"prefix": ""}, "float32_vs_float64": off,
               "params_without_effect": none,
               "float32_gradients": {k: v for k, v in grads_off.items() if v > 2e-5}},
               open(folder + "/config.json", "w"), indent=1)
    save(folder + "/expected.safetensors", {k: v.float() for k, v in out.items()})
    save(folder + "/grads.safetensors", gradient_file(grads, seeds))
    torch.set_default_dtype(torch.float32)


def main():
    for i, (name, (config, shape)) in enumerate(CASES.items()):
        if len(sys.argv) > 4 and name not in sys.argv[4:]:
            continue
        torch.manual_seed(500 + i)
        write(name, make(config), config, shape)


main()
