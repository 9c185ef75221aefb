# SPDX-License-Identifier: Apache-2.0
# ResNet-34 on ImageNet-1K at 224 x 224 (He et al., CVPR 2016), as torchvision has it.
backbone = dict(type='ResNet', depth=34, num_classes=1000, style='torchvision')
