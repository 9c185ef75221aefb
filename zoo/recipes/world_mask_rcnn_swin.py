# SPDX-License-Identifier: Apache-2.0
# Mask R-CNN with Swin-nano on the synthetic world. Its backbone and pyramid begin with what a RetinaNet learnt there.
_base_ = ['../../configs/nano/mask_rcnn_swin_nano.py', 'world_masks.py', 'average.py']

load_from = 'zoo/world_retinanet_swin/weights.safetensors'
data = dict(
    samples_per_gpu=8,
    train=dict(pipeline={{_base_.world_mask_training}}),
    val=dict(pipeline={{_base_.world_test}}),
    test=dict(pipeline={{_base_.world_test}}))
runner = dict(max_epochs=6)
evaluation = dict(interval=3)
checkpoint_config = dict(interval=6)
