# SPDX-License-Identifier: Apache-2.0
# Semantic FPN on PVT v2-B3, 512 x 512 crops, 40,000 steps.
_base_ = 'semantic_fpn_pvt_v2_b2_512_40k_ade20k.py'

model = dict(backbone=dict(depths=[3, 4, 18, 3]))
