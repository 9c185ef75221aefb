# SPDX-License-Identifier: Apache-2.0
# A UPerNet on a DAT of about a million parameters, for a class for every pixel.
#     deformer train configs/nano/upernet_dat_nano.py --data DIR
_base_ = [
    '../_base_/models/upernet_dat.py', '../_base_/datasets/nano_segmentation.py', '../_base_/schedules/schedule_nano.py',
    '../_base_/default_runtime.py'
]

norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    backbone=dict(
        dim_stem=24,
        dims=[24, 48, 96, 192],
        depths=[2, 2, 2, 2],
        stage_spec=[['L', 'S'], ['L', 'S'], ['L', 'D'], ['L', 'D']],
        heads=[1, 2, 4, 8],
        groups=[-1, -1, 2, 4],
        drop_path_rate=0.0),
    decode_head=dict(in_channels=[24, 48, 96, 192], channels=64, norm_cfg=norm_cfg),
    auxiliary_head=dict(in_channels=96, channels=32, norm_cfg=norm_cfg))
checkpoint_config = dict(interval=4, max_keep_ckpts=2)
log_config = dict(interval=20)
