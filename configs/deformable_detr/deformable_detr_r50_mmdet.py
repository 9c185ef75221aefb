# SPDX-License-Identifier: Apache-2.0
# Deformable DETR on R50 as mmdet has it, for its checkpoints; box refinement and two stages are two keys of bbox_head.
_base_ = ['../_base_/models/deformable_detr_mmdet.py', '../_base_/datasets/coco_detection_unpadded.py', '../_base_/default_runtime.py']

model = dict(
    backbone=dict(
        type='ResNet',
        depth=50,
        num_stages=4,
        out_indices=(1, 2, 3),
        frozen_stages=1,
        norm_cfg=dict(type='BN', requires_grad=False),
        norm_eval=True,
        style='pytorch'))
