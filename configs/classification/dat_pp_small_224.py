# SPDX-License-Identifier: Apache-2.0
# DAT++-S on ImageNet-1K at 224 x 224 (Xia et al., "DAT++: Spatially Dynamic Vision Transformer with Deformable Attention", 2023).
_base_ = 'dat_pp_tiny_224.py'

backbone = dict(
    dim_stem=96,
    dims=[96, 192, 384, 768],
    heads=[3, 6, 12, 24],
    groups=[1, 2, 3, 6],
    drop_path_rate=0.4)
