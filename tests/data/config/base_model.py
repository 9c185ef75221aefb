# SPDX-License-Identifier: Apache-2.0
norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    type='RetinaNet',
    backbone=dict(type='ResNet', depth=50, norm_cfg=norm_cfg, out_indices=(0, 1, 2, 3)),
    neck=[dict(type='FPN', num_outs=5), dict(type='BFP', refine_level=2)],
    test_cfg=dict(score_thr=0.05, nms=dict(type='nms', iou_threshold=0.5)))
