# SPDX-License-Identifier: Apache-2.0
# Swin-L on ImageNet-1K at 384 x 384 (Liu et al., ICCV 2021): pretrained on ImageNet-22K, as Swin-L at 224.
_base_ = 'swin_base_384.py'

backbone = dict(embed_dim=192, num_heads=[6, 12, 24, 48], drop_path_rate=0.2)
