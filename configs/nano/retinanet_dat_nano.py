# SPDX-License-Identifier: Apache-2.0
# A RetinaNet on a DAT of about a million parameters: learns a few hundred pictures on two cores in minutes.
#     deformer train configs/nano/retinanet_dat_nano.py --data DIR
_base_ = [
    '../_base_/models/retinanet_dat_fpn.py', '../_base_/datasets/nano_detection.py', '../_base_/schedules/schedule_nano.py',
    '../_base_/default_runtime.py'
]

model = dict(
    backbone=dict(
        dim_stem=24,
        dims=[24, 48, 96, 192],
        depths=[2, 2, 2, 2],
        stage_spec=[['L', 'S'], ['L', 'S'], ['L', 'D'], ['L', 'D']],
        heads=[1, 2, 4, 8],
        groups=[-1, -1, 2, 4],
        drop_path_rate=0.0),
    neck=dict(in_channels=[24, 48, 96, 192], out_channels=64),
    bbox_head=dict(in_channels=64, stacked_convs=2, feat_channels=64))
checkpoint_config = dict(interval=4, max_keep_ckpts=2)
log_config = dict(interval=20)
