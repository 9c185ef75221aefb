#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes OUT_DIR/{detr,deformable_detr}/mmdet_*/{config.json, weights.pth, input.safetensors, expected.safetensors}: small DETRs by the
heads of mmdet 2.28, with options that its own configs leave alone, on a padded batch: logits, boxes and detections.
Usage: make_mmdet_detr.py OUT_DIR, with mmdet 2.12 to 2.28 installed."""
import copy
import inspect
import json
import os
import sys

import torch
from mmcv import ConfigDict
from mmdet.models import build_detector
from mmdet.models.utils.transformer import DeformableDetrTransformer

import tensor_files

CLASSES, DIM = 5, 16
SIZES, H, W = [(50, 64), (60, 41)], 64, 64
BACKBONE = dict(type="ResNet", depth=18, base_channels=2, num_stages=4, frozen_stages=1, norm_eval=True,
                norm_cfg=dict(type="BN", requires_grad=False))

FFN = dict(type="FFN", embed_dims=DIM, feedforward_channels=24, num_fcs=2, ffn_drop=0.1,
           act_cfg=dict(type="ReLU", inplace=True))


def attention(**options):
    return dict(type="MultiheadAttention", embed_dims=DIM, num_heads=2, dropout=0.1, **options)


def deformable(**options):
    return dict(type="MultiScaleDeformableAttention", embed_dims=DIM, num_heads=2, num_levels=2, num_points=2,
                **options)


def order(branches, norm_first):
    pairs = [("norm", b) if norm_first else (b, "norm") for b in branches]
    return [name for pair in pairs for name in pair]


def transformer(norm_first, **decoder):
    return dict(
        type="Transformer",
        encoder=dict(type="DetrTransformerEncoder", num_layers=2,
                     transformerlayers=dict(type="BaseTransformerLayer", attn_cfgs=[attention()], ffn_cfgs=FFN,
                                            operation_order=order(["self_attn", "ffn"], norm_first))),
        decoder=dict(type="DetrTransformerDecoder", return_intermediate=True, num_layers=2,
                     transformerlayers=dict(type="DetrTransformerDecoderLayer", attn_cfgs=attention(), ffn_cfgs=FFN,
                                            feedforward_channels=24,
                                            operation_order=order(["self_attn", "cross_attn", "ffn"], norm_first)),
                                            **decoder))


def deformable_transformer(**options):
    return dict(
        type="DeformableDetrTransformer",
        encoder=dict(type="DetrTransformerEncoder", num_layers=2,
                     transformerlayers=dict(type="BaseTransformerLayer", attn_cfgs=deformable(), ffn_cfgs=FFN,
                                            operation_order=order(["self_attn", "ffn"], False))),
        decoder=dict(type="DeformableDetrTransformerDecoder", num_layers=2, return_intermediate=True,
                     transformerlayers=dict(type="DetrTransformerDecoderLayer", attn_cfgs=[attention(), deformable()],
                                            ffn_cfgs=FFN, feedforward_channels=24,
                                            operation_order=order(["self_attn", "cross_attn", "ffn"], False))),
                                            **options)


def detr(**head):
    return dict(type="DETR", backbone=dict(BACKBONE, out_indices=[3]),
                bbox_head=dict(type="DETRHead", num_classes=CLASSES, in_channels=16, num_query=7, **head),
                test_cfg=dict(max_per_img=6))


def deformable_detr(**head):
    return dict(type="DeformableDETR", backbone=dict(BACKBONE, out_indices=[2, 3]),
                neck=dict(type="ChannelMapper", in_channels=[8, 16], kernel_size=1, out_channels=DIM, act_cfg=None,
                          norm_cfg=dict(type="GN", num_groups=4), num_outs=2),
                bbox_head=dict(type="DeformableDETRHead", num_classes=CLASSES, in_channels=16, **head),
                test_cfg=dict(max_per_img=6))


SINE = dict(type="SinePositionalEncoding", num_feats=DIM // 2, normalize=True)
CASES = {
    "detr/mmdet_sigmoid": detr(num_reg_fcs=3, transformer=transformer(True),
                               loss_cls=dict(type="FocalLoss", use_sigmoid=True, gamma=2.0, alpha=0.25),
                               positional_encoding=dict(type="LearnedPositionalEncoding", num_feats=DIM // 2,
                                                        row_num_embed=9, col_num_embed=8)),
    "detr/mmdet_no_end": detr(transformer=transformer(False, post_norm_cfg=None),
                              positional_encoding=dict(SINE, eps=0.01, scale=5.0, offset=-0.25)),
    "deformable_detr/mmdet_softmax": deformable_detr(num_query=9, num_reg_fcs=1, transformer=deformable_transformer(),
                                                     positional_encoding=dict(SINE, offset=-0.5),
                                                     loss_cls=dict(type="CrossEntropyLoss", use_sigmoid=False)),
    "deformable_detr/mmdet_two_stage": deformable_detr(with_box_refine=True, as_two_stage=True, num_reg_fcs=3,
                                                       transformer=deformable_transformer(num_feature_levels=2, two_stage_num_proposals=8),
                                                       positional_encoding=dict(SINE, offset=-0.5),
                                                       loss_cls=dict(type="FocalLoss", use_sigmoid=True)),
}


def randomise(net):
    for name, p in net.named_parameters():
        p.data = torch.randn_like(p) * (0.2 if p.dim() < 2
                                        else (1.5 / p[0].numel()) ** 0.5) + (p.dim() == 1 and name.endswith("weight"))
    for name, b in net.named_buffers():
        if name.endswith("running_mean"):
            b.data = torch.randn_like(b) * 0.2
        if name.endswith("running_var"):
            b.data = torch.rand_like(b) + 0.5


def of_any_width():
    """get_proposal_pos_embed() is written for 256 channels: it takes half of the width instead."""
    original = DeformableDetrTransformer.get_proposal_pos_embed
    assert "num_pos_feats" in inspect.signature(original).parameters
    DeformableDetrTransformer.get_proposal_pos_embed = lambda self, proposals: original(self, proposals, num_pos_feats=DIM // 2)


def main():
    of_any_width()
    for name, config in CASES.items():
        torch.manual_seed(3)
        net = build_detector(ConfigDict(copy.deepcopy(config)))
        randomise(net)
        net.eval()
        image = torch.randn(2, 3, H, W)
        mask = torch.ones(2, H, W)
        metas = []
        for n, (h, w) in enumerate(SIZES):
            mask[n, :h, :w] = 0
            image[n, :, h:] = image[n, :, :, w:] = 0
            metas.append(dict(img_shape=(h, w, 3), batch_input_shape=(H, W),
                              scale_factor=torch.tensor([1.5, 2.0, 1.5, 2.0]).numpy()))
        with torch.no_grad():
            outputs = net.bbox_head(net.extract_feat(image), metas)
            found = net.bbox_head.get_bboxes(*outputs, metas, rescale=True)
        logits, boxes = (x[0] if isinstance(x, list) else x for x in outputs[:2])
        expected = {"aux_0_logits": logits[0], "aux_0_boxes": boxes[0], "pred_logits": logits[-1],
                    "pred_boxes": boxes[-1]}
        for n, (detections, labels) in enumerate(found):
            expected.update({f"boxes_{n}": detections[:, :4], f"scores_{n}": detections[:, 4], f"labels_{n}": labels})
        folder = os.path.join(sys.argv[1], name)
        os.makedirs(folder, exist_ok=True)
        with open(folder + "/config.json", "w") as f:
            json.dump({"model": config}, f, indent=1)
        torch.save(net.state_dict(), folder + "/weights.pth")
        tensor_files.save(folder + "/input.safetensors",
                          {"image": image, "mask": mask, "scale_factor": torch.tensor([[1.5, 2.0, 1.5, 2.0]] * 2)})
        tensor_files.save(folder + "/expected.safetensors", expected)
        print(name, {k: tuple(v.shape) for k, v in expected.items()})


main()
