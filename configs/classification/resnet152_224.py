# SPDX-License-Identifier: Apache-2.0
# ResNet-152 on ImageNet-1K at 224 x 224 (He et al., CVPR 2016), as torchvision has it.
_base_ = 'resnet50_224.py'

backbone = dict(depth=152)
