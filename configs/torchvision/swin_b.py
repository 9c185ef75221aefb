# SPDX-License-Identifier: Apache-2.0
# torchvision's swin_b with its transform for the weights IMAGENET1K_V1.
_base_ = 'swin_t.py'

backbone = dict(embed_dim=128, depths=[2, 2, 18, 2], num_heads=[4, 8, 16, 32])
test_pipeline = _base_.test_pipeline
test_pipeline[1].update(scale=238)
data = dict(test=dict(pipeline=test_pipeline))
