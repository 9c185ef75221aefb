# SPDX-License-Identifier: Apache-2.0
# torchvision's wide_resnet50_2 with its transform for the weights IMAGENET1K_V1.
_base_ = 'resnet50.py'

backbone = dict(width_per_group=128)
