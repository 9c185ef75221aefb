# SPDX-License-Identifier: Apache-2.0
# PVT v2-B5 on ImageNet-1K at 224 x 224 (Wang et al., Computational Visual Media 2022).
_base_ = 'pvt_v2_b2_224.py'

backbone = dict(mlp_ratios=[4, 4, 4, 4], depths=[3, 6, 40, 3], drop_path_rate=0.3)
