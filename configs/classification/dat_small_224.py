# SPDX-License-Identifier: Apache-2.0
# DAT-S on ImageNet-1K at 224 x 224 (Xia et al., CVPR 2022), with the arithmetic of the published checkpoint.
_base_ = 'dat_tiny_224.py'

backbone = dict(
    depths=[2, 2, 18, 2],
    stage_spec=[['L', 'S'], ['L', 'S'], ['L', 'D'] * 9, ['L', 'D']],
    drop_path_rate=0.3)
