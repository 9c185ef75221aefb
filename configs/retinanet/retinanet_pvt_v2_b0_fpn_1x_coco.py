# SPDX-License-Identifier: Apache-2.0
# RetinaNet on PVT v2-B0, 1x schedule, with the AdamW of the official configs.
_base_ = 'retinanet_pvt_v2_b2_fpn_1x_coco.py'

model = dict(
    backbone=dict(embed_dims=[32, 64, 160, 256], depths=[2, 2, 2, 2]),
    neck=dict(in_channels=[32, 64, 160, 256]))
