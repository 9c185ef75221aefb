# SPDX-License-Identifier: Apache-2.0
# Cascade Mask R-CNN on Swin-B, 3x schedule.
_base_ = 'cascade_mask_rcnn_swin_base_fpn_1x_coco.py'

lr_config = dict(step=[27, 33])
runner = dict(max_epochs=36)
