# SPDX-License-Identifier: Apache-2.0
# torchvision's retinanet_resnet50_fpn with the weights COCO_V1: 91 outputs, whose index is COCO's id, and frozen batch norms
# without eps, which torchvision sets for these weights. The sizes of its anchors are whole numbers.
_base_ = ['../_base_/models/retinanet_r50_fpn.py', '../_base_/datasets/coco_torchvision.py']

model = dict(
    backbone=dict(norm_cfg=dict(type='BN', eps=0.0, requires_grad=False)),
    neck=dict(add_extra_convs='on_output', relu_before_extra_convs=True),
    bbox_head=dict(
        num_classes=91,
        anchor_generator=dict(
            _delete_=True,
            type='AnchorGenerator',
            sizes=[[32, 40, 50], [64, 80, 101], [128, 161, 203], [256, 322, 406], [512, 645, 812]],
            ratios=[0.5, 1.0, 2.0],
            strides=[8, 16, 32, 64, 128],
            rounded=True,
            fit_strides=True),
        bbox_coder=dict(shrink_freely=True)),
    train_cfg=None,
    test_cfg=dict(filter_scores_and_topk=True, min_bbox_size=-1, max_per_img=300))
