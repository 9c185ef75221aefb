# SPDX-License-Identifier: Apache-2.0
# What its data set gave to the recipe of world_deformable_detr_dat, as zoo/make found it.
_base_ = ['../recipes/world_deformable_detr_dat.py']

model = dict(bbox_head=dict(num_classes=10))
part = dict(
    type='CocoDataset',
    ann_file='data/annotations/instances_val2017.json',
    img_prefix='data/val2017',
    data_root=None,
    classes=['umbrella', 'sports ball', 'kite', 'bottle', 'cup', 'banana', 'apple', 'pizza', 'donut', 'clock'])
data = dict(val=part, test=part)
