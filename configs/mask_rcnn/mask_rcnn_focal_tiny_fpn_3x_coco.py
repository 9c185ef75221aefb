# SPDX-License-Identifier: Apache-2.0
# Mask R-CNN on Focal-T, 3x schedule, on images of many sizes.
_base_ = [
    '../_base_/models/mask_rcnn_focal_fpn.py', '../_base_/datasets/coco_instance_mstrain.py',
    '../_base_/schedules/schedule_3x.py', '../_base_/default_runtime.py'
]
