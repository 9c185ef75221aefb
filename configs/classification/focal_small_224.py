# SPDX-License-Identifier: Apache-2.0
# Focal-S on ImageNet-1K at 224 x 224 (Yang et al., NeurIPS 2021).
_base_ = 'focal_tiny_224.py'

backbone = dict(depths=[2, 2, 18, 2], drop_path_rate=0.3)
