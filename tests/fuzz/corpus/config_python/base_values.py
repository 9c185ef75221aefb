# SPDX-License-Identifier: Apache-2.0
_base_ = ['base_model.py', 'base_schedule.json']  # '{{ _base_.nothing }}' in a remark is nothing

backbone = {{ _base_.model.backbone }}  # a dict
indices = {{_base_.model.backbone.out_indices}}  # a tuple
neck, epochs = {{ _base_.model.neck }}, {{ _base_.total_epochs }}
same = backbone  # a name is read before its value is known
lr_config = dict(step={{	_base_.lr_config.step }}, warmup_ratio={{ _base_.optimizer.weight_decay }})
optimizer = {{ _base_.model.backbone.norm_cfg }}  # a dict over a dict: merged
twice = [{{ _base_.model.test_cfg.score_thr }}] * 2
item = dict(
    a=dict(b={{ _base_.lr_config.warmup }}),
    c=[[dict(d={{ _base_.model.type }}, **dict(e=backbone))], ({{ _base_.lr_config.by_epoch }}, 'x')],
    f={
        'g': {{
            _base_.norm_cfg
        }},
    })
model = dict(test_cfg=dict(nms=dict(_delete_=True, type={{ _base_.model.test_cfg.nms.type }}), rcnn={{ _base_.model.test_cfg }}))
total_epochs = {{ _base_.total_epochs }}
each = [x for x in [{{ _base_.total_epochs }}, {{ _base_.model.neck }}]]
__private = {{ _base_.is_not_looked_for }}
# SPDX-License-Identifier: Apache-2.0
norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    type='RetinaNet',
    backbone=dict(type='ResNet', depth=50, norm_cfg=norm_cfg, out_indices=(0, 1, 2, 3)),
    neck=[dict(type='FPN', num_outs=5), dict(type='BFP', refine_level=2)],
    test_cfg=dict(score_thr=0.05, nms=dict(type='nms', iou_threshold=0.5)))
