# SPDX-License-Identifier: Apache-2.0
# torchvision's resnet50 with its transform for the weights IMAGENET1K_V1.
_base_ = '../_base_/datasets/imagenet_torchvision.py'

backbone = dict(type='ResNet', depth=50, num_classes=1000, style='torchvision')
