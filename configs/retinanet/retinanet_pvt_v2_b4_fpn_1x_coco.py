# SPDX-License-Identifier: Apache-2.0
# RetinaNet on PVT v2-B4, 1x schedule, with the AdamW of the official configs.
_base_ = 'retinanet_pvt_v2_b2_fpn_1x_coco.py'

model = dict(backbone=dict(depths=[3, 8, 27, 3]))
