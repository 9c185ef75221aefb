# SPDX-License-Identifier: Apache-2.0
# torchvision's swin_v2_s with its transform for the weights IMAGENET1K_V1.
_base_ = 'swin_v2_t.py'

backbone = dict(depths=[2, 2, 18, 2])
