# SPDX-License-Identifier: Apache-2.0
# Deformable DETR on R50, the last map alone: 39.4 AP.
_base_ = ['../_base_/models/deformable_detr.py', '../_base_/datasets/coco_detr.py', '../_base_/default_runtime.py']

args = dict(num_feature_levels=1)
