from mmdet.models import FPN as Neck, ResNet
import torch.nn as nn
model = dict(type=nn.a.B, neck=dict(type=Neck), l=[1, 2, 3][:-1], t='abc'[1:])
model.update(dict(neck=dict(_delete_=True)), x=1)
model.merge(dict(neck=dict(a=int(2.5))))
model.neck.a = model['l'][0]
model.l.append(3)
model.l.extend([4])
model.l[0] = 5
model.pop('t')
del model.neck['a'], model.l[1]
test_dataloader = dict(batch_size=1, dataset=dict(pipeline=[dict(type='mmdet.Resize')], data_prefix=dict(img='x')))
data_preprocessor = dict(size=(1, 2), test_cfg=dict(size_divisor=3))
num_queries = 1
