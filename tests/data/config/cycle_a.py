# SPDX-License-Identifier: Apache-2.0
_base_ = "cycle_b.py"
