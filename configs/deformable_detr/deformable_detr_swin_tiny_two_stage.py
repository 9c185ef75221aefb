# SPDX-License-Identifier: Apache-2.0
# Swin-T under the two-stage head of Deformable DETR: the backbone's last three maps and one more level.
_base_ = [
    '../_base_/models/deformable_detr_mmdet.py', '../_base_/datasets/coco_detection_unpadded.py',
    '../_base_/default_runtime.py'
]

model = dict(
    backbone=dict(
        type='SwinTransformer',
        embed_dim=96,
        depths=[2, 2, 6, 2],
        num_heads=[3, 6, 12, 24],
        out_indices=(1, 2, 3)),
    neck=dict(in_channels=[192, 384, 768]),
    bbox_head=dict(with_box_refine=True, as_two_stage=True))
