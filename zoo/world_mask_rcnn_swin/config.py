# SPDX-License-Identifier: Apache-2.0
# What its data set gave to the recipe of world_mask_rcnn_swin, as zoo/make found it.
_base_ = ['../recipes/world_mask_rcnn_swin.py']

model = dict(roi_head=dict(bbox_head=dict(num_classes=10), mask_head=dict(num_classes=10)))
part = dict(
    type='CocoDataset',
    ann_file='data/annotations/instances_val2017.json',
    img_prefix='data/val2017',
    data_root=None,
    classes=['umbrella', 'sports ball', 'kite', 'bottle', 'cup', 'banana', 'apple', 'pizza', 'donut', 'clock'])
data = dict(val=part, test=part)
