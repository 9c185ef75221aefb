from mmengine.config import read_base

with read_base():
    # the one before
    from pure.retinanet.r50 import *

model.merge(dict(neck=dict(_delete_=True, type='FPN')))
model.backbone.stages = [1, 2, 3, 4][1:-1]
test_dataloader.dataset.pipeline.append(dict(type='Pack'))
del own['a'], args
