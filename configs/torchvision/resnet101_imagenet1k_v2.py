# SPDX-License-Identifier: Apache-2.0
# torchvision's resnet101 with its transform for the weights IMAGENET1K_V2.
_base_ = 'resnet50_imagenet1k_v2.py'

backbone = dict(depth=101)
