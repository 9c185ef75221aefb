# SPDX-License-Identifier: Apache-2.0
# torchvision's resnet50 with its transform for the weights IMAGENET1K_V1.
_base_ = ['../_base_/datasets/imagenet_torchvision.py', '../_base_/schedules/imagenet_90e_sgd.py']

backbone = dict(type='ResNet', depth=50, num_classes=1000, style='torchvision')
data = dict(
    samples_per_gpu=32,
    workers_per_gpu=2,
    train=dict(type='ImageNet', data_prefix='data/imagenet/train', pipeline=_base_.train_pipeline))
