# SPDX-License-Identifier: Apache-2.0
# UPerNet on DAT++-S, 512 x 512 crops, 160,000 steps.
_base_ = 'upernet_dat_pp_tiny_512_160k_ade20k.py'

model = dict(
    backbone=dict(
        dim_stem=96,
        dims=[96, 192, 384, 768],
        heads=[3, 6, 12, 24],
        groups=[1, 2, 3, 6],
        drop_path_rate=0.5),
    decode_head=dict(in_channels=[96, 192, 384, 768]),
    auxiliary_head=dict(in_channels=384))
