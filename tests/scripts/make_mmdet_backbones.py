#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes OUT/CASE/{config.json, weights.pth, input, expected, grads .safetensors}: values, and gradients in float64, by mmdet's own
Swin and PVT, and by its ResNet with ConvWS and with plugins. CASE/official.pth has the same weights under the names of the authors, from which mmdet's
converters make weights.pth.
Usage: make_mmdet_backbones.py OUT [CASE...], with mmdet (2.17 or later) installed.
tests/data/backbones holds the cases swin_mmdet_* and pvt_mmdet_*"""
import copy
import os
import sys

import torch

# torch_backbones wants a folder of clones
sys.argv[1:1] = ["."]
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench", "peers"))
import torch_backbones as official
from mmdet.models.backbones.pvt import PyramidVisionTransformer, PyramidVisionTransformerV2
from mmdet.models.backbones.resnet import ResNet
from mmdet.models.backbones.resnext import ResNeXt
from mmdet.models.backbones.swin import SwinTransformer
from mmdet.models.utils.ckpt_convert import pvt_convert, swin_converter

TYPES = {"SwinTransformer": SwinTransformer, "PyramidVisionTransformer": PyramidVisionTransformer,
         "PyramidVisionTransformerV2": PyramidVisionTransformerV2, "ResNet": ResNet, "ResNeXt": ResNeXt}
OFFICIAL = ("swin_mmdet", "pvt_mmdet", "pvt_v2_mmdet")
SWIN = dict(type="SwinTransformer", embed_dims=4, depths=[2, 2, 1], num_heads=[1, 2, 2], window_size=4, mlp_ratio=2,
            drop_path_rate=0.0)
PVT = dict(type="PyramidVisionTransformer", embed_dims=4, num_layers=[1, 2, 1, 1], num_heads=[1, 2, 2, 3],
           mlp_ratios=[2, 2, 1, 1], drop_path_rate=0.0)
BOTTLENECKS = dict(type="ResNet", depth=50, base_channels=4, num_stages=2, strides=[1, 2], dilations=[1, 1],
                   out_indices=[0, 1], style="pytorch")
ONE_STAGE = dict(BOTTLENECKS, num_stages=1, strides=[2], dilations=[1], out_indices=[0])
V2 = dict(PVT, type="PyramidVisionTransformerV2")
CASES = {
    "swin_mmdet": (dict(SWIN, strides=[4, 2, 2], out_indices=[0, 1, 2], convert_weights=True), (43, 58)),
    "swin_mmdet_ape": (dict(SWIN, embed_dims=6, num_heads=[1, 2, 3], strides=[4, 2, 1], out_indices=[0, 2],
                            use_abs_pos_embed=True, patch_norm=False,
                            pretrain_img_size=[32, 48], qkv_bias=False, qk_scale=0.3,
                            norm_cfg=dict(type="LN", eps=1e-3), act_cfg=dict(type="ReLU")), (35, 50)),
    "swin_mmdet_strides": (dict(SWIN, embed_dims=4, strides=[2, 3, 4], patch_size=2, out_indices=[0, 1, 2]), (37, 53)),
    "pvt_mmdet": (dict(PVT, pretrain_img_size=64), (43, 58)),
    "pvt_mmdet_bare": (dict(PVT, use_abs_pos_embed=False, qkv_bias=False, norm_after_stage=True, out_indices=[1, 3],
                            act_cfg=dict(type="ReLU"),
                            norm_cfg=dict(type="LN", eps=1e-4), patch_sizes=[5, 3, 2, 3], strides=[3, 2, 2, 2],
                            paddings=[1, 0, 1, 1], sr_ratios=[4, 1, 2, 1]), (43, 58)),
    "pvt_mmdet_conv": (dict(PVT, num_stages=2, num_layers=[1, 2], num_heads=[1, 3], mlp_ratios=[2, 1],
                            patch_sizes=[4, 2], strides=[4, 2], paddings=[0, 0],
                            sr_ratios=[4, 2], out_indices=[0, 1], use_conv_ffn=True, pretrain_img_size=[32, 48]),
                            (35, 50)),
    "pvt_v2_mmdet": (dict(V2, sr_ratios=[8, 4, 2, 1]), (43, 58)),
    "resnet18_ws": (dict(type="ResNet", depth=18, base_channels=2, num_stages=3, strides=[1, 2, 2],
                         dilations=[1, 1, 1], out_indices=[0, 1, 2],
                         norm_cfg=dict(type="GN", num_groups=2), conv_cfg=dict(type="ConvWS")), (43, 58)),
    "resnet50_context": (dict(BOTTLENECKS, plugins=[
        dict(cfg=dict(type="ContextBlock", ratio=1 / 4), stages=(False, True), position="after_conv3"),
        dict(cfg=dict(type="ContextBlock", ratio=1.75, pooling_type="avg", fusion_types=("channel_mul",)),
             stages=(True, False), position="after_conv1"),
        dict(cfg=dict(type="ContextBlock", ratio=2, fusion_types=("channel_add", "channel_mul"), postfix=2),
             position="after_conv2")]), (2, 43, 58)),
    "resnet50_attention": (dict(ONE_STAGE, plugins=[
        dict(cfg=dict(type="GeneralizedAttention", num_heads=2, attention_type="1111"), position="after_conv2"),
        dict(cfg=dict(type="GeneralizedAttention", num_heads=3, attention_type="0010", postfix="_b"), stages=(True,),
             position="after_conv3"),
        dict(cfg=dict(type="GeneralizedAttention", num_heads=2, attention_type="0101", kv_stride=1, q_stride=2,
                      position_magnitude=2,
                      position_embedding_dim=12, postfix="_c"), position="after_conv1")]), (2, 43, 58)),
    "resnext50_attention": (dict(ONE_STAGE, type="ResNeXt", groups=2, base_width=4, plugins=[
        dict(cfg=dict(type="GeneralizedAttention", num_heads=4, attention_type="1000", kv_stride=3),
             position="after_conv2"),
        dict(cfg=dict(type="GeneralizedAttention", num_heads=1, attention_type="0001", postfix="_b"),
             position="after_conv1"),
        dict(cfg=dict(type="GeneralizedAttention", num_heads=2, attention_type="1010", postfix=2),
             position="after_conv3")]), (1, 35, 50)),
    "resnet50_non_local": (dict(ONE_STAGE, plugins=[
        dict(cfg=dict(type="NonLocal2d", sub_sample=True, reduction=1, postfix=5, norm_cfg=dict(type="BN")),
             position="after_conv1")]), (2, 35, 50)),
    "resnet50_non_local_products": (dict(ONE_STAGE, plugins=[
        dict(cfg=dict(type="NonLocal2d", mode="dot_product", norm_cfg=dict(type="GN", num_groups=2), postfix="_d"),
             position="after_conv2"),
        dict(cfg=dict(type="NonLocal2d", mode="gaussian", reduction=1, sub_sample=True, postfix="_g"),
             position="after_conv1")]), (2, 35, 50)),
    "resnet50_non_local_pairs": (dict(ONE_STAGE, plugins=[                            # mmcv cannot train this mode
        dict(cfg=dict(type="NonLocal2d", mode="concatenation"), position="after_conv1"),
        dict(cfg=dict(type="NonLocal2d", use_scale=False, reduction=3, postfix="_b"), position="after_conv2")]),
        (2, 35, 50)),
}


def folded(x):
    """The order of nn.Unfold, C row column, into that of the authors, column row C."""
    return x.reshape(*x.shape[:-1], -1, 2, 2).movedim(-3, -1).transpose(-3, -2).reshape(x.shape)


def of_swin(weights):
    out = {}
    for k, v in weights.items():
        k = k.replace("stages.", "layers.").replace("attn.w_msa.",
                                                    "attn.").replace("ffn.layers.0.0.", "mlp.fc1.").replace("ffn.layers.1.", "mlp.fc2.")
        out[k.replace("projection.", "proj.")] = folded(v) if "downsample" in k else v
    return out


def of_pvt(weights, has_positions):
    out = {}
    for k, v in weights.items():
        _, stage, part, *rest = k.split(".")
        stage, rest = int(stage) + 1, ".".join(rest)
        if part == "0":
            out[f"patch_embed{stage}.{rest.replace('projection', 'proj')}"] = v
        elif part == "2":
            out[f"norm{stage}.{rest}"] = v
        # the last one begins with the place of the class token
        elif rest == "0.pos_embed":
            out[f"pos_embed{stage}"] = torch.cat((torch.randn(1, 1, v.shape[2]), v), 1) if stage == 4 else v
        else:
            block, rest = rest.split(".", 1)
            name = f"block{stage}.{int(block) - has_positions}."
            for theirs, ours in (("attn.attn.out_proj", "attn.proj"), ("ffn.layers.0", "mlp.fc1"),
                                 ("ffn.layers.1", "mlp.dwconv.dwconv"),
                                 ("ffn.layers.3", "mlp.fc2"), ("ffn.layers.4", "mlp.fc2")):
                rest = rest.replace(theirs, ours)
            if "in_proj" in rest:
                rest, rows = rest.replace("attn.attn.in_proj_", "attn.X."), v.shape[0] // 3
                out[name + rest.replace("X", "q")], out[name + rest.replace("X", "kv")] = v[:rows], v[rows:]
            else:
                out[name + rest] = v[:, :, 0, 0] if "fc" in rest and v.dim() == 4 else v
    return out


def write_official(case, folder):
    """The weights under the names of the authors, from which mmdet makes those of the case."""
    weights = torch.load(folder + "/weights.pth")
    weights = {k: v for k, v in weights.get("state_dict", weights).items() if "relative_position_index" not in k}
    official_weights = of_swin(weights) if case.startswith("swin") else of_pvt(weights, case == "pvt_mmdet")
    made = {k.removeprefix("backbone."): v
            for k, v in (swin_converter if case.startswith("swin") else pvt_convert)(dict(official_weights)).items()}
    for k, v in weights.items():
        assert made[k].shape[1:2] != v.shape[1:2] or torch.equal(made[k], v), k
    torch.save({"model": official_weights}, folder + "/official.pth")


def tuples(config):
    return {k: tuple(v) if k == "pretrain_img_size" and isinstance(v, list) else v for k, v in config.items()}


def main():
    for case, (config, size) in CASES.items():
        if len(sys.argv) > 3 and case not in sys.argv[3:]:
            continue
        torch.manual_seed(0)
        images, *size = size if len(size) == 3 else (1, *size)
        options = tuples({k: v for k, v in config.items() if k != "type"})
        net = TYPES[config["type"]](**copy.deepcopy(options))
        net.eval()
        official.write_case(copy.deepcopy(config), net, torch.randn(images, 3, *size), os.path.join(sys.argv[2], case),
                            case != "resnet50_non_local_pairs")
        if case in OFFICIAL:
            write_official(case, os.path.join(sys.argv[2], case))
        print(case, sum(p.numel() for p in net.parameters()))


main()
