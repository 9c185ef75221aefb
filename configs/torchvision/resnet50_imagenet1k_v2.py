# SPDX-License-Identifier: Apache-2.0
# torchvision's resnet50 with its transform for the weights IMAGENET1K_V2.
_base_ = ['../_base_/datasets/imagenet_torchvision.py', '../_base_/schedules/imagenet_600e_sgd.py']

backbone = dict(type='ResNet', depth=50, num_classes=1000, style='torchvision')
test_pipeline = _base_.test_pipeline
test_pipeline[1].update(scale=232)
data = dict(
    train=dict(type='ImageNet', data_prefix='data/imagenet/train', pipeline=_base_.train_pipeline),
    test=dict(pipeline=test_pipeline))
