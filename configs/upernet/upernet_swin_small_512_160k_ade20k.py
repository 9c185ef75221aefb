# SPDX-License-Identifier: Apache-2.0
# UPerNet on Swin-S, 512 x 512 crops, 160,000 steps.
_base_ = 'upernet_swin_tiny_512_160k_ade20k.py'

model = dict(backbone=dict(depths=[2, 2, 18, 2]))
