# SPDX-License-Identifier: Apache-2.0
# UPerNet on DAT-S, 512 x 512 crops, 160,000 steps.
_base_ = 'upernet_dat_tiny_512_160k_ade20k.py'

model = dict(
    backbone=dict(
        depths=[2, 2, 18, 2],
        stage_spec=[['L', 'S'], ['L', 'S'], ['L', 'D'] * 9, ['L', 'D']],
        drop_path_rate=0.5))
