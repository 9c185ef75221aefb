# SPDX-License-Identifier: Apache-2.0
# A Deformable DETR on a DAT, of 0.9 million parameters. It needs more epochs than retinanet_dat_nano.py.
#     deformer train configs/nano/deformable_detr_dat_nano.py --data DIR
_base_ = [
    '../_base_/models/deformable_detr_mmdet.py', '../_base_/models/nano.py', '../_base_/datasets/nano_detection.py',
    '../_base_/schedules/schedule_nano.py', '../_base_/default_runtime.py'
]

model = dict(
    backbone={{_base_.dat_nano}},
    neck=dict(in_channels=[32, 64, 128], out_channels=64, num_outs=3),
    bbox_head=dict(
        num_query=100,
        with_box_refine=True,
        in_channels=128,
        transformer=dict(
            encoder=dict(
                num_layers=2,
                transformerlayers=dict(
                    attn_cfgs=dict(type='MultiScaleDeformableAttention', embed_dims=64, num_levels=3, dropout=0.0),
                    feedforward_channels=128,
                    ffn_dropout=0.0)),
            decoder=dict(
                num_layers=3,
                transformerlayers=dict(
                    attn_cfgs=[
                        dict(type='MultiheadAttention', embed_dims=64, num_heads=8, dropout=0.0),
                        dict(type='MultiScaleDeformableAttention', embed_dims=64, num_levels=3, dropout=0.0)
                    ],
                    feedforward_channels=128,
                    ffn_dropout=0.0))),
        positional_encoding=dict(num_feats=32)))
optimizer = dict(lr=0.0005, weight_decay=0.0001)
runner = dict(max_epochs=72)
evaluation = dict(interval=4)
checkpoint_config = dict(interval=4, max_keep_ckpts=2)
log_config = dict(interval=20)
