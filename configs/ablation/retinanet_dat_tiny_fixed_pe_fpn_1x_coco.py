# SPDX-License-Identifier: Apache-2.0
# RetinaNet on DAT-T, ablation: a table of all pairs for position bias, stretched to the size of the map.
_base_ = '../retinanet/retinanet_dat_tiny_fpn_1x_coco.py'

model = dict(
    backbone=dict(
        fixed_pes=[False, False, True, True]))
