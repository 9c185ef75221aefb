# SPDX-License-Identifier: Apache-2.0
# DAT-T, ablation: samples stay on their grid, with a position bias.
# In the 2022 code 0 means offsets without a limit, so this is the 2023 code.
_base_ = '../classification/dat_tiny_224.py'

backbone = dict(
    code_version='2023',
    offset_range_factor=[-1, -1, 0, 0])
