# SPDX-License-Identifier: Apache-2.0
# Semantic FPN on PVT-Medium, 512 x 512 crops, 40,000 steps.
_base_ = 'semantic_fpn_pvt_small_512_40k_ade20k.py'

model = dict(backbone=dict(depths=[3, 4, 18, 3]))
