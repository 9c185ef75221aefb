# SPDX-License-Identifier: Apache-2.0
# DETR on R101, whose last stage dilates: 44.9 AP.
_base_ = ['../_base_/models/detr.py', '../_base_/datasets/coco_detr.py', '../_base_/default_runtime.py']

args = dict(backbone='resnet101', dilation=True)
