# SPDX-License-Identifier: Apache-2.0
# DAT-B on ImageNet-1K at 384 x 384 (Xia et al., CVPR 2022), with the arithmetic of the published checkpoint.
_base_ = 'dat_base_224.py'

backbone = dict(img_size=384, window_sizes=[12, 12, 12, 12])
test_pipeline = _base_.test_pipeline
test_pipeline[1].update(scale=(438, 438))
test_pipeline[2].update(crop_size=384)
data = dict(val=dict(pipeline=test_pipeline), test=dict(pipeline=test_pipeline))
