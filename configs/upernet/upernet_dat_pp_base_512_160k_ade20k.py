# SPDX-License-Identifier: Apache-2.0
# UPerNet on DAT++-B, 512 x 512 crops, 160,000 steps.
_base_ = 'upernet_dat_pp_tiny_512_160k_ade20k.py'

model = dict(
    backbone=dict(
        dim_stem=128,
        dims=[128, 256, 512, 1024],
        heads=[4, 8, 16, 32],
        groups=[2, 4, 8, 16],
        drop_path_rate=0.7),
    decode_head=dict(in_channels=[128, 256, 512, 1024]),
    auxiliary_head=dict(in_channels=512))
