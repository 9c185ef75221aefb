# SPDX-License-Identifier: Apache-2.0
# detectron2's COCO-Detection/faster_rcnn_R_50_FPN (1x and 3x): its Mask R-CNN without the branch of masks.
_base_ = 'mask_rcnn_R_50_FPN.py'

model = dict(type='FasterRCNN', roi_head=dict(mask_roi_extractor=None, mask_head=None))
evaluation = dict(metric='bbox')
