# SPDX-License-Identifier: Apache-2.0
# UPerNet with DAT-nano on road scenes. Its backbone begins with what a RetinaNet learnt on the synthetic world.
# Without weights of classes it never finds poles, signs, fences, people and cyclists, which are 4 % of the pixels
# together; these are about the square roots of how rare the classes are, and 1 on average over the pixels.
_base_ = ['../../configs/nano/upernet_dat_nano.py', 'roads.py', 'average.py']

class_weight = [0.9, 0.75, 3.5, 0.6, 1.7, 1.15, 3.3, 3.4, 1.5, 4.0, 4.5]
load_from = 'zoo/world_retinanet_dat/weights.safetensors'
model = dict(
    decode_head=dict(loss_decode=dict(class_weight=class_weight)),
    auxiliary_head=dict(loss_decode=dict(class_weight=class_weight)))
data = dict(
    train=dict(pipeline={{_base_.roads_training}}),
    val=dict(pipeline={{_base_.roads_test}}),
    test=dict(pipeline={{_base_.roads_test}}))
optimizer = dict(lr=0.002)
runner = dict(max_epochs=48)
evaluation = dict(interval=8)
checkpoint_config = dict(interval=48)
