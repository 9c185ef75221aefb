from mmdet.models import FPN, ResNet, RetinaHead, RetinaNet
from torch import nn
import torch.nn.modules as modules

model = dict(
    type=RetinaNet,
    backbone=dict(type=ResNet, depth=50, norm_cfg=dict(type=nn.BatchNorm2d)),
    neck=dict(type=FPN, norm_cfg=dict(type=modules.batchnorm.SyncBatchNorm), num_outs=5),
    bbox_head=dict(type=RetinaHead, num_classes=80))
