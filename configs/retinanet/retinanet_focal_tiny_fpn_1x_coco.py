# SPDX-License-Identifier: Apache-2.0
# RetinaNet on Focal-T, 1x schedule.
_base_ = [
    '../_base_/models/retinanet_focal_fpn.py', '../_base_/datasets/coco_detection.py',
    '../_base_/schedules/schedule_1x.py', '../_base_/default_runtime.py'
]
