# SPDX-License-Identifier: Apache-2.0
# torchvision's retinanet_resnet50_fpn_v2: batch norms that are learnt, group norms in the heads, level 6 from the backbone.
_base_ = 'retinanet_resnet50_fpn.py'

model = dict(
    backbone=dict(norm_cfg=dict(eps=1e-5, requires_grad=True)),
    neck=dict(add_extra_convs='on_input'),
    bbox_head=dict(norm_cfg=dict(type='GN', num_groups=32)))
