# SPDX-License-Identifier: Apache-2.0
# Cascade Mask R-CNN on DAT++-T, 1x schedule.
_base_ = [
    '../_base_/models/cascade_mask_rcnn_dat_pp_fpn.py', '../_base_/datasets/coco_instance_mstrain.py',
    '../_base_/schedules/schedule_1x.py', '../_base_/default_runtime.py'
]
