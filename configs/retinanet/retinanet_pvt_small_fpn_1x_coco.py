# SPDX-License-Identifier: Apache-2.0
# RetinaNet on PVT-Small, 1x schedule, with the AdamW of the official configs.
_base_ = [
    '../_base_/models/retinanet_pvt_fpn.py', '../_base_/datasets/coco_detection.py',
    '../_base_/schedules/schedule_1x.py', '../_base_/default_runtime.py'
]

optimizer = dict(_delete_=True, type='AdamW', lr=0.0001, weight_decay=0.0001)
