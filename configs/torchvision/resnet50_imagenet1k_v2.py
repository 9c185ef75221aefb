# SPDX-License-Identifier: Apache-2.0
# torchvision's resnet50 with its transform for the weights IMAGENET1K_V2.
_base_ = 'resnet50.py'

test_pipeline = _base_.test_pipeline
test_pipeline[1].update(scale=232)
data = dict(test=dict(pipeline=test_pipeline))
