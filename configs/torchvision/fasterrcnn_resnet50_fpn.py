# SPDX-License-Identifier: Apache-2.0
# torchvision's fasterrcnn_resnet50_fpn with the weights COCO_V1: its Mask R-CNN without the branch of masks.
_base_ = 'maskrcnn_resnet50_fpn.py'

model = dict(type='FasterRCNN', roi_head=dict(mask_roi_extractor=None, mask_head=None))
evaluation = dict(metric='bbox')
