# SPDX-License-Identifier: Apache-2.0
# Mask R-CNN on Focal-S, 3x schedule.
_base_ = 'mask_rcnn_focal_tiny_fpn_3x_coco.py'

model = dict(backbone=dict(depths=[2, 2, 18, 2]))
