# SPDX-License-Identifier: Apache-2.0
# Ablation: the first row with another seed. How far the two are apart is what chance in training does.
_base_ = 'ablation.py'

seed = 1
