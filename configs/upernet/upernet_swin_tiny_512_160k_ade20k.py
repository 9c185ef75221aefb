# SPDX-License-Identifier: Apache-2.0
# UPerNet on Swin-T, 512 x 512 crops, 160,000 steps.
_base_ = [
    '../_base_/models/upernet_swin.py', '../_base_/datasets/ade20k.py',
    '../_base_/schedules/schedule_ade_160k.py', '../_base_/default_runtime_iters.py'
]
