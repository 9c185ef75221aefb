# SPDX-License-Identifier: Apache-2.0
# default_runtime.py for runs that are counted in steps, as mmseg's are.
_base_ = 'default_runtime.py'

checkpoint_config = dict(by_epoch=False, interval=8000)
log_config = dict(interval=50, hooks=[dict(type='TextLoggerHook', by_epoch=False)])
