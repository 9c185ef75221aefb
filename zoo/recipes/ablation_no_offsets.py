# SPDX-License-Identifier: Apache-2.0
# Ablation: no offsets: keys and values lie on their grid.
_base_ = 'ablation.py'

model = dict(backbone=dict(no_offs=[False, False, True, True]))
