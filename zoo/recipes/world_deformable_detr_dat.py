# SPDX-License-Identifier: Apache-2.0
# Deformable DETR with DAT-nano on the synthetic world. Its backbone begins with what a RetinaNet learnt there.
_base_ = ['../../configs/nano/deformable_detr_dat_nano.py', 'world.py', 'average.py']

load_from = 'zoo/world_retinanet_dat/weights.safetensors'
data = dict(
    samples_per_gpu=8,
    train=dict(pipeline={{_base_.world_training}}),
    val=dict(pipeline={{_base_.world_test}}),
    test=dict(pipeline={{_base_.world_test}}))
runner = dict(max_epochs=8)
evaluation = dict(interval=4)
checkpoint_config = dict(interval=8)
