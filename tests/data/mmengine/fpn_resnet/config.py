default_scope = 'mmseg'
data_preprocessor = dict(type='SegDataPreProcessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True,
                         pad_val=0, seg_pad_val=255, size=(48, 48), test_cfg=dict(size_divisor=32))
model = dict(type='EncoderDecoder', data_preprocessor=data_preprocessor,
    backbone=dict(type='ResNet', depth=18, base_channels=2, num_stages=4, out_indices=(0, 1, 2, 3), norm_cfg=dict(type='BN', requires_grad=True)),
    neck=dict(type='FPN', in_channels=[2, 4, 8, 16], out_channels=8, num_outs=4),
    decode_head=dict(type='FPNHead', in_channels=[8, 8, 8, 8], in_index=[0, 1, 2, 3], feature_strides=[4, 8, 16, 32], channels=8, dropout_ratio=0.1, num_classes=7, norm_cfg=dict(type='BN', requires_grad=True),
        align_corners=False, loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0)),
    train_cfg=dict(), test_cfg=dict(mode='whole'))
test_pipeline = [dict(type='LoadImageFromFile'), dict(type='Resize', scale=(90, 70), keep_ratio=False),
                 dict(type='LoadAnnotations', reduce_zero_label=True), dict(type='PackSegInputs')]
test_dataloader = dict(batch_size=1, num_workers=1, dataset=dict(type='BaseSegDataset', pipeline=test_pipeline,
    metainfo=dict(classes=('a', 'b', 'c', 'd', 'e', 'f', 'g'), palette=[[i, i, i] for i in range(7)]),
    data_prefix=dict(img_path='p', seg_map_path='m')))
tta_model = dict(type='SegTTAModel')
tta_pipeline = [dict(type='LoadImageFromFile'), dict(type='TestTimeAug', transforms=[
    [dict(type='Resize', scale_factor=r, keep_ratio=True) for r in [0.5, 0.75, 1.25]],
    [dict(type='RandomFlip', prob=0., direction='horizontal'), dict(type='RandomFlip', prob=1., direction='horizontal')],
    [dict(type='LoadAnnotations')], [dict(type='PackSegInputs')]])]
