# SPDX-License-Identifier: Apache-2.0
# DAT-T, ablation: no offsets: keys and values are sampled on their grid, with a position bias.
_base_ = '../classification/dat_tiny_224.py'

backbone = dict(
    no_offs=[False, False, True, True])
