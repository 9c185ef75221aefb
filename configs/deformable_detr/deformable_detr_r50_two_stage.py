# SPDX-License-Identifier: Apache-2.0
# Deformable DETR on R50 with iterative box refinement and two stages: 46.9 AP.
_base_ = ['../_base_/models/deformable_detr.py', '../_base_/datasets/coco_detr.py', '../_base_/default_runtime.py']

args = dict(with_box_refine=True, two_stage=True)
