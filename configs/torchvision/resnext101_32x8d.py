# SPDX-License-Identifier: Apache-2.0
# torchvision's resnext101_32x8d with its transform for the weights IMAGENET1K_V1.
_base_ = 'resnet50.py'

backbone = dict(depth=101, groups=32, width_per_group=8)
