# SPDX-License-Identifier: Apache-2.0
# Deformable DETR with DAT-nano on blood cells.
_base_ = ['../../configs/nano/deformable_detr_dat_nano.py', 'cells.py', 'average.py']

data = dict(
    train=dict(pipeline={{_base_.cells_training}}),
    val=dict(pipeline={{_base_.cells_test}}),
    test=dict(pipeline={{_base_.cells_test}}))
runner = dict(max_epochs=150)
evaluation = dict(interval=10)
checkpoint_config = dict(interval=150)
