# SPDX-License-Identifier: Apache-2.0
# RetinaNet with DAT-nano on blood cells.
_base_ = ['../../configs/nano/retinanet_dat_nano.py', 'cells.py', 'average.py']

model = dict(bbox_head=dict(anchor_generator=dict(octave_base_scale=3)))
data = dict(
    train=dict(pipeline={{_base_.cells_training}}),
    val=dict(pipeline={{_base_.cells_test}}),
    test=dict(pipeline={{_base_.cells_test}}))
runner = dict(max_epochs=90)
evaluation = dict(interval=6)
checkpoint_config = dict(interval=90)
