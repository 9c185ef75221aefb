# SPDX-License-Identifier: Apache-2.0
_base_ = ['base_model.py', './base_schedule.json']  # two bases, without a key in common

model = dict(
    backbone=dict(depth=101, frozen_stages=1),
    neck=[dict(type='PAFPN')],  # a list replaces
    test_cfg=dict(nms=dict(_delete_=True, type='soft_nms', min_score=0.05)))
optimizer = dict(_delete_=True, type='AdamW', lr=1e-4, betas=(0.9, 0.999))
total_epochs = 36
new_dict = dict(_delete_=True, a=1)  # deletes nothing
work_dir = './work_dirs/{{ fileBasenameNoExtension }}'
here = '{{ fileBasename }} {{fileExtname}}'
