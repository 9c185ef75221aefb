# SPDX-License-Identifier: Apache-2.0
# A RetinaNet on a DAT of 0.9 million parameters: learns a few hundred pictures on two cores in minutes.
#     deformer train configs/nano/retinanet_dat_nano.py --data DIR
_base_ = [
    '../_base_/models/retinanet_fpn.py', '../_base_/models/nano.py', '../_base_/datasets/nano_detection.py',
    '../_base_/schedules/schedule_nano.py', '../_base_/default_runtime.py'
]

model = dict(
    backbone={{_base_.dat_nano}},
    neck=dict(in_channels=[16, 32, 64, 128], out_channels=48, add_extra_convs='on_output'),
    bbox_head=dict(in_channels=48, stacked_convs=2, feat_channels=48))
checkpoint_config = dict(interval=4, max_keep_ckpts=2)
log_config = dict(interval=20)
