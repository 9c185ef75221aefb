#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/eval/imagenet_cases.json: scores with ties, labels and real labels, counted by numpy's stable argsort.
usage: make_imagenet_cases.py > tests/data/eval/imagenet_cases.json"""
import json

import numpy as np

cases = []
for seed, n, classes, step in ((1, 60, 12, 0), (2, 80, 7, 0.5), (3, 40, 3, 1.0), (4, 10, 1, 0)):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    logits = rng.normal(size=(n, classes)).astype(np.float32)
    logits[np.arange(n), labels] += 0.8
    if step:  # few values: many ties
        logits = (np.round(logits / step) * step).astype(np.float32)
    real = [sorted(set(rng.integers(0, classes, rng.integers(0, 3)).tolist())) for _ in range(n)]
    order = np.argsort(-logits, axis=1, kind="stable")
    top1 = order[:, 0] == labels
    top5 = (order[:, :5] == labels[:, None]).any(1)
    valid = [i for i in range(n) if real[i]]
    cases.append(dict(n=n, classes=classes, logits=[float(v) for v in logits.ravel()], labels=labels.tolist(),
                      real=real,
                      order=order[:, :5].ravel().tolist(),
                      class_top1=[int(top1[labels == k].sum()) for k in range(classes)],
                      class_top5=[int(top5[labels == k].sum()) for k in range(classes)],
                      totals=[int(top1.sum()), int(top5.sum()), len(valid),
                              sum(int(order[i, 0]) in real[i] for i in valid)],
                      mean=float(np.mean([top1[labels == k].mean() for k in range(classes) if (labels == k).any()]))))
print(json.dumps(cases, separators=(",", ":")))
