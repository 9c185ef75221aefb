# SPDX-License-Identifier: Apache-2.0
# torchvision's resnet152 with its transform for the weights IMAGENET1K_V1. Those of IMAGENET1K_V2 resize to 232:
# --set data.test.pipeline.1.scale=232.
_base_ = 'resnet50.py'

backbone = dict(depth=152)
