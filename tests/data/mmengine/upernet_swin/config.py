default_scope = 'mmseg'
data_preprocessor = dict(type='SegDataPreProcessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True,
                         pad_val=0, seg_pad_val=255, size=(48, 48))
model = dict(type='EncoderDecoder', data_preprocessor=data_preprocessor,
    backbone=dict(type='SwinTransformer', pretrain_img_size=48, embed_dims=4, patch_size=4, window_size=4, mlp_ratio=2, depths=[2, 1, 1, 1],
                  num_heads=[1, 1, 2, 2], strides=(4, 2, 2, 2), out_indices=(0, 1, 2, 3), drop_path_rate=0.1),
    decode_head=dict(type='UPerHead', in_channels=[4, 8, 16, 32], in_index=[0, 1, 2, 3], pool_scales=(1, 2, 3, 6), channels=8, dropout_ratio=0.1, num_classes=7, norm_cfg=dict(type='BN', requires_grad=True),
        align_corners=False, loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0)),
    train_cfg=dict(), test_cfg=dict(mode='whole'))
test_pipeline = [dict(type='LoadImageFromFile'), dict(type='Resize', scale=(160, 64), keep_ratio=True),
                 dict(type='LoadAnnotations', reduce_zero_label=True), dict(type='PackSegInputs')]
test_dataloader = dict(batch_size=1, num_workers=1, dataset=dict(type='BaseSegDataset', pipeline=test_pipeline,
    metainfo=dict(classes=('a', 'b', 'c', 'd', 'e', 'f', 'g'), palette=[[i, i, i] for i in range(7)]),
    data_prefix=dict(img_path='p', seg_map_path='m')))
tta_model = dict(type='SegTTAModel')
tta_pipeline = [dict(type='LoadImageFromFile'), dict(type='TestTimeAug', transforms=[
    [dict(type='Resize', scale_factor=r, keep_ratio=True) for r in [0.5, 0.75, 1.25]],
    [dict(type='RandomFlip', prob=0., direction='horizontal'), dict(type='RandomFlip', prob=1., direction='horizontal')],
    [dict(type='LoadAnnotations')], [dict(type='PackSegInputs')]])]
