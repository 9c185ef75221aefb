# SPDX-License-Identifier: Apache-2.0
# DAT-T, ablation: spatial reduction (P) for shifted windows in the first two stages; the 2023 code has it.
_base_ = '../classification/dat_tiny_224.py'

backbone = dict(
    code_version='2023',
    stage_spec=[['L', 'P'], ['L', 'P'], ['L', 'D'] * 3, ['L', 'D']],
    sr_ratios=[8, 4, -1, -1])
