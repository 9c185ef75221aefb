# SPDX-License-Identifier: Apache-2.0
# Swin-S on ImageNet-1K at 224 x 224 (Liu et al., ICCV 2021).
_base_ = 'swin_tiny_224.py'

backbone = dict(depths=[2, 2, 18, 2], drop_path_rate=0.3)
