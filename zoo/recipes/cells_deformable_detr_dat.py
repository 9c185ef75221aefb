# SPDX-License-Identifier: Apache-2.0
# Deformable DETR with DAT-nano on blood cells. Its backbone begins with what a RetinaNet learnt on the synthetic world.
_base_ = ['../../configs/nano/deformable_detr_dat_nano.py', 'cells.py', 'average.py']

load_from = 'zoo/world_retinanet_dat/weights.safetensors'
data = dict(
    train=dict(pipeline={{_base_.cells_training}}),
    val=dict(pipeline={{_base_.cells_test}}),
    test=dict(pipeline={{_base_.cells_test}}))
runner = dict(max_epochs=120)
evaluation = dict(interval=10)
checkpoint_config = dict(interval=120)
