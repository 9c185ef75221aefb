# SPDX-License-Identifier: Apache-2.0
# RetinaNet on Focal-S, 3x schedule.
_base_ = 'retinanet_focal_tiny_fpn_3x_coco.py'

model = dict(backbone=dict(depths=[2, 2, 18, 2]))
