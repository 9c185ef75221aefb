# SPDX-License-Identifier: Apache-2.0
# What its data set gave to the recipe of nuclei_mask_rcnn_dat, as zoo/make found it.
_base_ = ['../recipes/nuclei_mask_rcnn_dat.py']

model = dict(roi_head=dict(bbox_head=dict(num_classes=1), mask_head=dict(num_classes=1)))
part = dict(
    type='CocoDataset',
    ann_file='data/instances_val.json',
    img_prefix='data/images',
    data_root=None,
    classes=['nucleus'])
data = dict(val=part, test=part)
