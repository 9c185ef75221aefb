# SPDX-License-Identifier: Apache-2.0
# DAT-T, ablation: a table of all pairs for position bias; classification only at the size of the table.
_base_ = '../classification/dat_tiny_224.py'

backbone = dict(
    fixed_pes=[False, False, True, True])
