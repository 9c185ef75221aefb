# SPDX-License-Identifier: Apache-2.0
# Ablation: no position bias.
_base_ = 'ablation.py'

model = dict(backbone=dict(use_pes=[False, False, False, False]))
