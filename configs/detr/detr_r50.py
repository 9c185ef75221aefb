# SPDX-License-Identifier: Apache-2.0
# DETR on R50: 42.0 AP.
_base_ = ['../_base_/models/detr.py', '../_base_/datasets/coco_detr.py', '../_base_/default_runtime.py']
