# SPDX-License-Identifier: Apache-2.0
# Mask R-CNN on PVT v2-B3, 1x schedule, with the AdamW of the official configs.
_base_ = 'mask_rcnn_pvt_v2_b2_fpn_1x_coco.py'

model = dict(backbone=dict(depths=[3, 4, 18, 3]))
