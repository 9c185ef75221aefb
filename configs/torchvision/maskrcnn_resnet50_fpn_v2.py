# SPDX-License-Identifier: Apache-2.0
# torchvision's maskrcnn_resnet50_fpn_v2: batch norms that are learnt, in the pyramid, in four convolutions of the box head and in
# the mask head, too.
_base_ = 'maskrcnn_resnet50_fpn.py'

norm_cfg = dict(type='BN', eps=1e-5, requires_grad=True)
model = dict(
    backbone=dict(norm_cfg=norm_cfg),
    neck=dict(norm_cfg=norm_cfg),
    rpn_head=dict(num_convs=2),
    roi_head=dict(
        bbox_head=dict(type='Shared4Conv1FCBBoxHead', conv_out_channels=256, norm_cfg=norm_cfg),
        mask_head=dict(norm_cfg=norm_cfg)))
