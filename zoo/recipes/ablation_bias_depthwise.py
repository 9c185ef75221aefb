# SPDX-License-Identifier: Apache-2.0
# Ablation: a depthwise convolution of the queries for position bias.
_base_ = 'ablation.py'

model = dict(backbone=dict(dwc_pes=[False, False, True, True]))
