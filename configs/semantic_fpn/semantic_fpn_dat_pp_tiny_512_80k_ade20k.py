# SPDX-License-Identifier: Apache-2.0
# Semantic FPN on DAT++-T, 512 x 512 crops, 80,000 steps.
_base_ = [
    '../_base_/models/semantic_fpn_dat_pp.py', '../_base_/datasets/ade20k.py',
    '../_base_/schedules/schedule_ade_80k.py', '../_base_/default_runtime_iters.py'
]

model = dict(backbone=dict(drop_path_rate=0.4))
data = dict(samples_per_gpu=4)
