# SPDX-License-Identifier: Apache-2.0
# Mask R-CNN on PVT v2-B3, 1x schedule, with the AdamW of the official configs.
_base_ = [
    '../_base_/models/mask_rcnn_pvt_v2_fpn.py', '../_base_/datasets/coco_instance.py',
    '../_base_/schedules/schedule_1x.py', '../_base_/default_runtime.py'
]

model = dict(
    backbone=dict(embed_dims=[64, 128, 320, 512], mlp_ratios=[8, 8, 4, 4], depths=[3, 4, 18, 3]),
    neck=dict(in_channels=[64, 128, 320, 512]))

optimizer = dict(_delete_=True, type='AdamW', lr=0.0002, weight_decay=0.0001)
