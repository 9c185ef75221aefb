# SPDX-License-Identifier: Apache-2.0
# detectron2's COCO-InstanceSegmentation/mask_rcnn_R_50_FPN (1x and 3x).
_base_ = 'faster_rcnn_R_50_FPN.py'

model = dict(
    type='MaskRCNN',
    roi_head=dict(
        mask_roi_extractor=dict(
            type='SingleRoIExtractor',
            roi_layer=dict(type='RoIAlign', output_size=14, sampling_ratio=0, aligned=True),
            out_channels=256,
            featmap_strides=[4, 8, 16, 32]),
        mask_head=dict(
            type='FCNMaskHead',
            num_convs=4,
            in_channels=256,
            conv_out_channels=256,
            num_classes=80,
            loss_mask=dict(type='CrossEntropyLoss', use_mask=True))),
    test_cfg=dict(rcnn=dict(mask_thr_binary=0.5)))
evaluation = dict(metric=['bbox', 'segm'])
