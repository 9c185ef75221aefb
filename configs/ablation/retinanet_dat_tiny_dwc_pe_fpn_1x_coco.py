# SPDX-License-Identifier: Apache-2.0
# RetinaNet on DAT-T, ablation: a depthwise convolution of the queries for position bias.
_base_ = '../retinanet/retinanet_dat_tiny_fpn_1x_coco.py'

model = dict(
    backbone=dict(
        dwc_pes=[False, False, True, True]))
