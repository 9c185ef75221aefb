# SPDX-License-Identifier: Apache-2.0
# DAT-T, ablation: deformable attention in stages 2 to 4.
_base_ = '../classification/dat_tiny_224.py'

backbone = dict(
    stage_spec=[['L', 'S'], ['L', 'D'], ['L', 'D'] * 3, ['L', 'D']],
    use_pes=[False, True, True, True],
    groups=[-1, 2, 3, 6],
    strides=[-1, 4, 1, 1],
    offset_range_factor=[-1, 2, 2, 2])
