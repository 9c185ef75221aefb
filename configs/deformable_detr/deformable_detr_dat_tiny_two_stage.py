# SPDX-License-Identifier: Apache-2.0
# DAT-T under the two-stage head of Deformable DETR: the backbone's last three maps and one more level.
_base_ = [
    '../_base_/models/deformable_detr_mmdet.py', '../_base_/datasets/coco_detection_unpadded.py',
    '../_base_/default_runtime.py'
]

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
        offset_range_factor=[-1, -1, 2, 2],
        out_indices=(1, 2, 3)),
    neck=dict(in_channels=[192, 384, 768]),
    bbox_head=dict(with_box_refine=True, as_two_stage=True))
