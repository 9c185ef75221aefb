# SPDX-License-Identifier: Apache-2.0
# ResNet-50 on ImageNet-1K at 224 x 224 (He et al., CVPR 2016), as torchvision has it.
_base_ = '../_base_/schedules/imagenet_90e_sgd.py'

backbone = dict(type='ResNet', depth=50, num_classes=1000, style='torchvision')
data = dict(
    samples_per_gpu=32,
    workers_per_gpu=2,
    train=dict(type='ImageNet', data_prefix='data/imagenet/train', pipeline=_base_.train_pipeline))
