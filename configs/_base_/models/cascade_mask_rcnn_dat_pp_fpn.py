# SPDX-License-Identifier: Apache-2.0
# Cascade Mask R-CNN on DAT++-T (Xia et al., 2023): neighborhood attention (N) and deformable attention (D) in turns.
# Proposals have an area, as in mmdetection 2.26, with which the authors scored their checkpoints.
_base_ = 'cascade_mask_rcnn_fpn.py'

model = dict(
    backbone=dict(
        type='DAT',
        code_version='2023',
        dim_stem=64,
        dims=[64, 128, 256, 512],
        depths=[2, 4, 18, 2],
        stage_spec=[['N', 'D'], ['N', 'D', 'N', 'D'], ['N', 'D'] * 9, ['D', 'D']],
        heads=[2, 4, 8, 16],
        groups=[1, 2, 4, 8],
        use_pes=[True, True, True, True],
        strides=[8, 4, 2, 1],
        offset_range_factor=[-1, -1, -1, -1],
        use_dwc_mlps=[True, True, True, True],
        use_lpus=[True, True, True, True],
        use_conv_patches=True,
        nat_ksizes=[7, 7, 7, 7]),
    neck=dict(in_channels=[64, 128, 256, 512]),
    test_cfg=dict(rpn=dict(drop_empty=True)))
