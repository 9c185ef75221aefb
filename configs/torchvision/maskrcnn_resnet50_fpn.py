# SPDX-License-Identifier: Apache-2.0
# torchvision's maskrcnn_resnet50_fpn with the weights COCO_V1.
_base_ = 'fasterrcnn_resnet50_fpn.py'

model = dict(
    type='MaskRCNN',
    roi_head=dict(
        mask_roi_extractor=dict(
            type='SingleRoIExtractor',
            roi_layer=dict(type='RoIAlign', output_size=14, sampling_ratio=2, aligned=False),
            out_channels=256,
            featmap_strides=[4, 8, 16, 32],
            fit_strides=True),
        mask_head=dict(
            type='FCNMaskHead',
            num_convs=4,
            in_channels=256,
            conv_out_channels=256,
            num_classes=90,
            loss_mask=dict(type='CrossEntropyLoss', use_mask=True))),
    test_cfg=dict(rcnn=dict(mask_thr_binary=0.5, mask_paste='torchvision')))
evaluation = dict(metric=['bbox', 'segm'])
