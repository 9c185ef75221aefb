# SPDX-License-Identifier: Apache-2.0
# Backbones of about 0.6 million parameters, for networks that learn on two cores. They are this project's own: the widths, the numbers of
# blocks and the multiply-adds are about the same. DAT-nano has the convolutions of DAT++ (Xia et al., 2023), without which
# it learns little from a few hundred pictures: overlapping patches, a depthwise one at the beginning of each block and one in each MLP.
dat_nano = dict(
    type='DAT',
    code_version='2023',
    dim_stem=16,
    dims=[16, 32, 64, 128],
    depths=[2, 2, 4, 2],
    stage_spec=[['L', 'S'], ['L', 'S'], ['L', 'D', 'L', 'D'], ['L', 'D']],
    heads=[1, 2, 4, 8],
    groups=[-1, -1, 2, 4],
    use_pes=[False, False, True, True],
    strides=[-1, -1, 1, 1],
    offset_range_factor=[-1, -1, 2, 2],
    expansion=3,
    use_conv_patches=True,
    use_lpus=[True, True, True, True],
    use_dwc_mlps=[True, True, True, True])
swin_nano = dict(
    type='SwinTransformer',
    embed_dim=16,
    depths=[2, 2, 6, 2],
    num_heads=[1, 2, 4, 8],
    window_size=7,
    mlp_ratio=3.0,
    qkv_bias=True,
    drop_path_rate=0.0,
    ape=False,
    patch_norm=True)
