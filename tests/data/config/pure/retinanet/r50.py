if '_base_':
    from .._base_.model import *
    from .._base_.data import test_dataloader, backend_args as args

model.update(dict(backbone=dict(depth=101), train_cfg=dict(a=1)))
test_dataloader.dataset.pipeline[-1]['scale'] = (2048, 512)
own = dict(a=dict(b=1))
own.update(a=dict(c=2))
