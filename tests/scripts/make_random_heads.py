#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/heads/random.safetensors: small networks with options drawn at random for each head, and what mmdetection 3.3 and
mmsegmentation 1.2 make of a noisy picture.

    python3 tests/scripts/make_random_heads.py [OUT [FIRST COUNT [FAMILY..]]]       needs mmdet 3.3, mmsegmentation 1.2, mmcv 2.1 with its CPU operations

COUNT seeds from FIRST on are drawn for each family; without both, those that are kept in the repository. Weights and
pictures are not kept: fill() and picture() compute them from names and places, and test_random_heads.c does the same.

Metadata of the file: `cases`, a list: `family`, `seed`, `images` (what DfImageMeta says of each), `padded` (height, width of the batch)
and `near` (below); and `config_<i>`, the config of case i. Arrays of case i:
    c<i>.raw.<name>      every k-th number, at most 64, of an output of the network in float64, channels last
    c<i>.boxes_<n>, c<i>.labels_<n>, c<i>.masks_<n>       detections of image n, in pixels of the original: x1 y1 x2 y2 score; packed bits
    c<i>.classes         class of every k-th pixel, at most 256; 255 where two classes are as good as each other
`near[name]` is how far the reference itself comes in float32 from these, with its weights and with weights whose last bits differ: for
raw outputs the largest distance from float64 over the largest value, `boxes` in pixels, `scores`, `pixels` of a mask. Where other
detections are found then, it is no case: another seed is drawn in its place.
"""
import copy
import json
import math
import random
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.config import ConfigDict
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData

import mmdet.models  # noqa: F401, their registries
import mmseg.models  # noqa: F401
from mmdet.models.detectors import DeformableDETR
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmseg.registry import MODELS as SEGMENTORS
from mmseg.structures import SegDataSample

from tensor_files import save

OUT = Path(__file__).resolve().parent.parent / "data" / "heads" / "random.safetensors"
KEPT = {"retina": 30, "faster": 19, "mask": 14, "cascade": 14, "uper": 22, "fcn": 14, "fpn": 12, "detr": 12, "deformable": 15, "classifier": 6}
SAMPLES, PIXELS, MOVED = 64, 256, 3

# Widths around those of tiles and panels, as the kernels cut a product: 6, 8, 12, 16, 32, 48, 64.
WIDTHS = [1, 2, 3, 5, 6, 7, 8, 11, 12, 13, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65]


# ---- numbers that both sides compute ------------------------------------------------------------------------------

def noise(at):
    """A hash of each place, -1 to 1."""
    x = np.asarray(at, dtype=np.uint64) * 2654435761 % 2**32
    x = (x ^ x >> 15) * 2246822519 % 2**32
    x ^= x >> 13
    return (x >> 16) / 32768.0 - 1


def picture(image, height, width):
    return torch.from_numpy(noise(np.arange(3 * height * width) + 7919 * image).astype(np.float32).reshape(3, height, width))


def name_hash(name):
    """FNV-1a."""
    x = 2166136261
    for byte in name.encode():
        x = (x ^ byte) * 16777619 % 2**32
    return x


GAINS = [("retina_cls", 0.4), ("rpn_cls", 0.4), ("fc_cls", 1.5), ("sampling_offsets", 1.0), ("attention_weights", 2.0), ("reg", 0.5)]  # the first that fits


def values_of(name, shape):
    u = noise((name_hash(name) + np.arange(int(np.prod(shape)))) % 2**32).reshape(shape)
    if name.endswith("running_mean"):
        return 0.3 * u
    if name.endswith("running_var"):
        return 1.25 + 0.75 * u
    if len(shape) > 1:
        gain = next((g for part, g in GAINS if part in name), 1.4)
        return gain * math.sqrt(3.0 / (np.prod(shape) // shape[0])) * u
    if name.endswith("bias"):
        return (2.0 if "sampling_offsets" in name else 0.2) * u
    return 1 + 0.5 * u


# mmdet 3 has the parts of a DETR at the top of the model; here as in 2.x, below the head.
PLACES = [(".self_attn.", ".attentions.0."), (".cross_attn.", ".attentions.1."), (".ffn.", ".ffns.0."), ("memory_trans_fc", "enc_output"),
          ("memory_trans_norm", "enc_output_norm"), ("pos_trans_fc", "pos_trans"), ("reference_points_fc", "reference_points"),
          ("level_embed", "level_embeds")]


def older_name(name, family):
    if family not in ("detr", "deformable"):
        return name
    if family == "detr":
        name = name.replace("neck.convs.0.conv.", "bbox_head.input_proj.").replace("bbox_head.reg_ffn", "bbox_head.reg_ffn")
    for new, old in PLACES:
        name = name.replace(new, old)
    if name.split(".")[0] in ("backbone", "neck", "bbox_head"):
        return name
    return "bbox_head." + ("" if name.startswith(("query_embedding", "positional_encoding")) else "transformer.") + name


def fill(net, family):
    for name, x in list(net.named_parameters()) + [b for b in net.named_buffers() if b[0].endswith(("running_mean", "running_var"))]:
        x.data = torch.from_numpy(np.asarray(values_of(older_name(name, family), tuple(x.shape)), np.float32))


# ---- options ------------------------------------------------------------------------------------------------------

class Draw(random.Random):
    def one(self, *of):
        return self.choice(of)

    def chance(self, p):
        return self.random() < p

    def some(self, p, **options):
        """Each option with probability p."""
        return {k: v for k, v in options.items() if self.chance(p)}

    def number(self, low, high, digits=3):
        return round(self.uniform(low, high), digits)


def norm(d, channels, kinds=("BN", "GN", "IN", None)):
    kind = d.one(*kinds)
    if kind == "GN":
        return dict(type="GN", num_groups=d.choice([g for g in range(1, channels + 1) if channels % g == 0 and g <= 8]), **d.some(0.3, eps=1e-3))
    if kind == "IN":
        return dict(type="IN", **d.some(0.5, affine=True))
    return kind and dict(type=kind, **d.some(0.2, eps=1e-3))


STANDARDISED = dict(type="ConvWS")
BASE = 2
MAPS = [BASE, 2 * BASE, 4 * BASE, 8 * BASE]


def resnet(**more):
    return dict(type="ResNet", depth=18, base_channels=BASE, num_stages=4, out_indices=(0, 1, 2, 3), norm_cfg=dict(type="BN"), **more)


def fpn(d, channels, outs, start=0):
    extra = d.one(False, "on_input", "on_lateral", "on_output") if outs > 4 - start else False
    upsample = d.one(dict(mode="nearest"), dict(mode="bilinear", align_corners=d.chance(0.5)))
    normed = norm(d, channels)
    return dict(type="FPN", in_channels=MAPS, out_channels=channels, num_outs=outs, start_level=start, add_extra_convs=extra,
                relu_before_extra_convs=d.chance(0.3), no_norm_on_lateral=d.chance(0.3), norm_cfg=normed, upsample_cfg=upsample,
                act_cfg=d.one(None, None, dict(type="ReLU")), **d.some(0.15, conv_cfg=STANDARDISED))


def anchors(d, strides, dense):
    g = dict(type="AnchorGenerator", strides=strides, ratios=d.one([1.0], [0.5, 1.0, 2.0], [0.37, 1.9], [2.0]))
    if d.chance(0.5):
        g.update(octave_base_scale=d.one(1, 2, 4, 3.5), scales_per_octave=d.one(1, 2, 3))
    else:
        g.update(scales=d.one([8], [2, 4.5], [1.0, 3.0, 6.0]))
    if d.chance(0.2):
        g.update(base_sizes=[d.randint(3, 40) for _ in strides])
    if d.chance(0.2):
        g.update(scale_major=False)
    if d.chance(0.2):
        g.update(centers=[(float(d.randint(0, 9)), d.number(0, 9, 1)) for _ in strides])
    elif d.chance(0.3):
        g.update(center_offset=d.one(0.5, 0.25))
    return g


def coder(d, stds=(1.0, 1.0, 1.0, 1.0)):
    return dict(type="DeltaXYWHBBoxCoder", target_means=[0.0] * 4 if d.chance(0.5) else [d.number(-0.2, 0.2) for _ in range(4)],
                target_stds=list(stds) if d.chance(0.5) else [d.number(0.05, 1.5) for _ in range(4)],
                **d.some(0.3, clip_border=False), **d.one({}, {}, dict(add_ctr_clamp=True, ctr_clamp=d.one(2, 7, 32))))


def nms(d, soft=True, agnostic=True):
    if soft and d.chance(0.35):
        k = dict(type="soft_nms", iou_threshold=d.number(0.1, 0.7), method=d.one("linear", "gaussian", "naive"), sigma=d.number(0.1, 1),
                 min_score=d.one(1e-3, 0.05, 0.2))
    else:
        k = dict(type="nms", iou_threshold=d.number(0.1, 0.9), **d.some(0.25, max_num=d.randint(1, 40)))
    k.update(d.some(0.2, offset=1))
    if agnostic:
        k.update(d.some(0.3, class_agnostic=True))
    k.update(d.some(0.45, split_thr=d.one(1, 2, 15, 16, 17, 50, 64, 65, 200)))
    return k


L1 = dict(type="L1Loss", loss_weight=1.0)
FOCAL = dict(type="FocalLoss", use_sigmoid=True, gamma=2.0, alpha=0.25, loss_weight=1.0)
PREPROCESSOR = dict(type="DetDataPreprocessor")


def retina(d):
    channels, start = d.choice(WIDTHS), d.one(0, 1, 1)
    outs = d.randint(4 - start, 6)
    strides = [4 * 2 ** (start + i) for i in range(outs)]
    width, classes = d.choice(WIDTHS), d.one(1, 2, 3, 7, 8, 20)
    head = dict(type="RetinaHead", num_classes=classes, in_channels=channels, stacked_convs=d.one(0, 1, 2, 4), feat_channels=width, norm_cfg=norm(d, width),
                anchor_generator=anchors(d, strides, True), bbox_coder=coder(d),
                loss_cls=d.one(FOCAL, FOCAL, dict(type="CrossEntropyLoss"), dict(type="CrossEntropyLoss", use_sigmoid=True)), loss_bbox=L1,
                **d.some(0.15, conv_cfg=STANDARDISED))
    test = dict(nms_pre=d.one(-1, 1, 7, 40, 100, 1000, 100000), min_bbox_size=d.one(-1, 0, 0, 3, 12), score_thr=d.one(0.0, 0.05, 0.3, 0.5),
                nms=nms(d), max_per_img=d.one(1, 10, 30, 60))
    return dict(type="RetinaNet", data_preprocessor=PREPROCESSOR, backbone=resnet(), neck=fpn(d, channels, outs, start), bbox_head=head, test_cfg=test)


def extractor(d, size, channels, levels, strides):
    return dict(type="SingleRoIExtractor", out_channels=channels, featmap_strides=strides[:levels], finest_scale=d.one(56, 14, 8, 30),
                roi_layer=dict(type="RoIAlign", output_size=size, sampling_ratio=d.one(0, 0, 1, 2, 3, 4), **d.some(0.25, aligned=False)))


def box_head(d, size, channels, classes, agnostic=None, stds=(0.1, 0.1, 0.2, 0.2)):
    width = d.choice(WIDTHS)
    kind = d.one("BBoxHead", "ConvFCBBoxHead", "Shared2FCBBoxHead", "Shared4Conv1FCBBoxHead")
    head = dict(type=kind, in_channels=channels, roi_feat_size=size, num_classes=classes, bbox_coder=coder(d, stds),
                reg_class_agnostic=d.chance(0.4) if agnostic is None else agnostic,
                loss_cls=d.one(dict(type="CrossEntropyLoss"), dict(type="CrossEntropyLoss"), dict(type="SeesawLoss", num_classes=classes, p=0.8, q=2.0)),
                loss_bbox=L1, **d.some(0.2, reg_decoded_bbox=True), **d.some(0.15, cls_predictor_cfg=dict(type="NormedLinear", tempearture=20)),
                **d.some(0.1, reg_predictor_cfg=dict(type="NormedLinear", tempearture=5)))
    if kind != "BBoxHead":
        head.update(conv_out_channels=width, fc_out_channels=d.choice(WIDTHS), norm_cfg=norm(d, width, ("BN", "GN", None, None)),
                    **d.some(0.15, conv_cfg=STANDARDISED))
    if kind == "ConvFCBBoxHead":
        head.update({k: d.one(0, 0, 1, 2) for k in ("num_shared_convs", "num_shared_fcs", "num_cls_convs", "num_cls_fcs", "num_reg_convs", "num_reg_fcs")})
        if head["num_cls_convs"] or head["num_reg_convs"]:
            head.update(num_shared_fcs=0)
    if kind in ("BBoxHead", "ConvFCBBoxHead"):
        head.update(with_avg_pool=kind == "BBoxHead" or d.chance(0.4))  # mmdet 3 has no BBoxHead without
    return head


def mask_head(d, channels, classes):
    width = d.choice(WIDTHS)
    upsample = d.one(dict(type="deconv", scale_factor=2), dict(type="deconv", scale_factor=2), dict(type="nearest", scale_factor=2),
                     dict(type="bilinear", scale_factor=2), dict(type=None))
    return dict(type="FCNMaskHead", num_convs=d.one(0, 1, 2, 4), in_channels=channels, conv_out_channels=width, num_classes=classes,
                class_agnostic=d.chance(0.3), upsample_cfg=upsample, norm_cfg=norm(d, width, ("BN", "GN", None, None)),
                conv_kernel_size=d.one(3, 3, 1, 5), loss_mask=dict(type="CrossEntropyLoss", use_mask=True, loss_weight=1.0),
                **d.some(0.15, conv_cfg=STANDARDISED))


def two_stage(d, kind, masks):
    channels, classes, outs = d.choice(WIDTHS[3:]), d.one(1, 2, 3, 8, 20), d.one(4, 5, 5)
    strides = [4 * 2 ** i for i in range(outs)]
    sigmoid = d.chance(0.7)
    rpn = dict(type="RPNHead", in_channels=channels, feat_channels=d.choice(WIDTHS), anchor_generator=anchors(d, strides, False), bbox_coder=coder(d),
               num_convs=d.one(1, 1, 2, 3), loss_cls=dict(type="CrossEntropyLoss", use_sigmoid=sigmoid, loss_weight=1.0), loss_bbox=L1)
    levels = d.randint(1, 4)
    size = d.one(1, 3, 4, 7, (3, 5))
    stages = d.one(1, 2, 3) if kind == "CascadeRCNN" else 1
    heads = [box_head(d, size, channels, classes, stds=s) for s in ((0.1, 0.1, 0.2, 0.2), (0.05, 0.05, 0.1, 0.1), (0.033, 0.033, 0.067, 0.067))[:stages]]
    for h in heads:
        h["loss_cls"] = heads[0]["loss_cls"]
    roi = dict(type="CascadeRoIHead" if kind == "CascadeRCNN" else "StandardRoIHead", bbox_roi_extractor=extractor(d, size, channels, levels, strides),
               bbox_head=heads if kind == "CascadeRCNN" else heads[0])
    if kind == "CascadeRCNN":
        roi.update(num_stages=stages, stage_loss_weights=[1.0, 0.5, 0.25][:stages])
    if masks:
        roi.update(mask_roi_extractor=extractor(d, d.one(3, 4, 7), channels, levels, strides), mask_head=mask_head(d, channels, classes))
    test = dict(rpn=dict(nms_pre=d.one(-1, 5, 40, 100, 1000), max_per_img=d.one(1, 15, 33, 64), min_bbox_size=d.one(-1, 0, 0, 4, 10),
                         nms=nms(d, soft=False, agnostic=False)),
                rcnn=dict(score_thr=d.one(0.0, 0.02, 0.05, 0.2), nms=nms(d), max_per_img=d.one(1, 8, 20), mask_thr_binary=d.one(0.5, 0.5, 0.3, 0.6)))
    return dict(type=kind, data_preprocessor=PREPROCESSOR, backbone=resnet(), neck=fpn(d, channels, outs), rpn_head=rpn, roi_head=roi, train_cfg=None,
                test_cfg=test)


def decode_head(d, kind, index, **more):
    width = d.choice(WIDTHS[2:])
    return dict(type=kind, in_index=index, channels=width, num_classes=d.one(2, 3, 8, 15, 16, 17, 33), norm_cfg=norm(d, width),
                act_cfg=d.one(*[dict(type="ReLU")] * 4, dict(type="GELU"), dict(type="Sigmoid"), dict(type="Tanh")), align_corners=d.chance(0.4),
                dropout_ratio=0.1, loss_decode=dict(type="CrossEntropyLoss"), **d.some(0.15, conv_cfg=STANDARDISED), **more)


def segmentor(d, head, aux=None):
    test = dict(mode="whole")
    if d.chance(0.35):
        crop = (d.one(32, 33, 64), d.one(32, 47, 64))
        test = dict(mode="slide", crop_size=crop, stride=(d.randint(crop[0] // 2, crop[0]), d.randint(crop[1] // 2, crop[1])))
    backbone = d.one(resnet(), resnet(), dict(resnet(), strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4)), dict(resnet(), type="ResNetV1c"))
    return dict(type="EncoderDecoder", data_preprocessor=dict(type="SegDataPreProcessor"), backbone=backbone, decode_head=head, auxiliary_head=aux,
                test_cfg=test)


def uper(d):
    index = d.one([0, 1, 2, 3], [0, 1, 2, 3], [1, 2, 3], [0, 3], [2, 3])
    return segmentor(d, decode_head(d, "UPerHead", index, in_channels=[MAPS[i] for i in index], pool_scales=d.one((1, 2, 3, 6), (1,), (2, 5), (1, 3, 8))))


def fcn(d):
    if d.chance(0.3):
        index = d.one([0, 1, 2, 3], [1, 3])
        inputs = dict(in_channels=[MAPS[i] for i in index], input_transform="resize_concat")
    else:
        index = d.one(0, 1, 2, 3, -1)
        inputs = dict(in_channels=MAPS[index])
    head = decode_head(d, "FCNHead", index, num_convs=d.one(0, 1, 2, 3), kernel_size=d.one(1, 3, 3, 5), dilation=d.one(1, 1, 2, 6),
                       concat_input=d.chance(0.5), **inputs)
    if head["num_convs"] == 0:
        head.update(concat_input=False, channels=sum(MAPS[i] for i in index) if isinstance(index, list) else MAPS[index], norm_cfg=None)
    return segmentor(d, head)


def semantic_fpn(d):
    index = d.one([0, 1, 2, 3], [0, 1, 2, 3], [1, 2, 3], [0, 2])
    width = d.choice(WIDTHS)
    net = segmentor(d, decode_head(d, "FPNHead", index, in_channels=[width] * len(index), feature_strides=[4 * 2 ** i for i in index]))
    net.update(backbone=resnet(), neck=fpn(d, width, 4))
    return net


def transformer_parts(d, dim, deformable, levels):
    heads = d.choice([h for h in (1, 2, 4) if dim % h == 0])
    ffn = dict(embed_dims=dim, feedforward_channels=d.choice(WIDTHS), ffn_drop=0.1, num_fcs=2, act_cfg=dict(type="ReLU", inplace=True))
    full = dict(embed_dims=dim, num_heads=heads, dropout=0.1, batch_first=True)
    sampled = dict(embed_dims=dim, num_heads=heads, num_levels=levels, num_points=d.one(1, 2, 3, 4), batch_first=True)
    encoder = dict(num_layers=d.one(1, 2), layer_cfg=dict(self_attn_cfg=sampled if deformable else full, ffn_cfg=ffn))
    decoder = dict(num_layers=d.one(1, 2, 3), return_intermediate=True,
                   layer_cfg=dict(self_attn_cfg=full, cross_attn_cfg=sampled if deformable else full, ffn_cfg=ffn))
    return encoder, decoder


def positions(d, dim):
    return dict(num_feats=dim // 2, normalize=True, **d.some(0.3, temperature=20), **d.some(0.3, offset=-0.5), **d.some(0.2, eps=1e-5))


def detr(d):
    dim, queries = d.one(8, 16, 20, 32, 36, 48), d.one(1, 7, 15, 16, 17, 33)
    encoder, decoder = transformer_parts(d, dim, False, 1)
    loss = d.one(dict(type="CrossEntropyLoss", bg_cls_weight=0.1, use_sigmoid=False, loss_weight=1.0, class_weight=1.0), FOCAL)
    return dict(type="DETR", num_queries=queries, data_preprocessor=PREPROCESSOR, backbone=dict(resnet(), out_indices=(3,)),
                neck=dict(type="ChannelMapper", in_channels=[MAPS[3]], kernel_size=1, out_channels=dim, act_cfg=None, norm_cfg=None, num_outs=1),
                encoder=encoder, decoder=decoder, positional_encoding=positions(d, dim),
                bbox_head=dict(type="DETRHead", num_classes=d.one(1, 3, 8, 20), embed_dims=dim, loss_cls=loss, loss_bbox=dict(type="L1Loss", loss_weight=5.0),
                               loss_iou=dict(type="GIoULoss", loss_weight=2.0)),
                test_cfg=dict(max_per_img=d.randint(1, queries)))


def deformable(d):
    dim, queries, levels = d.one(8, 16, 24, 32, 48), d.one(1, 7, 15, 16, 17, 33), d.one(1, 2, 3, 4)
    encoder, decoder = transformer_parts(d, dim, True, levels)
    decoder.update(post_norm_cfg=None)
    refine = d.chance(0.6)
    two = refine and d.chance(0.6)
    first = d.randint(max(0, 3 - levels), 3)
    kept = list(range(max(1, first), 4))[-levels:]
    return dict(type="DeformableDETR", num_queries=queries, num_feature_levels=levels, with_box_refine=refine, as_two_stage=two,
                data_preprocessor=PREPROCESSOR, backbone=dict(resnet(), out_indices=tuple(kept)),
                neck=dict(type="ChannelMapper", in_channels=[MAPS[i] for i in kept], kernel_size=d.one(1, 1, 3), out_channels=dim, act_cfg=None,
                          norm_cfg=dict(type="GN", num_groups=d.one(1, 2, 4)), num_outs=levels),
                encoder=encoder, decoder=decoder, positional_encoding=positions(d, dim),
                bbox_head=dict(type="DeformableDETRHead", num_classes=d.one(1, 3, 8, 20), embed_dims=dim, sync_cls_avg_factor=True, loss_cls=FOCAL,
                               loss_bbox=dict(type="L1Loss", loss_weight=5.0), loss_iou=dict(type="GIoULoss", loss_weight=2.0)),
                test_cfg=dict(max_per_img=d.randint(1, queries)))


def classifier(d):
    backbone = dict(resnet(), out_indices=(3,), type=d.one("ResNet", "ResNetV1d"))
    return dict(type="ImageClassifier", backbone=backbone, neck=dict(type="GlobalAveragePooling"),
                head=dict(type="LinearClsHead", num_classes=d.one(1, 10, 31, 32, 33, 1000), in_channels=MAPS[3], loss=dict(type="CrossEntropyLoss"), topk=(1, 5)))


FAMILIES = {
    "retina": retina,
    "faster": lambda d: two_stage(d, "FasterRCNN", False),
    "mask": lambda d: two_stage(d, "MaskRCNN", True),
    "cascade": lambda d: two_stage(d, "CascadeRCNN", d.chance(0.5)),
    "uper": uper,
    "fcn": fcn,
    "fpn": semantic_fpn,
    "detr": detr,
    "deformable": deformable,
    "classifier": classifier,
}
PIXEL_HEADS = ("uper", "fcn", "fpn")


def sizes(d, family):
    """Images of a batch and their padded size: (height, width) of each, (height, width)."""
    if family in PIXEL_HEADS and d.chance(0.4):  # rows around the strips of a map at a quarter of the size
        return [(d.one(249, 252, 253, 256, 257, 260, 261), d.one(33, 48, 65))], None
    images = [(d.randint(33, 97), d.randint(33, 129)) for _ in range(1 if family in PIXEL_HEADS else d.one(1, 1, 2, 3))]
    return images, d.one(None, 32, 32)


def metas(d, family, images):
    out = []
    for h, w in images:
        if family in PIXEL_HEADS:
            original = (d.one(h, 7, 8, 9, 63, 64, 65), d.one(w, 127, 128, 129, 40))
        else:
            original = (max(8, round(h * d.one(1, 0.5, 0.75, 1.3))), max(8, round(w * d.one(1, 0.5, 0.8, 1.7))))
        out.append(dict(img_shape=[h, w], ori_shape=list(original), scale_factor=[float(np.float32(w / original[1])), float(np.float32(h / original[0]))]))
    return out


# ---- the reference ------------------------------------------------------------------------------------------------

class Classifier(torch.nn.Module):
    """mmpretrain's ImageClassifier with a LinearClsHead."""

    def __init__(self, config):
        super().__init__()
        self.backbone = MODELS.build(ConfigDict(config["backbone"]))
        self.head = torch.nn.Module()
        self.head.fc = torch.nn.Linear(config["head"]["in_channels"], config["head"]["num_classes"])

    def forward(self, x):
        return self.head.fc(self.backbone(x)[-1].mean((2, 3)))


