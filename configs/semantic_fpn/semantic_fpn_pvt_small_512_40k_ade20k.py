# SPDX-License-Identifier: Apache-2.0
# Semantic FPN on PVT-Small, 512 x 512 crops, 40,000 steps.
_base_ = [
    '../_base_/models/semantic_fpn_pvt.py', '../_base_/datasets/ade20k_align.py',
    '../_base_/schedules/schedule_ade_40k_pvt.py', '../_base_/default_runtime_iters.py'
]

data = dict(samples_per_gpu=4)
