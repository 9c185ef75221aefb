# SPDX-License-Identifier: Apache-2.0
# A UPerNet on a DAT of 0.9 million parameters, for a class for every pixel.
#     deformer train configs/nano/upernet_dat_nano.py --data DIR
_base_ = [
    '../_base_/models/upernet.py', '../_base_/models/nano.py', '../_base_/datasets/nano_segmentation.py',
    '../_base_/schedules/schedule_nano.py', '../_base_/default_runtime.py'
]

norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    backbone={{_base_.dat_nano}},
    decode_head=dict(in_channels=[16, 32, 64, 128], channels=40, norm_cfg=norm_cfg),
    auxiliary_head=dict(in_channels=64, channels=32, norm_cfg=norm_cfg))
checkpoint_config = dict(interval=4, max_keep_ckpts=2)
log_config = dict(interval=20)
