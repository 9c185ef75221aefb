# SPDX-License-Identifier: Apache-2.0
# RetinaNet on DAT++-T, 1x schedule.
_base_ = [
    '../_base_/models/retinanet_dat_pp_fpn.py', '../_base_/datasets/coco_detection_mstrain.py',
    '../_base_/schedules/schedule_1x.py', '../_base_/default_runtime.py'
]
