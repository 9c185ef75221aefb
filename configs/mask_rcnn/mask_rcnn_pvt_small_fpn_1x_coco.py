# SPDX-License-Identifier: Apache-2.0
# Mask R-CNN on PVT-Small, 1x schedule, with the AdamW of the official configs.
_base_ = [
    '../_base_/models/mask_rcnn_pvt_fpn.py', '../_base_/datasets/coco_instance.py',
    '../_base_/schedules/schedule_1x.py', '../_base_/default_runtime.py'
]

optimizer = dict(_delete_=True, type='AdamW', lr=0.0002, weight_decay=0.0001)
