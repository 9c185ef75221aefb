# SPDX-License-Identifier: Apache-2.0
# DAT-T, ablation: offsets, no position bias.
_base_ = '../classification/dat_tiny_224.py'

backbone = dict(
    use_pes=[False, False, False, False])
