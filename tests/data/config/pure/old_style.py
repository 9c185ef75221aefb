_base_ = './retinanet/r101.py'
_base_.model.backbone.depth = 18
_base_.model.train_cfg = dict(b=_base_.model.train_cfg.a + 1)
copied = _base_.model.backbone
copied.pop('norm_cfg')
