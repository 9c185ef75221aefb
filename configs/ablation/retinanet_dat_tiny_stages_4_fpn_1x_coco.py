# SPDX-License-Identifier: Apache-2.0
# RetinaNet on DAT-T, ablation: deformable attention in stage 4 only.
_base_ = '../retinanet/retinanet_dat_tiny_fpn_1x_coco.py'

model = dict(
    backbone=dict(
        stage_spec=[['L', 'S'], ['L', 'S'], ['L', 'S'] * 3, ['L', 'D']],
        use_pes=[False, False, False, True]))
