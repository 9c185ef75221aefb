# SPDX-License-Identifier: Apache-2.0
# UPerNet with DAT-nano on road scenes.
_base_ = ['../../configs/nano/upernet_dat_nano.py', 'roads.py', 'average.py']

data = dict(
    train=dict(pipeline={{_base_.roads_training}}),
    val=dict(pipeline={{_base_.roads_test}}),
    test=dict(pipeline={{_base_.roads_test}}))
runner = dict(max_epochs=80)
evaluation = dict(interval=5)
checkpoint_config = dict(interval=80)
