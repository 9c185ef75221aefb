# SPDX-License-Identifier: Apache-2.0
# torchvision's resnext101_64x4d with its transform for the weights IMAGENET1K_V1.
_base_ = 'resnet50_imagenet1k_v2.py'

backbone = dict(depth=101, groups=64, width_per_group=4)
