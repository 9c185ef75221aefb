# SPDX-License-Identifier: Apache-2.0
# RetinaNet on ResNet-101, 1x schedule.
_base_ = 'retinanet_r50_fpn_1x_coco.py'

model = dict(backbone=dict(depth=101))
