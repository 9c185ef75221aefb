# SPDX-License-Identifier: Apache-2.0
_base_ = 'base_values_json.json'
model = dict(neck={{ _base_.steps }}, backbone=dict(_delete_=True, of={{ _base_.backbone.backbone }}))
steps = {{ _base_.item.c }}
