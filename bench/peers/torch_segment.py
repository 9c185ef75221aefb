#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Networks of semantic segmentation in PyTorch, from config files of mmseg: a peer for bench_networks, and a witness for values.

    torch_segment.py ROOT time CONFIG[@HxW] [THREADS]   prints median_ms=.. peak_rss_mb=..; 512x683 without a size
    torch_segment.py ROOT case CONFIG[@HxW] OUT         writes OUT/{config.json, weights.pth, input, expected .safetensors}

CONFIG is a file, ours or an official one, with `model = dict(type='EncoderDecoder', ...)`. UPerHead, FPNHead, FCNHead, FPN and
mmseg's ResNet (deep stem, pooled shortcuts, dilation) are written here after their papers, with the official names of parameters;
other backbones are those of torch_backbones.py, which says what ROOT holds and where they differ. Needs torch, torchvision, numpy.
"""
import copy
import os
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

import harness
import torch_backbones

# ---- parts ----------------------------------------------------------------------------------------------------------


def norm_of(cfg, channels):
    return nn.GroupNorm(cfg["num_groups"], channels) if cfg["type"] == "GN" else nn.BatchNorm2d(channels)


class ConvModule(nn.Module):
    def __init__(self, i, o, k, norm, act=True, dilation=1):
        super().__init__()
        self.conv = nn.Conv2d(i, o, k, padding=k // 2 * dilation, dilation=dilation, bias=norm is None)
        self.key, self.act = None, act
        if norm:
            self.key = "gn" if norm["type"] == "GN" else "bn"
            self.add_module(self.key, norm_of(norm, o))

    def forward(self, x):
        x = self.conv(x)
        x = getattr(self, self.key)(x) if self.key else x
        return F.relu(x, inplace=True) if self.act else x


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, i, width, stride, dilation, down, norm):
        super().__init__()
        o = width * 4
        self.conv1, self.bn1 = nn.Conv2d(i, width, 1, bias=False), norm_of(norm, width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, dilation, dilation, bias=False), norm_of(norm, width)
        self.conv3, self.bn3 = nn.Conv2d(width, o, 1, bias=False), norm_of(norm, o)
        self.downsample = down

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn3(self.conv3(F.relu(self.bn2(self.conv2(y)))))
        return F.relu(y + (self.downsample(x) if self.downsample else x))


class Basic(nn.Module):
    expansion = 1

    def __init__(self, i, width, stride, dilation, down, norm):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(i, width, 3, stride, dilation, dilation, bias=False), norm_of(norm, width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, 1, 1, bias=False), norm_of(norm, width)
        self.downsample = down

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (self.downsample(x) if self.downsample else x))


class ResNet(nn.Module):
    BLOCKS = {18: (Basic, 2, 2, 2, 2), 34: (Basic, 3, 4, 6, 3), 50: (Bottleneck, 3, 4, 6, 3),
              101: (Bottleneck, 3, 4, 23, 3)}

    def __init__(self, depth, norm_cfg, strides=(1, 2, 2, 2), dilations=(1, 1, 1, 1), out_indices=(0, 1, 2, 3),
                 contract_dilation=False,
                 deep_stem=False, avg_down=False, num_stages=4, base_channels=64, multi_grid=None, **unused):
        super().__init__()
        c, self.out, self.deep = base_channels, out_indices, deep_stem
        if deep_stem:
            layers = []
            for i, o, s in ((3, c // 2, 2), (c // 2, c // 2, 1), (c // 2, c, 1)):
                layers += [nn.Conv2d(i, o, 3, s, 1, bias=False), norm_of(norm_cfg, o), nn.ReLU()]
            self.stem = nn.Sequential(*layers)
        else:
            self.conv1, self.bn1 = nn.Conv2d(3, c, 7, 2, 3, bias=False), norm_of(norm_cfg, c)
        block, *counts = self.BLOCKS[depth]
        self.stages, i = num_stages, c
        for k in range(num_stages):
            width, layers = c << k, []
            for j in range(counts[k]):
                stride = 1 if j else strides[k]
                dilation = dilations[k] // 2 if j == 0 and contract_dilation and dilations[k] > 1 else dilations[k]
                dilation = multi_grid[j] if multi_grid and k == num_stages - 1 else dilation
                down, o = None, width * block.expansion
                if j == 0 and (stride != 1 or i != o):
                    pool = [nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False)] if avg_down else []
                    down = nn.Sequential(*pool, nn.Conv2d(i, o, 1, 1 if avg_down else stride, bias=False),
                                         norm_of(norm_cfg, o))
                layers.append(block(i, width, stride, dilation, down, norm_cfg))
                i = o
            setattr(self, f"layer{k + 1}", nn.Sequential(*layers))

    def forward(self, x):
        x = self.stem(x) if self.deep else F.relu(self.bn1(self.conv1(x)))
        x, outs = F.max_pool2d(x, 3, 2, 1), []
        for k in range(self.stages):
            x = getattr(self, f"layer{k + 1}")(x)
            outs += [x] if k in self.out else []
        return outs


class Fpn(nn.Module):
    def __init__(self, in_channels, out_channels, num_outs, **unused):
        super().__init__()
        assert num_outs == len(in_channels)
        self.lateral_convs = nn.ModuleList(ConvModule(i, out_channels, 1, None, False) for i in in_channels)
        self.fpn_convs = nn.ModuleList(ConvModule(out_channels, out_channels, 3, None, False) for _ in in_channels)

    def forward(self, maps):
        x = [l(m) for l, m in zip(self.lateral_convs, maps)]
        for i in range(len(x) - 1, 0, -1):
            x[i - 1] = x[i - 1] + F.interpolate(x[i], size=x[i - 1].shape[-2:], mode="nearest")
        return [f(t) for f, t in zip(self.fpn_convs, x)]


# ---- heads ----------------------------------------------------------------------------------------------------------


class Head(nn.Module):
    def __init__(self, in_channels, channels, num_classes, norm_cfg=None, in_index=-1, input_transform=None,
                 align_corners=False, **unused):
        super().__init__()
        self.index, self.transform, self.align = in_index, input_transform, align_corners
        self.conv_seg = nn.Conv2d(channels, num_classes, 1)

    def resize(self, x, like):
        return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=self.align)

    def several(self, maps):
        return [maps[i] for i in self.index]

    def one(self, maps):
        if self.transform != "resize_concat":
            return maps[self.index]
        x = self.several(maps)
        return torch.cat([self.resize(t, x[0]) for t in x], 1)


class UPerHead(Head):
    def __init__(self, pool_scales=(1, 2, 3, 6), **o):
        super().__init__(**o)
        dims, c, norm = o["in_channels"], o["channels"], o.get("norm_cfg")
        self.scales = pool_scales
        self.psp_modules = nn.ModuleList(nn.Sequential(nn.AdaptiveAvgPool2d(s), ConvModule(dims[-1], c, 1, norm))
                                         for s in pool_scales)
        self.bottleneck = ConvModule(dims[-1] + len(pool_scales) * c, c, 3, norm)
        self.lateral_convs = nn.ModuleList(ConvModule(d, c, 1, norm) for d in dims[:-1])
        self.fpn_convs = nn.ModuleList(ConvModule(c, c, 3, norm) for _ in dims[:-1])
        self.fpn_bottleneck = ConvModule(len(dims) * c, c, 3, norm)

    def forward(self, maps):
        maps = self.several(maps)
        top = maps[-1]
        pooled = [self.resize(p(top), top) for p in self.psp_modules]
        x = [l(m) for l, m in zip(self.lateral_convs, maps)] + [self.bottleneck(torch.cat([top] + pooled, 1))]
        for i in range(len(x) - 1, 0, -1):
            x[i - 1] = x[i - 1] + self.resize(x[i], x[i - 1])
        x = [f(t) for f, t in zip(self.fpn_convs, x)] + x[-1:]
        x = torch.cat([x[0]] + [self.resize(t, x[0]) for t in x[1:]], 1)
        return self.conv_seg(self.fpn_bottleneck(x))


class Double(nn.Module):
    def __init__(self, align):
        super().__init__()
        self.align = align

    def forward(self, x):
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=self.align)


class FPNHead(Head):
    def __init__(self, feature_strides, **o):
        super().__init__(**o)
        self.scale_heads = nn.ModuleList()
        for i, stride in enumerate(feature_strides):
            layers = []
            for k in range(max(1, (stride // feature_strides[0]).bit_length() - 1)):
                layers.append(ConvModule(o["channels"]
                                         if k else o["in_channels"][i], o["channels"], 3, o.get("norm_cfg")))
                layers += [Double(self.align)] if stride != feature_strides[0] else []
            self.scale_heads.append(nn.Sequential(*layers))

    def forward(self, maps):
        total = None
        for head, x in zip(self.scale_heads, self.several(maps)):
            x = head(x)
            total = x if total is None else total + self.resize(x, total)
        return self.conv_seg(total)


class FCNHead(Head):
    def __init__(self, num_convs=2, kernel_size=3, concat_input=True, dilation=1, **o):
        super().__init__(**o)
        i, c, norm = o["in_channels"], o["channels"], o.get("norm_cfg")
        i = i if isinstance(i, int) else sum(i)
        self.convs = nn.Sequential(*(ConvModule(c if k else i, c, kernel_size, norm, True, dilation)
                                     for k in range(num_convs)))
        self.conv_cat = ConvModule(i + c, c, kernel_size, norm) if concat_input else None

    def forward(self, maps):
        x = self.one(maps)
        y = self.convs(x)
        return self.conv_seg(self.conv_cat(torch.cat([x, y], 1)) if self.conv_cat else y)


HEADS = {"UPerHead": UPerHead, "FPNHead": FPNHead, "FCNHead": FCNHead}


def part(kinds, cfg):
    return kinds[cfg["type"]](**{k: v for k, v in cfg.items() if k != "type"})


def backbone(cfg):
    if not cfg["type"].startswith("ResNet"):
        return torch_backbones.build({k: v for k, v in cfg.items() if k != "code_version"}, True)
    options = {k: v for k, v in cfg.items() if k != "type"}
    return ResNet(**{"deep_stem": cfg["type"] in ("ResNetV1c", "ResNetV1d"), "avg_down": cfg["type"] == "ResNetV1d",
                     **options})


class Segmentor(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.backbone = backbone(model["backbone"])
        self.neck = part({"FPN": Fpn}, model["neck"]) if model.get("neck") else None
        self.decode_head = part(HEADS, model["decode_head"])
        self.auxiliary_head = part(HEADS,
                                   model["auxiliary_head"]) if isinstance(model.get("auxiliary_head"), dict) else None

    def maps(self, x):
        x = list(self.backbone(x))
        return self.neck(x) if self.neck else x

    def forward(self, x):
        return self.decode_head(self.maps(x))


# ---- what is asked --------------------------------------------------------------------------------------------------


def outputs(net, x):
    maps = net.maps(x)
    out = {"decode_logits": net.decode_head(maps)}
    if net.auxiliary_head:
        out["aux_logits"] = net.auxiliary_head(maps)
    return out


def write_case(model, net, image, folder):
    os.makedirs(folder, exist_ok=True)
    torch_backbones.randomise(net)
    weights = {"state_dict": copy.deepcopy(net.state_dict())}
    with torch.no_grad():
        expected = {k: v.float() for k, v in outputs(net.double(), image.double()).items()}
    harness.write_case(folder, {"model": model}, weights, image, expected)


def main():
    torch_backbones.stand_in()
    what, (name, size), rest = sys.argv[2], harness.split_size(sys.argv[3], (512, 683)), sys.argv[4:]
    torch.manual_seed(0)
    model = harness.read_config(name)["model"]
    net = Segmentor(model).eval()
    image = torch.randn(1, 3, *size)
    if what == "time":
        harness.use_threads(rest)
        harness.report(sys.argv[3], harness.time_passes(lambda: net(image), harness.passes_of(size[1])))
    else:
        write_case(model, net, image, rest[0])


if __name__ == "__main__":
    torch_backbones.ROOT = sys.argv[1]
    main()
