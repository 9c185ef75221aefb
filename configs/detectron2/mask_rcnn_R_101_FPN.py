# SPDX-License-Identifier: Apache-2.0
# detectron2's COCO-InstanceSegmentation/mask_rcnn_R_101_FPN (3x).
_base_ = 'mask_rcnn_R_50_FPN.py'

model = dict(backbone=dict(depth=101))
