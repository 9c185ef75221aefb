# SPDX-License-Identifier: Apache-2.0
# Ablation: shifted windows in place of deformable attention.
_base_ = 'ablation.py'

model = dict(
    backbone=dict(
        stage_spec=[['L', 'S'], ['L', 'S'], ['L', 'S', 'L', 'S'], ['L', 'S']],
        groups=[-1, -1, -1, -1],
        use_pes=[False, False, False, False],
        strides=[-1, -1, -1, -1],
        offset_range_factor=[-1, -1, -1, -1]))
