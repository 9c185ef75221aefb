# SPDX-License-Identifier: Apache-2.0
# Deformable DETR on R50, the last map alone at stride 16: 41.5 AP.
_base_ = ['../_base_/models/deformable_detr.py', '../_base_/datasets/coco_detr.py', '../_base_/default_runtime.py']

args = dict(num_feature_levels=1, dilation=True)
