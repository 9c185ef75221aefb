# SPDX-License-Identifier: Apache-2.0
# Cascade Mask R-CNN on PVT v2-B2, 3x schedule.
_base_ = [
    '../_base_/models/cascade_mask_rcnn_pvt_v2_fpn.py', '../_base_/datasets/coco_instance_mstrain.py',
    '../_base_/schedules/schedule_3x.py', '../_base_/default_runtime.py'
]
