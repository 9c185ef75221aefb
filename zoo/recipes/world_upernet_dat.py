# SPDX-License-Identifier: Apache-2.0
# UPerNet with DAT-nano on the synthetic world. Its backbone begins with what a RetinaNet learnt there.
_base_ = ['../../configs/nano/upernet_dat_nano.py', 'world_classes.py', 'average.py']

load_from = 'zoo/world_retinanet_dat/weights.safetensors'
data = dict(
    samples_per_gpu=8,
    train=dict(pipeline={{_base_.world_class_training}}),
    val=dict(pipeline={{_base_.world_class_test}}),
    test=dict(pipeline={{_base_.world_class_test}}))
runner = dict(max_epochs=6)
evaluation = dict(interval=3)
checkpoint_config = dict(interval=6)