def build(config, family):
    config = copy.deepcopy(config)
    if family == "classifier":
        return Classifier(config)
    if family in PIXEL_HEADS:
        with DefaultScope.overwrite_default_scope("mmseg"):
            return SEGMENTORS.build(ConfigDict(config))
    return MODELS.build(ConfigDict(config))


def samples_of(given, padded, family):
    kind = SegDataSample if family in PIXEL_HEADS else DetDataSample
    return [kind(metainfo=dict(img_shape=tuple(m["img_shape"]), ori_shape=tuple(m["ori_shape"]), scale_factor=tuple(m["scale_factor"]), pad_shape=padded,
                               batch_input_shape=padded)) for m in given]


def listed(outputs, names):
    return {f"{name}_{i}": x for name, of in zip(names, outputs) for i, x in enumerate(of)}


def raw(net, family, image, given, padded):
    if family == "retina":
        return listed(net.bbox_head(net.extract_feat(image)), ("cls_score", "bbox_pred"))
    if family in ("faster", "mask", "cascade"):
        return listed(net.rpn_head(net.extract_feat(image)), ("rpn_cls_score", "rpn_bbox_pred"))
    if family in PIXEL_HEADS:
        return {"decode_logits": net.decode_head(net.extract_feat(image))}
    if family == "classifier":
        return {"logits": net(image)}
    out = net.bbox_head(**net.forward_transformer(net.extract_feat(image), samples_of(given, padded, family)))
    logits, boxes = out[:2]
    found = {"pred_logits": logits[-1], "pred_boxes": boxes[-1]}
    for i in range(len(logits) - 1):
        found.update({f"aux_{i}_logits": logits[i], f"aux_{i}_boxes": boxes[i]})
    return found


