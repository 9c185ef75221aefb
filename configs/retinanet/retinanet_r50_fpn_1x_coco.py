# SPDX-License-Identifier: Apache-2.0
# RetinaNet on ResNet-50, 1x schedule.
_base_ = [
    '../_base_/models/retinanet_r50_fpn.py', '../_base_/datasets/coco_detection.py',
    '../_base_/schedules/schedule_1x_sgd.py', '../_base_/default_runtime.py'
]
