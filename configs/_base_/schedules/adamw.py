# SPDX-License-Identifier: Apache-2.0
# AdamW as transformers take it: norms and position tables are not decayed. A schedule adds rate and decay.
optimizer = dict(
    type='AdamW',
    paramwise_cfg=dict(
        custom_keys={
            'absolute_pos_embed': dict(decay_mult=0.),
            'relative_position_bias_table': dict(decay_mult=0.),
            'rpe_table': dict(decay_mult=0.),
            'norm': dict(decay_mult=0.)
        }))
