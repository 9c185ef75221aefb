# SPDX-License-Identifier: Apache-2.0
# DAT-T, ablation: deformable attention in all stages.
_base_ = '../classification/dat_tiny_224.py'

backbone = dict(
    stage_spec=[['L', 'D'], ['L', 'D'], ['L', 'D'] * 3, ['L', 'D']],
    use_pes=[True, True, True, True],
    groups=[1, 2, 3, 6],
    strides=[8, 4, 1, 1],
    offset_range_factor=[2, 2, 2, 2])
