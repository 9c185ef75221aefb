# SPDX-License-Identifier: Apache-2.0
# The first row of the ablations: DAT-nano as it is. Deformable attention in the last two stages, offsets of up to 2
# cells, a relative position bias.
_base_ = 'ablation.py'
