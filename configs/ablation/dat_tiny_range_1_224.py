# SPDX-License-Identifier: Apache-2.0
# DAT-T, ablation: offsets of up to 1 cells; dat_tiny has 2.
_base_ = '../classification/dat_tiny_224.py'

backbone = dict(
    offset_range_factor=[-1, -1, 1, 1])
