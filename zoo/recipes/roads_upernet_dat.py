# SPDX-License-Identifier: Apache-2.0
# UPerNet with DAT-nano on road scenes. Its backbone begins with what a RetinaNet learnt on the synthetic world.
_base_ = ['../../configs/nano/upernet_dat_nano.py', 'roads.py', 'average.py']

load_from = 'zoo/world_retinanet_dat/weights.safetensors'
data = dict(
    train=dict(pipeline={{_base_.roads_training}}),
    val=dict(pipeline={{_base_.roads_test}}),
    test=dict(pipeline={{_base_.roads_test}}))
runner = dict(max_epochs=24)
evaluation = dict(interval=4)
checkpoint_config = dict(interval=24)
