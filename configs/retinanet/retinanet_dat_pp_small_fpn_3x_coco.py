# SPDX-License-Identifier: Apache-2.0
# RetinaNet on DAT++-S, 3x schedule.
_base_ = 'retinanet_dat_pp_small_fpn_1x_coco.py'

model = dict(backbone=dict(drop_path_rate=0.5))
lr_config = dict(step=[27, 33])
runner = dict(max_epochs=36)
