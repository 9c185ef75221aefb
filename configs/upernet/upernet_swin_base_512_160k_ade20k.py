# SPDX-License-Identifier: Apache-2.0
# UPerNet on Swin-B, 512 x 512 crops, 160,000 steps.
_base_ = 'upernet_swin_tiny_512_160k_ade20k.py'

model = dict(
    backbone=dict(embed_dim=128, depths=[2, 2, 18, 2], num_heads=[4, 8, 16, 32]),
    decode_head=dict(in_channels=[128, 256, 512, 1024]),
    auxiliary_head=dict(in_channels=512))
