# SPDX-License-Identifier: Apache-2.0
# torchvision's swin_v2_t with its transform for the weights IMAGENET1K_V1.
_base_ = ['../_base_/datasets/imagenet_torchvision.py', '../_base_/schedules/imagenet_300e.py']

backbone = dict(
    type='SwinTransformerV2',
    style='classification',
    img_size=256,
    num_classes=1000,
    embed_dim=96,
    depths=[2, 2, 6, 2],
    num_heads=[3, 6, 12, 24],
    window_size=8,
    shrink_windows=False)
test_pipeline = _base_.test_pipeline
test_pipeline[1].update(scale=260, interpolation='bicubic')
test_pipeline[2].update(crop_size=256)
data = dict(test=dict(pipeline=test_pipeline))
