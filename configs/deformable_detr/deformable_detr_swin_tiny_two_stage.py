# SPDX-License-Identifier: Apache-2.0
# Swin-T under the two-stage head of Deformable DETR: the backbone's last three maps and one more level.
_base_ = ['../_base_/models/deformable_detr_mmdet.py', '../_base_/datasets/coco_detection_unpadded.py', '../_base_/default_runtime.py']

model = dict(
    backbone=dict(
        type='SwinTransformer',
        style='detection',
        patch_size=4,
        in_chans=3,
        embed_dim=96,
        depths=[2, 2, 6, 2],
        num_heads=[3, 6, 12, 24],
        window_size=7,
        mlp_ratio=4.,
        qkv_bias=True,
        qk_scale=None,
        drop_rate=0.,
        attn_drop_rate=0.,
        drop_path_rate=0.2,
        ape=False,
        patch_norm=True,
        out_indices=(1, 2, 3)),
    neck=dict(in_channels=[192, 384, 768]),
    bbox_head=dict(with_box_refine=True, as_two_stage=True))
