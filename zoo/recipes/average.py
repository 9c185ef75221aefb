# SPDX-License-Identifier: Apache-2.0
# The weights that are scored and kept are averages over about the last thousand steps.
custom_hooks = [dict(type='ExpMomentumEMAHook', momentum=0.001, total_iter=500, priority=49)]
