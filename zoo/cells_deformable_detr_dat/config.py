# SPDX-License-Identifier: Apache-2.0
# What its data set gave to the recipe of cells_deformable_detr_dat, as zoo/make found it.
_base_ = ['../recipes/cells_deformable_detr_dat.py']

model = dict(bbox_head=dict(num_classes=3))
part = dict(
    type='CocoDataset',
    ann_file='data/instances_val.json',
    img_prefix='data/images',
    data_root=None,
    classes=['RBC', 'WBC', 'Platelets'])
data = dict(val=part, test=part)
