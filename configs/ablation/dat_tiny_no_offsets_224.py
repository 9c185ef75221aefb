# SPDX-License-Identifier: Apache-2.0
# DAT-T, ablation: no offsets and no position bias: keys and values by average pooling.
_base_ = '../classification/dat_tiny_224.py'

backbone = dict(
    no_offs=[False, False, True, True])
