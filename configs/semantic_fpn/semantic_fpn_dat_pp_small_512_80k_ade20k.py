# SPDX-License-Identifier: Apache-2.0
# Semantic FPN on DAT++-S, 512 x 512 crops, 80,000 steps.
_base_ = [
    '../_base_/models/semantic_fpn_dat_pp.py', '../_base_/datasets/ade20k.py', '../_base_/schedules/schedule_ade_80k.py',
    '../_base_/default_runtime_iters.py'
]

data = dict(samples_per_gpu=4)

model = dict(
    backbone=dict(
        dim_stem=96,
        dims=[96, 192, 384, 768],
        heads=[3, 6, 12, 24],
        groups=[1, 2, 3, 6],
        drop_path_rate=0.4),
    neck=dict(in_channels=[96, 192, 384, 768]))
