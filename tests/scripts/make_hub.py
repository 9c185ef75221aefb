#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes OUT/CASE/: a small classifier or segmentor as transformers or timm saves it, with random weights that are float16
numbers, and what the library makes of a picture: input.safetensors has `image`, expected.safetensors `logits` in float64 rounded
to float32. tests/data/hub holds what it writes.

Usage: make_hub.py OUT [CASE...]; needs torch, safetensors, transformers 5 and timm 1."""
import copy
import json
import os
import sys

import timm
import torch
import transformers as hf
from safetensors.torch import save_file
from timm.models._hub import save_for_hf

OUT, ONLY = sys.argv[1], sys.argv[2:]
NAMES = {i: name for i, name in enumerate(["cat", "dog, n01", "red fox", "owl", "bee"])}
LABELS = dict(id2label=NAMES, label2id={name: i for i, name in NAMES.items()})
STAGES = ["stage1", "stage2", "stage3", "stage4"]


def draw(model, seed):
    """Weights of a size that keeps every part of the network alive."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            x = torch.randn(p.shape, generator=g)
            if "logit_scale" in name:
                x = 2 + 0.3 * x
            elif p.ndim > 1:
                x = x * 1.2 / p[0].numel() ** 0.5
            else:
                x = 0.2 * x + (1 if "weight" in name else 0)
            p.copy_(x.half().float())
        for name, b in model.named_buffers():
            if name.endswith("running_var"):
                b.copy_((0.5 + torch.rand(b.shape, generator=g)).half().float())
            if name.endswith("running_mean"): # small, or nothing gets through the ReLU behind
                b.copy_((0.2 * torch.randn(b.shape, generator=g)).half().float())
    return model.eval()


def tensors(case, name, values):
    save_file({key: x.contiguous() for key, x in values.items()}, f"{OUT}/{case}/{name}.safetensors")


def run(case, model, size):
    image = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(1)).half().float()
    with torch.no_grad():
        out = model.double()(image.double())
    logits = out.logits if hasattr(out, "logits") else out
    tensors(case, "input", {"image": image.half()})
    tensors(case, "expected", {"logits": logits.float()})


def of_transformers(case, make, config, size, processor):
    if ONLY and case not in ONLY:
        return
    model = draw(make(config), len(case))
    copy.deepcopy(model).half().save_pretrained(f"{OUT}/{case}")
    with open(f"{OUT}/{case}/preprocessor_config.json", "w") as f:
        json.dump(processor, f, indent=1)
    run(case, model, size)


def of_timm(case, name, args, size):
    if ONLY and case not in ONLY:
        return
    model = draw(timm.create_model(name, **args), len(case))
    model.pretrained_cfg = dict(model.pretrained_cfg, input_size=(3, *size))
    os.makedirs(f"{OUT}/{case}", exist_ok=True)
    save_for_hf(copy.deepcopy(model).half(), f"{OUT}/{case}", model_args=args, safe_serialization=True)
    run(case, model, size)


def squashed(kind, height, width):
    return dict(image_processor_type=kind, size=dict(height=height, width=width))


SWIN = dict(embed_dim=4, depths=[2, 2, 1], num_heads=[1, 2, 2], mlp_ratio=2.0, **LABELS)
PVT = dict(hidden_sizes=[4, 6, 8, 8], depths=[1, 1, 1, 1], num_attention_heads=[1, 2, 2, 4], mlp_ratios=[2, 2, 2, 2],
           **LABELS)

# Maps that neither the window nor two divides; a window as large as the map.
of_transformers("hf_swin", hf.SwinForImageClassification, hf.SwinConfig(window_size=3, layer_norm_eps=1e-3, **SWIN),
                (62, 49),
                dict(feature_extractor_type="ViTFeatureExtractor",
                     size=[62, 49]) | squashed("ViTImageProcessor", 62, 49))
of_transformers("hf_swin_v2", hf.Swinv2ForImageClassification,
                hf.Swinv2Config(window_size=4, image_size=44, pretrained_window_sizes=[3, 3, 2], **SWIN), (44, 44),
                dict(feature_extractor_type="ViTFeatureExtractor", size=44))
of_transformers("hf_pvt", hf.PvtForImageClassification,
                hf.PvtConfig(image_size=64, sequence_reduction_ratios=[4, 2, 2, 1], num_labels=5, **PVT), (64, 64),
                squashed("PvtImageProcessor", 64, 64))
of_transformers("hf_pvt_v2", hf.PvtV2ForImageClassification, hf.PvtV2Config(linear_attention=True, **PVT), (64, 64),
                squashed("PvtImageProcessor", 64, 64))
of_transformers("hf_resnet", hf.ResNetForImageClassification,
                hf.ResNetConfig(embedding_size=6, hidden_sizes=[8, 8, 12, 16], depths=[1, 2, 1, 1],
                                downsample_in_bottleneck=True,
                                **LABELS), (48, 48),
                                dict(feature_extractor_type="ConvNextFeatureExtractor", size=48, crop_pct=0.9))
of_transformers("hf_resnet_two_stages", hf.ResNetForImageClassification,
                hf.ResNetConfig(embedding_size=4, hidden_sizes=[8, 12], depths=[1, 2], layer_type="basic",
                                downsample_in_first_stage=True,
                                **LABELS), (40, 40), squashed("ViTImageProcessor", 40, 40))
