from mmcv.transforms import (
    LoadImageFromFile as Load,
    Resize,
)

backend_args = None
test_pipeline = [dict(type=Load, backend_args=backend_args), dict(type=Resize, scale=(1333, 800))]
test_dataloader = dict(batch_size=1, dataset=dict(pipeline=test_pipeline))
unused = 1
