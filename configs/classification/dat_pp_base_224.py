# SPDX-License-Identifier: Apache-2.0
# DAT++-B on ImageNet-1K at 224 x 224 (Xia et al., "DAT++: Spatially Dynamic Vision Transformer with Deformable Attention", 2023).
_base_ = 'dat_pp_tiny_224.py'

backbone = dict(
    dim_stem=128,
    dims=[128, 256, 512, 1024],
    heads=[4, 8, 16, 32],
    groups=[2, 4, 8, 16],
    drop_path_rate=0.7)
