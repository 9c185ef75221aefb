# SPDX-License-Identifier: Apache-2.0
# Ablation: offsets of up to 8 cells.
_base_ = 'ablation.py'

model = dict(backbone=dict(offset_range_factor=[-1, -1, 8, 8]))
