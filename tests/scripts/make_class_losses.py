#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes OUT_DIR/class_losses.safetensors: class losses of mmdet's BBoxHead in float64, and the scores that it makes of the same numbers:
for each case NAME.scores, .labels, .weights, .seen (before), .seen_after, .loss_*, .acc*, .gradient, .probabilities; the metadata has each loss.
Usage: make_class_losses.py OUT_DIR, with mmdet 3.3 installed."""
import json
import os
import sys

import torch
import tensor_files
from mmdet.registry import MODELS
from mmdet.utils import register_all_modules
from mmengine.config import ConfigDict

CLASSES, ROWS = 5, 12
SEESAW = dict(type="SeesawLoss", num_classes=CLASSES)
CASES = {
    "seesaw": dict(SEESAW, loss_weight=1.5),
    "seesaw_sum": dict(SEESAW, p=0.5, q=1.0, eps=0.3, return_dict=False),
    "seesaw_plain": dict(SEESAW, p=0, q=0),
    "seesaw_background": dict(SEESAW),
    "custom": dict(type="CrossEntropyCustomLoss", num_classes=CLASSES, use_sigmoid=True),
    "custom_softmax": dict(type="CrossEntropyCustomLoss", num_classes=CLASSES, loss_weight=0.5),
    "sigmoid": dict(type="CrossEntropyLoss", use_sigmoid=True),
    "softmax": dict(type="CrossEntropyLoss", class_weight=[1.0, 2.0, 0.5, 1.0, 3.0, 0.25]),
}

register_all_modules(init_default_scope=True)
torch.set_default_dtype(torch.float64)
torch.Tensor.float = torch.Tensor.double # the losses ask for float32 here and there
torch.manual_seed(3)
tensors = {}
for name, loss in CASES.items():
    head = MODELS.build(ConfigDict(type="BBoxHead", num_classes=CLASSES, in_channels=4, roi_feat_size=1,
                                   loss_cls=loss)).double()
    columns = head.fc_cls.out_features
    scores = (torch.randn(ROWS, columns) * 2).requires_grad_()
    labels = torch.randint(0, CLASSES + 1, (ROWS,))
    if name == "seesaw_background":
        labels[:] = CLASSES
    weights = torch.rand(ROWS) + 0.5
    weights[3] = 0
    t = dict(scores=scores.detach(), labels=labels, weights=weights)
    if hasattr(head.loss_cls, "cum_samples"):
        head.loss_cls.cum_samples = torch.tensor([40.0, 3.0, 0.0, 700.0, 12.0, 5000.0])
        t["seen"] = head.loss_cls.cum_samples.clone()
    losses = head.loss(scores, None, torch.zeros(ROWS, 5), labels, weights, None, None)
    sum(v for k, v in losses.items() if k.startswith("loss")).backward()
    t.update({k: v.detach().reshape(()) for k, v in losses.items()}, gradient=scores.grad)
    if "seen" in t:
        t["seen_after"] = head.loss_cls.cum_samples
    rois = torch.tensor([[0, 0, 0, 8.0, 8.0]]).repeat(ROWS, 1)
    found = head._predict_by_feat_single(rois, scores.detach(), torch.zeros(ROWS, 4 * CLASSES),
                                         dict(img_shape=(16, 16)))
    t["probabilities"] = found.scores
    tensors.update({f"{name}.{k}": v for k, v in t.items()})
tensor_files.save(os.path.join(sys.argv[1], "class_losses.safetensors"), tensors, {"losses": json.dumps(CASES)})
