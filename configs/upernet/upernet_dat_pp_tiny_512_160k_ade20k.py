# SPDX-License-Identifier: Apache-2.0
# UPerNet on DAT++-T, 512 x 512 crops, 160,000 steps.
_base_ = [
    '../_base_/models/upernet_dat_pp.py', '../_base_/datasets/ade20k.py',
    '../_base_/schedules/schedule_ade_160k.py', '../_base_/default_runtime_iters.py'
]

model = dict(backbone=dict(drop_path_rate=0.3))
