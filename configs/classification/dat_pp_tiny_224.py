# SPDX-License-Identifier: Apache-2.0
# DAT++-T on ImageNet-1K at 224 x 224 (Xia et al., "DAT++: Spatially Dynamic Vision Transformer with Deformable Attention", 2023).
_base_ = ['../_base_/datasets/imagenet_dat.py', '../_base_/schedules/imagenet_300e.py']

backbone = dict(
    type='DAT',
    style='classification',
    code_version='2023',
    num_classes=1000,
    img_size=224,
    patch_size=4,
    expansion=4,
    dim_stem=64,
    dims=[64, 128, 256, 512],
    depths=[2, 4, 18, 2],
    stage_spec=[['N', 'D'], ['N', 'D'] * 2, ['N', 'D'] * 9, ['D', 'D']],
    heads=[2, 4, 8, 16],
    window_sizes=[7, 7, 7, 7],
    groups=[1, 2, 4, 8],
    use_pes=[True, True, True, True],
    dwc_pes=[False, False, False, False],
    strides=[8, 4, 2, 1],
    offset_range_factor=[-1, -1, -1, -1],
    no_offs=[False, False, False, False],
    fixed_pes=[False, False, False, False],
    use_dwc_mlps=[True, True, True, True],
    use_lpus=[True, True, True, True],
    use_conv_patches=True,
    ksizes=[9, 7, 5, 3],
    nat_ksizes=[7, 7, 7, 7],
    drop_rate=0.0,
    attn_drop_rate=0.0,
    drop_path_rate=0.2)
