# SPDX-License-Identifier: Apache-2.0
# Ablation: deformable attention in the last stage only, shifted windows in the third.
_base_ = 'ablation.py'

model = dict(
    backbone=dict(
        stage_spec=[['L', 'S'], ['L', 'S'], ['L', 'S', 'L', 'S'], ['L', 'D']],
        groups=[-1, -1, -1, 4],
        use_pes=[False, False, False, True],
        strides=[-1, -1, -1, 1],
        offset_range_factor=[-1, -1, -1, 2]))
