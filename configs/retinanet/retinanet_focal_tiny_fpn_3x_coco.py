# SPDX-License-Identifier: Apache-2.0
# RetinaNet on Focal-T, 3x schedule, on images of many sizes.
_base_ = [
    '../_base_/models/retinanet_focal_fpn.py', '../_base_/datasets/coco_detection_mstrain.py',
    '../_base_/schedules/schedule_3x.py', '../_base_/default_runtime.py'
]
