# SPDX-License-Identifier: Apache-2.0
# torchvision's swin_s with its transform for the weights IMAGENET1K_V1.
_base_ = 'swin_t.py'

backbone = dict(depths=[2, 2, 18, 2])
test_pipeline = _base_.test_pipeline
test_pipeline[1].update(scale=246)
data = dict(test=dict(pipeline=test_pipeline))
