# SPDX-License-Identifier: Apache-2.0
# Semantic FPN on DAT-S, 512 x 512 crops, 80,000 steps.
_base_ = 'semantic_fpn_dat_tiny_512_80k_ade20k.py'

model = dict(
    backbone=dict(depths=[2, 2, 18, 2], stage_spec=[['L', 'S'], ['L', 'S'], ['L', 'D'] * 9, ['L', 'D']]))
