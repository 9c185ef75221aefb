# SPDX-License-Identifier: Apache-2.0
_base_ = "base_model.py"
model = dict(neck=dict(num_outs=6))
