default_scope = 'mmdet'
model = dict(type='RetinaNet', data_preprocessor=dict(type='DetDataPreprocessor', mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375], bgr_to_rgb=True, pad_size_divisor=32),
    backbone=dict(type='ResNet', depth=18, base_channels=2, num_stages=4, out_indices=(0, 1, 2, 3), norm_cfg=dict(type='BN', requires_grad=True), frozen_stages=1, norm_eval=True, style='pytorch'),
    neck=dict(type='FPN', in_channels=[2, 4, 8, 16], out_channels=8, start_level=1, add_extra_convs='on_input', num_outs=5),
    bbox_head=dict(type='RetinaHead', num_classes=3, in_channels=8, stacked_convs=1, feat_channels=8,
        anchor_generator=dict(type='AnchorGenerator', octave_base_scale=4, scales_per_octave=3, ratios=[0.5, 1.0, 2.0],
                              strides=[8, 16, 32, 64, 128]),
        bbox_coder=dict(type='DeltaXYWHBBoxCoder', target_means=[.0, .0, .0, .0], target_stds=[1.0, 1.0, 1.0, 1.0]),
        loss_cls=dict(type='FocalLoss', use_sigmoid=True, gamma=2.0, alpha=0.25, loss_weight=1.0), loss_bbox=dict(type='L1Loss')),
    train_cfg=None, test_cfg=dict(nms_pre=100, min_bbox_size=0, score_thr=0.05, nms=dict(type='nms', iou_threshold=0.5), max_per_img=20))
test_pipeline = [dict(type='LoadImageFromFile', backend_args=None), dict(type='Resize', scale=(160, 96), keep_ratio=True),
                 dict(type='LoadAnnotations', with_bbox=True),
                 dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'))]
test_dataloader = dict(batch_size=1, num_workers=1, dataset=dict(type='CocoDataset', ann_file='a.json', data_prefix=dict(img='p/'),
    metainfo=dict(classes=('a', 'b', 'c')), test_mode=True, pipeline=test_pipeline))
tta_model = dict(type='DetTTAModel', tta_cfg=dict(nms=dict(type='nms', iou_threshold=0.4), max_per_img=25))
tta_pipeline = [dict(type='LoadImageFromFile', backend_args=None), dict(type='TestTimeAug', transforms=[
    [dict(type='Resize', scale=s, keep_ratio=True) for s in [(160, 96), (120, 64)]],
    [dict(type='RandomFlip', prob=1.), dict(type='RandomFlip', prob=0.)], [dict(type='LoadAnnotations', with_bbox=True)],
    [dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor', 'flip', 'flip_direction'))]])]
