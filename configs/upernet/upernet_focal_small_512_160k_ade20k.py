# SPDX-License-Identifier: Apache-2.0
# UPerNet on Focal-S, 512 x 512 crops, 160,000 steps.
_base_ = [
    '../_base_/models/upernet_focal.py', '../_base_/datasets/ade20k.py',
    '../_base_/schedules/schedule_ade_160k.py', '../_base_/default_runtime_iters.py'
]

model = dict(
    backbone=dict(embed_dim=96, depths=[2, 2, 18, 2], num_heads=[3, 6, 12, 24]),
    decode_head=dict(in_channels=[96, 192, 384, 768]),
    auxiliary_head=dict(in_channels=384))
