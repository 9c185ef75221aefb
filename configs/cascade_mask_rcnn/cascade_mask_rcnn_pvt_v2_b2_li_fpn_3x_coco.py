# SPDX-License-Identifier: Apache-2.0
# Cascade Mask R-CNN on PVT v2-B2-Linear, 3x schedule.
_base_ = 'cascade_mask_rcnn_pvt_v2_b2_fpn_3x_coco.py'

model = dict(backbone=dict(linear=True))
