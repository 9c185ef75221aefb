# SPDX-License-Identifier: Apache-2.0
# A Mask R-CNN on a DAT of a million parameters, for boxes and masks.
#     deformer train configs/nano/mask_rcnn_dat_nano.py --data DIR
_base_ = [
    '../_base_/models/mask_rcnn_fpn.py', '../_base_/models/nano.py', '../_base_/datasets/nano_instance.py',
    '../_base_/schedules/schedule_nano.py', '../_base_/default_runtime.py'
]

model = dict(
    backbone={{_base_.dat_nano}},
    neck=dict(in_channels=[16, 32, 64, 128], out_channels=48),
    rpn_head=dict(in_channels=48, feat_channels=48, anchor_generator=dict(scales=[5])),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=48, roi_layer=dict(output_size=5), finest_scale=28),
        bbox_head=dict(in_channels=48, roi_feat_size=5, fc_out_channels=96),
        mask_roi_extractor=dict(out_channels=48, finest_scale=28),
        mask_head=dict(in_channels=48, num_convs=2, conv_out_channels=48)),
    train_cfg=dict(rpn_proposal=dict(nms_pre=500, max_per_img=300), rcnn=dict(sampler=dict(num=128))),
    test_cfg=dict(rpn=dict(nms_pre=300, max_per_img=300)))
checkpoint_config = dict(interval=4, max_keep_ckpts=2)
log_config = dict(interval=20)
