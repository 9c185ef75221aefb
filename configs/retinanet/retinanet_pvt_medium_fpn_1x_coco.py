# SPDX-License-Identifier: Apache-2.0
# RetinaNet on PVT-Medium, 1x schedule, with the AdamW of the official configs.
_base_ = 'retinanet_pvt_small_fpn_1x_coco.py'

model = dict(backbone=dict(depths=[3, 4, 18, 3]))
