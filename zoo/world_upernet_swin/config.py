# SPDX-License-Identifier: Apache-2.0
# What its data set gave to the recipe of world_upernet_swin, as zoo/make found it.
_base_ = ['../recipes/world_upernet_swin.py']

model = dict(decode_head=dict(num_classes=18), auxiliary_head=dict(num_classes=18))
part = dict(
    type='CustomDataset',
    data_root=None,
    img_dir='data/val2017',
    ann_dir='data/annotations/val2017',
    img_suffix='.jpg',
    seg_map_suffix='.png',
    split=None,
    reduce_zero_label=False,
    classes=[
        'sky',
        'grass',
        'sand',
        'water',
        'tiles',
        'wood',
        'wall',
        'clutter',
        'sports ball',
        'kite',
        'bottle',
        'cup',
        'banana',
        'apple',
        'pizza',
        'donut',
        'clock',
        'umbrella'
    ])
data = dict(val=part, test=part)
