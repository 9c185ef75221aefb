# SPDX-License-Identifier: Apache-2.0
# RetinaNet on Swin-S, 3x schedule.
_base_ = 'retinanet_swin_small_fpn_1x_coco.py'

lr_config = dict(step=[27, 33])
runner = dict(max_epochs=36)
