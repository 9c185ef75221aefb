# SPDX-License-Identifier: Apache-2.0
# DAT-T on ImageNet-1K at 224 x 224 (Xia et al., CVPR 2022), with the arithmetic of the published checkpoint.
_base_ = ['../_base_/datasets/imagenet_dat.py', '../_base_/schedules/imagenet_300e.py']

backbone = dict(
    type='DAT',
    style='classification',
    code_version='2022',
    num_classes=1000,
    img_size=224,
    patch_size=4,
    expansion=4,
    dim_stem=96,
    dims=[96, 192, 384, 768],
    depths=[2, 2, 6, 2],
    stage_spec=[['L', 'S'], ['L', 'S'], ['L', 'D'] * 3, ['L', 'D']],
    heads=[3, 6, 12, 24],
    window_sizes=[7, 7, 7, 7],
    groups=[-1, -1, 3, 6],
    use_pes=[False, False, True, True],
    dwc_pes=[False, False, False, False],
    strides=[-1, -1, 1, 1],
    sr_ratios=[-1, -1, -1, -1],
    offset_range_factor=[-1, -1, 2, 2],
    no_offs=[False, False, False, False],
    fixed_pes=[False, False, False, False],
    use_dwc_mlps=[False, False, False, False],
    use_conv_patches=False,
    ksizes=[9, 7, 5, 3],
    drop_rate=0.0,
    attn_drop_rate=0.0,
    drop_path_rate=0.2)
