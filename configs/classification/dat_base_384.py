# SPDX-License-Identifier: Apache-2.0
# DAT-B on ImageNet-1K at 384 x 384 (Xia et al., CVPR 2022), with the arithmetic of the published checkpoint.
# Trained for 30 epochs from weights learnt at 224 x 224 (--init): the rate is 2e-5 for 512 pictures in a step, without mixtures.
_base_ = 'dat_base_224.py'

backbone = dict(img_size=384, window_sizes=[12, 12, 12, 12])
test_pipeline = _base_.test_pipeline
test_pipeline[1].update(scale=(438, 438))
test_pipeline[2].update(crop_size=384)
data = dict(samples_per_gpu=64, val=dict(pipeline=test_pipeline), test=dict(pipeline=test_pipeline))
optimizer = dict(lr=2e-5 * 64 / 512, weight_decay=1e-8)
lr_config = dict(warmup_iters=5)
runner = dict(max_epochs=30)
train_cfg = dict(augments=None)
