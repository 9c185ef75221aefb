# SPDX-License-Identifier: Apache-2.0
# DETR on R50, whose last stage dilates: 43.3 AP.
_base_ = ['../_base_/models/detr.py', '../_base_/datasets/coco_detr.py', '../_base_/default_runtime.py']

args = dict(dilation=True)
