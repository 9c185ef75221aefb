# SPDX-License-Identifier: Apache-2.0
# DAT-T, ablation: deformable attention in stage 4 only.
_base_ = '../classification/dat_tiny_224.py'

backbone = dict(
    stage_spec=[['L', 'S'], ['L', 'S'], ['L', 'S'] * 3, ['L', 'D']],
    use_pes=[False, False, False, True])
