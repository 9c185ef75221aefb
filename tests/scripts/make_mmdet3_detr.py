#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes OUT_DIR/{detr,deformable_detr}/mmdet3*/{config.json, weights.pth, input.safetensors, expected.safetensors}: small DETRs of mmdet 3.x,
whose parts stand at the top of the model, on a padded batch: logits, boxes and detections.
Usage: make_mmdet3_detr.py OUT_DIR, with mmdet 3.3 installed."""
import copy
import json
import os
import sys

import torch
from mmdet.models.detectors import DeformableDETR
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.utils import register_all_modules
from mmengine.config import ConfigDict

import tensor_files

CLASSES, DIM = 5, 16
SIZES, H, W = [(50, 64), (60, 41)], 64, 64
BACKBONE = dict(type="ResNet", depth=18, base_channels=2, num_stages=4, frozen_stages=1, norm_eval=True,
                norm_cfg=dict(type="BN", requires_grad=False))
FFN = dict(embed_dims=DIM, feedforward_channels=24, ffn_drop=0.1)
FULL = dict(embed_dims=DIM, num_heads=2, dropout=0.1, batch_first=True)
SAMPLED = dict(embed_dims=DIM, num_heads=2, num_levels=2, num_points=2, batch_first=True)
COSTS = dict(assigner=dict(type="HungarianAssigner",
                           match_costs=[dict(type="FocalLossCost", weight=2.0),
                                        dict(type="BBoxL1Cost", weight=5.0, box_format="xywh"),
                                                                  dict(type="IoUCost", iou_mode="giou", weight=2.0)]))


def neck(channels, norm):
    return dict(type="ChannelMapper", in_channels=channels, kernel_size=1, out_channels=DIM, act_cfg=None,
                norm_cfg=norm, num_outs=len(channels))


def deformable_detr(**options):
    return dict(type="DeformableDETR", num_queries=8, num_feature_levels=2, backbone=dict(BACKBONE, out_indices=[2, 3]),
                neck=neck([8, 16], dict(type="GN", num_groups=4)),
                encoder=dict(num_layers=2, layer_cfg=dict(self_attn_cfg=SAMPLED, ffn_cfg=FFN)),
                decoder=dict(num_layers=2, return_intermediate=True, post_norm_cfg=None,
                             layer_cfg=dict(self_attn_cfg=FULL, cross_attn_cfg=SAMPLED, ffn_cfg=FFN)),
                positional_encoding=dict(num_feats=DIM // 2, normalize=True, offset=-0.5),
                bbox_head=dict(type="DeformableDETRHead", num_classes=CLASSES, embed_dims=DIM,
                               sync_cls_avg_factor=True, loss_cls=dict(type="FocalLoss", use_sigmoid=True)),
                train_cfg=COSTS, test_cfg=dict(max_per_img=6), **options)


CASES = {
    "detr/mmdet3": dict(type="DETR", num_queries=7, backbone=dict(BACKBONE, out_indices=[3]), neck=neck([16], None),
                        encoder=dict(num_layers=2, layer_cfg=dict(self_attn_cfg=FULL, ffn_cfg=FFN)),
                        decoder=dict(num_layers=2, return_intermediate=True,
                                     layer_cfg=dict(self_attn_cfg=FULL, cross_attn_cfg=FULL, ffn_cfg=FFN)),
                        positional_encoding=dict(num_feats=DIM // 2, normalize=True),
                        bbox_head=dict(type="DETRHead", num_classes=CLASSES, embed_dims=DIM), train_cfg=None,
                        test_cfg=dict(max_per_img=6)),
    "deformable_detr/mmdet3": deformable_detr(),
    "deformable_detr/mmdet3_two_stage": deformable_detr(with_box_refine=True, as_two_stage=True),
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


def main():
    register_all_modules(init_default_scope=True)
    original = DeformableDETR.get_proposal_pos_embed  # written for 256 channels: it takes half of the width instead
    DeformableDETR.get_proposal_pos_embed = staticmethod(lambda proposals: original(proposals, num_pos_feats=DIM // 2))
    for name, config in CASES.items():
        torch.manual_seed(3)
        net = MODELS.build(ConfigDict(copy.deepcopy(config)))
        randomise(net)
        net.eval()
        image = torch.randn(2, 3, H, W)
        mask = torch.ones(2, H, W)
        samples = []
        for n, (h, w) in enumerate(SIZES):
            mask[n, :h, :w] = 0
            image[n, :, h:] = image[n, :, :, w:] = 0
            samples.append(DetDataSample(metainfo=dict(img_shape=(h, w), batch_input_shape=(H, W),
                                                       scale_factor=(1.5, 2.0))))
        with torch.no_grad():
            outputs = net.bbox_head(**net.forward_transformer(net.extract_feat(image), samples))
            found = net.bbox_head.predict_by_feat(*outputs, batch_img_metas=[s.metainfo for s in samples], rescale=True)
        logits, boxes = outputs[:2]
        expected = {"aux_0_logits": logits[0], "aux_0_boxes": boxes[0], "pred_logits": logits[-1],
                    "pred_boxes": boxes[-1]}
        for n, r in enumerate(found):
            expected.update({f"boxes_{n}": r.bboxes, f"scores_{n}": r.scores, f"labels_{n}": r.labels})
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
