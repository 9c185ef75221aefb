# SPDX-License-Identifier: Apache-2.0
# Ablation: a table of all pairs of query and sample for position bias, stretched to the size of the map.
_base_ = 'ablation.py'

model = dict(backbone=dict(fixed_pes=[False, False, True, True]))
