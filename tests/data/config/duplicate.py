# SPDX-License-Identifier: Apache-2.0
_base_ = ["base_model.py", "duplicate_base.py"]
