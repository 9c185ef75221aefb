# SPDX-License-Identifier: Apache-2.0
# RetinaNet on ResNet-50 (He et al., CVPR 2016).
_base_ = 'retinanet_fpn.py'

model = dict(
    backbone=dict(type='ResNet', depth=50, frozen_stages=1),
    neck=dict(in_channels=[256, 512, 1024, 2048]))
