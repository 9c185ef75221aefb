# SPDX-License-Identifier: Apache-2.0
# Semantic FPN on DAT++-S, 512 x 512 crops, 80,000 steps.
_base_ = 'semantic_fpn_dat_pp_tiny_512_80k_ade20k.py'

model = dict(
    backbone=dict(dim_stem=96, dims=[96, 192, 384, 768], heads=[3, 6, 12, 24], groups=[1, 2, 3, 6]),
    neck=dict(in_channels=[96, 192, 384, 768]))
