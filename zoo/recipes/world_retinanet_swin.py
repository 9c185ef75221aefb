# SPDX-License-Identifier: Apache-2.0
# RetinaNet with Swin-nano on the synthetic world.
_base_ = ['../../configs/nano/retinanet_swin_nano.py', 'world.py', 'average.py']

model = dict(bbox_head=dict(anchor_generator=dict(octave_base_scale=3)))
data = dict(
    samples_per_gpu=8,
    train=dict(pipeline={{_base_.world_training}}),
    val=dict(pipeline={{_base_.world_test}}),
    test=dict(pipeline={{_base_.world_test}}))
optimizer = dict(lr=0.002)
runner = dict(max_epochs=16)
evaluation = dict(interval=4)
checkpoint_config = dict(interval=16)
