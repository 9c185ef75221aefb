# SPDX-License-Identifier: Apache-2.0
# RetinaNet on ResNet-50 (He et al., CVPR 2016).
_base_ = 'retinanet_fpn.py'

model = dict(
    backbone=dict(
        type='ResNet',
        depth=50,
        num_stages=4,
        out_indices=(0, 1, 2, 3),
        frozen_stages=1,
        norm_cfg=dict(type='BN', requires_grad=True),
        norm_eval=True,
        style='pytorch'),
    neck=dict(in_channels=[256, 512, 1024, 2048]))
