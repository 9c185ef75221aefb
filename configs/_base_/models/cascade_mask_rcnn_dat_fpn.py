# SPDX-License-Identifier: Apache-2.0
# Cascade Mask R-CNN on DAT-T (Xia et al., CVPR 2022): windows (L, S) in the first two stages, deformable attention (D) in the last two.
# code_version='2022' is the arithmetic of the checkpoints published with that paper; '2023' that of the later code.
_base_ = 'cascade_mask_rcnn_fpn.py'

model = dict(
    backbone=dict(
        type='DAT',
        code_version='2022',
        dim_stem=96,
        dims=[96, 192, 384, 768],
        depths=[2, 2, 6, 2],
        stage_spec=[['L', 'S'], ['L', 'S'], ['L', 'D'] * 3, ['L', 'D']],
        heads=[3, 6, 12, 24],
        groups=[-1, -1, 3, 6],
        use_pes=[False, False, True, True],
        strides=[-1, -1, 1, 1],
        offset_range_factor=[-1, -1, 2, 2]),
    neck=dict(in_channels=[96, 192, 384, 768]))
