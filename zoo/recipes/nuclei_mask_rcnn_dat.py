# SPDX-License-Identifier: Apache-2.0
# Mask R-CNN with DAT-nano on nuclei, of which a picture has up to 151. Its backbone and pyramid begin with what a
# RetinaNet learnt on the synthetic world.
_base_ = ['../../configs/nano/mask_rcnn_dat_nano.py', 'nuclei.py', 'average.py']

load_from = 'zoo/world_retinanet_dat/weights.safetensors'
model = dict(
    train_cfg=dict(rpn_proposal=dict(nms_pre=1000, max_per_img=500), rcnn=dict(sampler=dict(num=192))),
    test_cfg=dict(rpn=dict(nms_pre=1000, max_per_img=500), rcnn=dict(max_per_img=200)))
data = dict(
    train=dict(pipeline={{_base_.nuclei_training}}),
    val=dict(pipeline={{_base_.nuclei_test}}),
    test=dict(pipeline={{_base_.nuclei_test}}))
runner = dict(max_epochs=8)
evaluation = dict(interval=2)
checkpoint_config = dict(interval=8)
