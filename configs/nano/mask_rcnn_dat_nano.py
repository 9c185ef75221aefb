# SPDX-License-Identifier: Apache-2.0
# A Mask R-CNN on a DAT of about a million parameters, for boxes and masks.
#     deformer train configs/nano/mask_rcnn_dat_nano.py --data DIR
_base_ = [
    '../_base_/models/mask_rcnn_dat_fpn.py', '../_base_/datasets/nano_instance.py', '../_base_/schedules/schedule_nano.py',
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
    rpn_head=dict(in_channels=64, feat_channels=64),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=64),
        bbox_head=dict(in_channels=64, fc_out_channels=256),
        mask_roi_extractor=dict(out_channels=64),
        mask_head=dict(in_channels=64, num_convs=2, conv_out_channels=64)),
    train_cfg=dict(
        rpn_proposal=dict(nms_pre=500, max_per_img=300),
        rcnn=dict(sampler=dict(num=128))),
    test_cfg=dict(rpn=dict(nms_pre=300, max_per_img=300)))
checkpoint_config = dict(interval=4, max_keep_ckpts=2)
log_config = dict(interval=20)