class Double:
    """Within it, what asks for float32 by name gets float64."""

    def __enter__(self):
        self.kept = torch.float32, torch.Tensor.float
        torch.set_default_dtype(torch.float64)
        torch.float32, torch.Tensor.float = torch.float64, torch.Tensor.double

    def __exit__(self, *_):
        torch.float32, torch.Tensor.float = self.kept
        torch.set_default_dtype(torch.float32)


def detect(net, image, given, padded, family):
    found = net.predict(image, samples_of(given, padded, family), rescale=True)
    out = []
    for s in found:
        p = s.pred_instances
        masks = p.masks.numpy() if "masks" in p else None
        out.append((np.concatenate([p.bboxes.numpy(), p.scores.numpy()[:, None]], 1).astype(np.float32), p.labels.numpy(), masks))
    return out


def nearness(a, b):
    """How far two lists of detections are apart: boxes in pixels, scores, pixels of masks; None if they are not the same ones."""
    boxes, scores, pixels = 0.0, 0.0, 0
    for (x, k, m), (y, l, n) in zip(a, b):
        if len(x) != len(y):
            return None
        taken = np.zeros(len(y), bool)
        for i in range(len(x)):
            apart = np.abs(y[:, :4] - x[i, :4]).max(1) + 100 * np.abs(y[:, 4] - x[i, 4])
            apart[taken | (l != k[i])] = np.inf
            j = int(np.argmin(apart)) if len(apart) else -1
            if not apart[j] < 0.2:
                return None
            taken[j] = True
            boxes, scores = max(boxes, float(np.abs(y[j, :4] - x[i, :4]).max())), max(scores, float(abs(y[j, 4] - x[i, 4])))
            if m is not None:
                pixels = max(pixels, int((m[i] != n[j]).sum()))
    return boxes, scores, pixels


