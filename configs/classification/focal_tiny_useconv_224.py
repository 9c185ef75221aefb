# SPDX-License-Identifier: Apache-2.0
# Focal-T on ImageNet-1K at 224 x 224 (Yang et al., NeurIPS 2021), with overlapping convolutions between stages.
_base_ = 'focal_tiny_224.py'

backbone = dict(use_conv_embed=True)
