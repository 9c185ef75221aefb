# SPDX-License-Identifier: Apache-2.0
# DETR (Carion et al., ECCV 2020) by the arguments of the official program, for its checkpoints. These are its defaults; eos_coef says
# that the program is DETR's.
args = dict(
    backbone='resnet50',
    dilation=False,
    position_embedding='sine',
    enc_layers=6,
    dec_layers=6,
    dim_feedforward=2048,
    hidden_dim=256,
    dropout=0.1,
    nheads=8,
    num_queries=100,
    pre_norm=False,
    eos_coef=0.1,
    dataset_file='coco',
    lr=1e-4,
    lr_backbone=1e-5,
    weight_decay=1e-4,
    clip_max_norm=0.1,
    batch_size=2,
    epochs=500,
    lr_drop=400)
