# SPDX-License-Identifier: Apache-2.0
# A DAT of about a million parameters that tells classes of pictures apart.
#     deformer train configs/nano/classifier_dat_nano.py --data DIR
_base_ = ['../_base_/schedules/schedule_nano.py', '../_base_/default_runtime.py']

backbone = dict(
    type='DAT',
    style='classification',
    code_version='2023',
    num_classes=1000,
    patch_size=4,
    use_pes=[False, False, True, True],
    dwc_pes=[False, False, False, False],
    strides=[-1, -1, 1, 1],
    sr_ratios=[-1, -1, -1, -1],
    offset_range_factor=[-1, -1, 2, 2],
    no_offs=[False, False, False, False],
    fixed_pes=[False, False, False, False],
    ksizes=[9, 7, 5, 3],
    drop_rate=0.0,
    attn_drop_rate=0.0,
    img_size=128,
    dim_stem=16,
    dims=[16, 32, 64, 128],
    depths=[2, 2, 4, 2],
    stage_spec=[['L', 'S'], ['L', 'S'], ['L', 'D', 'L', 'D'], ['L', 'D']],
    heads=[1, 2, 4, 8],
    groups=[-1, -1, 2, 4],
    window_sizes=[8, 8, 8, 4],
    expansion=3,
    use_conv_patches=True,
    use_lpus=[True, True, True, True],
    use_dwc_mlps=[True, True, True, True],
    drop_path_rate=0.0)
img_norm_cfg = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomResizedCrop', scale=128),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandAugment', config='rand-m5-mstd0.5-inc1'),
    dict(type='Normalize', **img_norm_cfg),
    dict(type='PackInputs')
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='ResizeEdge', scale=146),
    dict(type='CenterCrop', crop_size=128),
    dict(type='Normalize', **img_norm_cfg),
    dict(type='PackInputs')
]
data = dict(
    samples_per_gpu=16,
    workers_per_gpu=1,
    train=dict(type='ImageNet', data_prefix='data/imagenet/train', pipeline=train_pipeline),
    val=dict(type='ImageNet', data_prefix='data/imagenet/val', pipeline=test_pipeline),
    test=dict(type='ImageNet', data_prefix='data/imagenet/val', pipeline=test_pipeline))
evaluation = dict(interval=2, metric='accuracy')
checkpoint_config = dict(interval=4, max_keep_ckpts=2)
log_config = dict(interval=20)
