# SPDX-License-Identifier: Apache-2.0
# RetinaNet with DAT-nano on blood cells. It begins with what the same network learnt on the synthetic world.
_base_ = ['../../configs/nano/retinanet_dat_nano.py', 'cells.py', 'average.py']

load_from = 'zoo/world_retinanet_dat/weights.safetensors'
model = dict(bbox_head=dict(anchor_generator=dict(octave_base_scale=3)))
data = dict(
    train=dict(pipeline={{_base_.cells_training}}),
    val=dict(pipeline={{_base_.cells_test}}),
    test=dict(pipeline={{_base_.cells_test}}))
runner = dict(max_epochs=30)
evaluation = dict(interval=3)
checkpoint_config = dict(interval=30)