def moved(net, seed):
    """The same network with weights whose last bits differ."""
    other = copy.deepcopy(net)
    g = torch.Generator().manual_seed(seed)
    for x in list(other.parameters()) + [b for n, b in other.named_buffers() if n.endswith(("running_mean", "running_var"))]:
        x.data = x.data * (1 + 4e-7 * (2 * torch.rand(x.shape, generator=g) - 1))
    return other


def every(x, most):
    x = np.ascontiguousarray(x).reshape(-1)
    return x[::max(1, -(-len(x) // most))]


def channels_last(x):
    return (x.permute(0, 2, 3, 1) if x.ndim == 4 else x).numpy()


def classes_of(net, image, given, padded):
    """Classes of the picture at its original size, 255 where two are as good."""
    m = given[0]
    logits = net.inference(image, [dict(m, img_shape=tuple(padded), ori_shape=tuple(m["ori_shape"]), pad_shape=padded)])
    logits = F.interpolate(logits, size=tuple(m["ori_shape"]), mode="bilinear", align_corners=net.align_corners)[0]
    best = logits.topk(2, 0).values
    labels = logits.argmax(0)
    labels[best[0] - best[1] < 1e-4 * logits.abs().max()] = 255
    return every(labels.numpy().astype(np.uint8), PIXELS)


class Unstable(Exception):
    pass


def refuse_ties(outputs, said):
    """Where scores are equal, their order is anybody's: different logits whose sigmoids are both nearly 1, a ReLU that gives zeros, regions
    outside the picture."""
    for name, x in outputs.items():
        if "cls_score" in name and x.max() > 9:
            raise Unstable(f"{name}: a logit of {x.max():.3g}")
    for name, x in list(outputs.items()) + list(said.items()):
        if "cls" in name and x.numel() > 50 and len(x.unique()) < 0.98 * x.numel():
            raise Unstable(f"{name}: equal logits")


@torch.no_grad()
def run(family, seed):
    d = Draw(f"{family} {seed}")
    config = FAMILIES[family](d)
    images, divisor = sizes(d, family)
    padded = tuple(max(s[k] for s in images) for k in (0, 1))
    if divisor:
        padded = tuple(-(-s // divisor) * divisor for s in padded)
    if family in PIXEL_HEADS or family == "classifier":
        images = [padded] * len(images)
    given = metas(d, family, images)
    net = build(config, family).eval()
    fill(net, family)
    batch = torch.zeros(len(images), 3, *padded)
    for n, (h, w) in enumerate(images):
        batch[n, :, :h, :w] = picture(n, *padded)[:, :h, :w]
    others = [moved(net, k) for k in range(MOVED)]
    singles = [raw(n, family, batch, given, padded) for n in [net] + others]
    double = copy.deepcopy(net).double()
    arrays, near = {}, {}
    with Double():
        exact = raw(double, family, batch.double(), given, padded)
        if family in PIXEL_HEADS:
            arrays["classes"] = classes_of(double, batch.double(), given, padded)
    for name, x in exact.items():
        most = x.abs().max().item()
        near[name] = max((s[name].double() - x).abs().max().item() for s in singles) / (most or 1)
        if not near[name] < 2e-5:
            raise Unstable(f"{name}: {near[name]:.2g}")
        arrays["raw." + name] = every(channels_last(x), SAMPLES).astype(np.float32)
    if family not in PIXEL_HEADS and family != "classifier":
        said = {}
        for name, part in net.named_modules():
            if name.endswith("fc_cls"):
                part.register_forward_hook(lambda _, _in, out, name=name: said.update({name: out}))
        found = detect(net, batch, given, padded, family)
        refuse_ties(singles[0], said)
        if any(len(np.unique(boxes[:, 4])) < len(boxes) for boxes, _, _ in found):
            raise Unstable("equal scores")
        near.update(boxes=0.0, scores=0.0, pixels=0)
        for other in others:
            apart = nearness(found, detect(other, batch, given, padded, family))
            if apart is None:
                raise Unstable("detections")
            for name, x in zip(("boxes", "scores", "pixels"), apart):
                near[name] = max(near[name], x)
        for n, (boxes, labels, masks) in enumerate(found):
            arrays[f"boxes_{n}"], arrays[f"labels_{n}"] = boxes, labels.astype(np.int32)
            if masks is not None:
                arrays[f"masks_{n}"] = np.packbits(masks.reshape(len(masks), masks[0].size if len(masks) else 0), axis=1)
    return config, dict(family=family, seed=seed, images=given, padded=padded, near={k: float(f"{v:.3g}") for k, v in near.items()}), arrays


def main():
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else OUT
    first, count = (int(sys.argv[2]), int(sys.argv[3])) if len(sys.argv) > 3 else (0, None)
    DefaultScope.get_instance("mmdet", scope_name="mmdet")
    original = DeformableDETR.get_proposal_pos_embed  # written for 256 channels: it takes half of the width instead
    DeformableDETR.get_proposal_pos_embed = lambda self, proposals: original(proposals, num_pos_feats=self.embed_dims // 2)
    torch.set_num_threads(1)
    cases, metadata, arrays = [], {}, {}
    families = sys.argv[4:] or KEPT
    for family, kept in KEPT.items():
        if family not in families:
            continue
        left, seed, dropped = count or kept, first, []
        while left > 0 and (count is None or seed < first + count):
            try:
                config, case, found = run(family, seed)
            except (Unstable, AssertionError, ValueError, IndexError, RuntimeError) as e:  # or the reference itself fails: masks of no area
                dropped.append(f"{seed} ({e})")
            else:
                i = len(cases)
                cases.append(case)
                metadata[f"config_{i}"] = json.dumps(dict(model=config), separators=(",", ":"))
                arrays.update({f"c{i}.{name}": x for name, x in found.items()})
                left -= 1
            seed += 1
        print(f"{family}: {kept if count is None else count - len(dropped)} cases; dropped: {', '.join(dropped) or 'none'}", flush=True)
        save(out, arrays, dict(cases=json.dumps(cases, separators=(",", ":")), **metadata))


if __name__ == "__main__":
    main()
