# SPDX-License-Identifier: Apache-2.0
# PVT-Large on ImageNet-1K at 224 x 224 (Wang et al., ICCV 2021).
_base_ = 'pvt_small_224.py'

backbone = dict(depths=[3, 8, 27, 3], drop_path_rate=0.3)
