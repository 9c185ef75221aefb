# SPDX-License-Identifier: Apache-2.0
norm_cfg = dict(type="GN")
