# SPDX-License-Identifier: Apache-2.0
# What its data set gave to the recipe of roads_upernet_dat, as zoo/make found it.
_base_ = ['../recipes/roads_upernet_dat.py']

model = dict(decode_head=dict(num_classes=11), auxiliary_head=dict(num_classes=11))
part = dict(
    type='CustomDataset',
    data_root=None,
    img_dir='data/images/validation',
    ann_dir='data/annotations/validation',
    img_suffix='.jpg',
    seg_map_suffix='.png',
    split=None,
    reduce_zero_label=False,
    classes=['class 0', 'class 1', 'class 2', 'class 3', 'class 4', 'class 5', 'class 6', 'class 7', 'class 8',
             'class 9', 'class 10'])
data = dict(val=part, test=part)
