#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Learning rates by torch.optim.lr_scheduler.OneCycleLR, from which mmcv and mmengine took theirs, into tests/data/train/one_cycle.json.
Needs PyTorch."""
import json
from pathlib import Path

import torch

OUT = Path(__file__).resolve().parent.parent / "data/train/one_cycle.json"


def rates(total, **options):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, total_steps=total, cycle_momentum=False, **options)
    out = []
    for i in range(total):
        out.append([optimizer.param_groups[0]["lr"]])
        optimizer.step()
        if i + 1 < total:
            schedule.step()
    return out


cases = []
for three_phase in False, True:
    for strategy in "cos", "linear":
        options = dict(pct_start=0.35, div_factor=10, final_div_factor=50, anneal_strategy=strategy,
                       three_phase=three_phase)
        run = dict(base_lr=[0.1], epochs=3, iters_per_epoch=10, lr=rates(30, max_lr=0.7, **options))
        cases.append(dict(run, lr_config=dict(policy="OneCycle", max_lr=0.7, **options)))
        cases.append(dict(run, param_scheduler=dict(type="OneCycleLR", eta_max=0.7, total_steps=30, by_epoch=False,
                                                    **options)))
OUT.write_text('{"cases": [\n' + ",\n".join(json.dumps(case) for case in cases) + "\n]}\n")
