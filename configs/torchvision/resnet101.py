# SPDX-License-Identifier: Apache-2.0
# torchvision's resnet101 with its transform for the weights IMAGENET1K_V1.
_base_ = 'resnet50.py'

backbone = dict(depth=101)