# More stages than four; within the blocks of transformers' ResNet there is ReLU, whatever hidden_act says.
of_transformers("hf_resnet_five_stages", hf.ResNetForImageClassification,
                hf.ResNetConfig(embedding_size=4, hidden_sizes=[8, 8, 8, 12, 12], depths=[1, 2, 1, 1, 1], hidden_act="gelu_new",
                                downsample_in_first_stage=True, downsample_in_bottleneck=True, **LABELS), (96, 80),
                squashed("ViTImageProcessor", 96, 80))
of_transformers("hf_swin_quick_gelu", hf.SwinForImageClassification,
                hf.SwinConfig(window_size=3, image_size=24, hidden_act="quick_gelu", **SWIN), (48, 48), squashed("ViTImageProcessor", 48, 48))
of_transformers("hf_swin_v2_silu", hf.Swinv2ForImageClassification,
                hf.Swinv2Config(window_size=3, image_size=48, hidden_act="silu", **SWIN), (48, 48), squashed("ViTImageProcessor", 48, 48))
of_transformers("hf_pvt_hardswish", hf.PvtForImageClassification,
                hf.PvtConfig(image_size=32, sequence_reduction_ratios=[4, 2, 1, 1], num_labels=5, hidden_act="hardswish", **PVT), (32, 32),
                squashed("PvtImageProcessor", 32, 32))
of_transformers("hf_pvt_v2_mish", hf.PvtV2ForImageClassification, hf.PvtV2Config(hidden_act="mish", **PVT), (32, 32),
                squashed("PvtImageProcessor", 32, 32))
of_transformers("hf_upernet_swin", hf.UperNetForSemanticSegmentation,
                hf.UperNetConfig(backbone_config=hf.SwinConfig(embed_dim=4, depths=[2, 1, 1, 1], num_heads=[1, 1, 2, 2], window_size=3,
                                                               mlp_ratio=2.0, out_features=STAGES),
                                 hidden_size=4, auxiliary_channels=4, pool_scales=[1, 2], **LABELS), (40, 52),
                squashed("SegformerImageProcessor", 40, 52))
of_transformers("hf_upernet_swin_v2", hf.UperNetForSemanticSegmentation,
                hf.UperNetConfig(backbone_config=hf.Swinv2Config(embed_dim=4, depths=[2, 1, 1, 1], num_heads=[1, 1, 2, 2], window_size=4,
                                                                 image_size=48, mlp_ratio=2.0, out_features=STAGES),
                                 hidden_size=4, use_auxiliary_head=False, pool_scales=[1, 2], **LABELS), (48, 48),
                squashed("SegformerImageProcessor", 48, 48))

# timm pads maps to whole windows after it has shifted them.
TIMM_SWIN = dict(embed_dim=4, depths=(2, 2, 1, 1), num_heads=(1, 2, 2, 2), mlp_ratio=2.0, num_classes=5)
of_timm("timm_swin", "swin_tiny_patch4_window7_224", dict(TIMM_SWIN, img_size=52, window_size=5), (52, 52))
of_timm("timm_swin_v2", "swinv2_base_window12to16_192to256", dict(TIMM_SWIN, img_size=60, window_size=4), (60, 60))
of_timm("timm_pvt_v2", "pvt_v2_b2_li",
        dict(embed_dims=(4, 6, 8, 8), depths=(1, 1, 1, 1), num_heads=(1, 2, 2, 4), mlp_ratios=(2, 2, 2, 2),
                                            num_classes=5), (64, 64))
of_timm("timm_resnet_t", "resnet26t", dict(channels=(4, 4, 6, 8), layers=(1, 2, 1, 1), stem_width=8, num_classes=5),
        (45, 45))
of_timm("timm_resnext", "resnext50_32x4d",
        dict(channels=(4, 4, 6, 8), layers=(1, 1, 1, 1), cardinality=2, base_width=64, num_classes=5),
        (48, 48))
# Group norms, which timm calls bn1 as the others; 32 groups.
of_timm("timm_resnet_gn", "resnet50_gn", dict(channels=(32, 32, 32, 32), layers=(1, 1, 1, 1), num_classes=5), (48, 48))
# The last map's maximum beside its mean, or with it.
for pool in ["catavgmax", "avgmax"]:
    of_timm("timm_resnet_" + pool, "resnet14t", dict(channels=(4, 4, 6, 8), layers=(1, 1, 1, 1), stem_width=8, num_classes=5, global_pool=pool),
            (90, 65))
# Both convolutions of a basic block are dilated.
of_timm("timm_resnet_stride_8", "resnet18",
        dict(channels=(4, 6, 8, 8), layers=(1, 1, 2, 2), output_stride=8, num_classes=5), (56, 56))

# A dilated stage of ResNet-D pools its shortcut in steps of 1.
of_timm("timm_resnet_d_stride_8", "resnet26d", dict(channels=(4, 4, 6, 8), layers=(1, 1, 1, 2), stem_width=8, num_classes=5, output_stride=8,
                                                    act_layer="silu"), (50, 50))
of_timm("timm_resnet_d_stride_16", "resnet18d", dict(channels=(4, 4, 6, 8), layers=(1, 1, 1, 1), stem_width=8, num_classes=5, output_stride=16),
        (50, 50))
