# SPDX-License-Identifier: Apache-2.0
# A Deformable DETR on a DAT of about a million parameters. It needs more epochs than retinanet_dat_nano.py.
#     deformer train configs/nano/deformable_detr_dat_nano.py --data DIR
_base_ = [
    '../_base_/models/deformable_detr_mmdet.py', '../_base_/datasets/nano_detection.py',
    '../_base_/schedules/schedule_nano.py', '../_base_/default_runtime.py'
]

model = dict(
    backbone=dict(
        type='DAT',
        code_version='2022',
        dim_stem=24,
        dims=[24, 48, 96, 192],
        depths=[2, 2, 2, 2],
        stage_spec=[['L', 'S'], ['L', 'S'], ['L', 'D'], ['L', 'D']],
        heads=[1, 2, 4, 8],
        groups=[-1, -1, 2, 4],
        use_pes=[False, False, True, True],
        strides=[-1, -1, 1, 1],
        offset_range_factor=[-1, -1, 2, 2],
        out_indices=(1, 2, 3)),
    neck=dict(in_channels=[48, 96, 192], out_channels=96),
    bbox_head=dict(
        num_query=100,
        with_box_refine=True,
        in_channels=192,
        transformer=dict(
            encoder=dict(
                num_layers=2,
                transformerlayers=dict(
                    attn_cfgs=dict(type='MultiScaleDeformableAttention', embed_dims=96),
                    feedforward_channels=192,
                    ffn_dropout=0.0)),
            decoder=dict(
                num_layers=3,
                transformerlayers=dict(
                    attn_cfgs=[
                        dict(type='MultiheadAttention', embed_dims=96, num_heads=8, dropout=0.0),
                        dict(type='MultiScaleDeformableAttention', embed_dims=96)
                    ],
                    feedforward_channels=192,
                    ffn_dropout=0.0))),
        positional_encoding=dict(num_feats=48)))
optimizer = dict(lr=0.0005, weight_decay=0.0001)
runner = dict(max_epochs=72)
evaluation = dict(interval=4)
checkpoint_config = dict(interval=4, max_keep_ckpts=2)
log_config = dict(interval=20)
