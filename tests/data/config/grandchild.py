# SPDX-License-Identifier: Apache-2.0
_base_ = 'child.py'

optimizer = dict(lr=2e-4)
lr_config = dict(step=[27, 33], gamma=None)
norm_cfg = None
