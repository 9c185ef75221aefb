# SPDX-License-Identifier: Apache-2.0
# What a run keeps and says. Keys as in mmdet 2.x.
checkpoint_config = dict(interval=1)
log_config = dict(interval=50, hooks=[dict(type='TextLoggerHook')])
log_level = 'INFO'
load_from = None
resume_from = None
workflow = [('train', 1)]
