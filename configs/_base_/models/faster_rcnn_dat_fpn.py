# SPDX-License-Identifier: Apache-2.0
# Faster R-CNN on DAT-T (Xia et al., CVPR 2022): windows (L, S) in the first two stages, deformable attention (D) in the last two.
# code_version='2022' is the arithmetic of the checkpoints published with that paper; '2023' that of the later code.
_base_ = 'faster_rcnn_fpn.py'

model = dict(
    backbone=dict(
        type='DAT',
        style='detection',
        code_version='2022',
        img_size=224,
        patch_size=4,
        expansion=4,
        dim_stem=96,
        dims=[96, 192, 384, 768],
        depths=[2, 2, 6, 2],
        stage_spec=[['L', 'S'], ['L', 'S'], ['L', 'D'] * 3, ['L', 'D']],
        heads=[3, 6, 12, 24],
        window_sizes=[7, 7, 7, 7],
        groups=[-1, -1, 3, 6],
        use_pes=[False, False, True, True],
        dwc_pes=[False, False, False, False],
        strides=[-1, -1, 1, 1],
        sr_ratios=[-1, -1, -1, -1],
        offset_range_factor=[-1, -1, 2, 2],
        no_offs=[False, False, False, False],
        fixed_pes=[False, False, False, False],
        use_dwc_mlps=[False, False, False, False],
        use_conv_patches=False,
        ksizes=[9, 7, 5, 3],
        drop_rate=0.0,
        attn_drop_rate=0.0,
        drop_path_rate=0.0,
        out_indices=(0, 1, 2, 3)),
    neck=dict(in_channels=[96, 192, 384, 768]))
