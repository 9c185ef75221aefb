# SPDX-License-Identifier: Apache-2.0
# DAT-T, ablation: a depthwise convolution of the queries for position bias.
_base_ = '../classification/dat_tiny_224.py'

backbone = dict(
    dwc_pes=[False, False, True, True])
