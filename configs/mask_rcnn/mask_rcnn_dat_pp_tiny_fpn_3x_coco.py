# SPDX-License-Identifier: Apache-2.0
# Mask R-CNN on DAT++-T, 3x schedule.
_base_ = 'mask_rcnn_dat_pp_tiny_fpn_1x_coco.py'

model = dict(backbone=dict(drop_path_rate=0.3))
lr_config = dict(step=[27, 33])
runner = dict(max_epochs=36)
