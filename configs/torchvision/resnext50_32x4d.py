# SPDX-License-Identifier: Apache-2.0
# torchvision's resnext50_32x4d with its transform for the weights IMAGENET1K_V1.
_base_ = 'resnet50.py'

backbone = dict(groups=32, width_per_group=4)
