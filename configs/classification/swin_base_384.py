# SPDX-License-Identifier: Apache-2.0
# Swin-B on ImageNet-1K at 384 x 384 (Liu et al., ICCV 2021): windows of 12, the whole picture as a square.
# Trained for 30 epochs from weights learnt at 224 x 224 (--init): the rate is 2e-5 for 512 pictures in a step, without mixtures.
_base_ = 'swin_base_224.py'

backbone = dict(img_size=384, window_size=12)
test_pipeline = [
    dict(type='LoadImageFromFile', imdecode_backend='pillow', color_type='color_ignore_orientation'),
    dict(type='Resize', scale=(384, 384), keep_ratio=False, interpolation='bicubic', backend='pillow'),
    dict(type='DetrNormalize'),
    dict(type='PackInputs')
]
data = dict(
    samples_per_gpu=64,
    val=dict(type='ImageNet', data_prefix='data/imagenet/val', pipeline=test_pipeline),
    test=dict(type='ImageNet', data_prefix='data/imagenet/val', pipeline=test_pipeline))
optimizer = dict(lr=2e-5 * 64 / 512, weight_decay=1e-8)
lr_config = dict(warmup_iters=5)
runner = dict(max_epochs=30)
train_cfg = dict(augments=None)
