#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/boxes/boxes.json. Usage: make_boxes.py REFERENCE_DIR, where ops/ and heads/ hold reference outputs of the
official code as .safetensors. Needs torch and torchvision: NMS and overlaps on crowded boxes come from torchvision itself."""
import json, os, sys
import numpy as np
import torch
from torchvision.ops import nms, batched_nms, box_iou, generalized_box_iou
from tensor_files import load

reference, cases = sys.argv[1], []
def put(kind, number=0.0, **arrays):
    case = {"kind": kind, "number": number}
    case.update({k: [float("%.9g" % x) for x in np.asarray(v, dtype=np.float64).ravel()] for k, v in arrays.items()})
    cases.append(case)

for name, threshold in ("nms_05", 0.5), ("nms_07", 0.7), ("batched_nms", 0.5):
    t = load("%s/ops/%s.safetensors" % (reference, name))
    put("nms", threshold, boxes=t["input.boxes"], scores=t["input.scores"], labels=t.get("input.idxs", []),
        keep=t["output.keep"])

torch.manual_seed(7)
for n, classes, threshold in (300, 1, 0.5), (300, 5, 0.5), (200, 3, 0.3), (100, 2, 0.0):
    corner = torch.rand(n, 2) * 60
    boxes = torch.cat([corner, corner + torch.rand(n, 2) * 40], 1)
    boxes[:20] = boxes[20:40]                  # the same box twice
    boxes[40:45, 2:] = boxes[40:45, :2]        # empty boxes
    scores = (torch.rand(n) * 20).floor() / 20 # many ties
    labels = torch.randint(classes, (n,))
    order = torch.argsort(scores, descending=True, stable=True)
    # ties in the order given
    keep = order[batched_nms(boxes[order], torch.arange(n, 0, -1).float(), labels[order], threshold)]
    put("nms", threshold, boxes=boxes, scores=scores, labels=labels if classes > 1 else [], keep=keep)

a, b = (torch.rand(9, 4) * 50 for _ in "ab")
a[:, 2:] += a[:, :2]; b[:, 2:] += b[:, :2]
put("iou", a=a, b=b, out=box_iou(a, b))
put("giou", a=a, b=b, out=generalized_box_iou(a, b))

e = load("%s/heads/retinanet_on_input/expected.safetensors" % reference)
put("anchors", base=e["base_anchors"], grid=e["anchors_4"])

# Box coding written out in torch; the whole path from network outputs to boxes is tested with the RetinaNet head.
means, stds = torch.tensor([.01, -.02, .03, .04]), torch.tensor([.1, .1, .2, .2])
deltas = torch.randn(30, 4) * torch.tensor([3., 3., 12., 12.])
boxes = torch.rand(30, 4) * 50
boxes[:, 2:] += boxes[:, :2] + 1
d = deltas * stds + means
centre, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
limit = abs(np.log(16 / 1000))
def corners(centre, size, clip=True):
    out = torch.cat([centre - size / 2, centre + size / 2], 1)
    return torch.minimum(out.clamp(min=0), torch.tensor([90., 70., 90., 70.])) if clip else out
put("decode", boxes=boxes, deltas=deltas,
    out=corners(centre + size * d[:, :2], size * d[:, 2:].clamp(-limit, limit).exp()))
put("decode_ctr_clamp", boxes=boxes, deltas=deltas,
    out=corners(centre + (size * d[:, :2]).clamp(-8, 8), size * d[:, 2:].clamp(max=limit).exp()))
targets = boxes + torch.rand(30, 4)
t_centre, t_size = (targets[:, :2] + targets[:, 2:]) / 2, targets[:, 2:] - targets[:, :2]
put("encode", boxes=boxes, targets=targets,
    out=(torch.cat([(t_centre - centre) / size, (t_size / size).log()], 1) - means) / stds)

# Soft NMS: mmcv's loop, written out with plain numbers.
def soft_nms(boxes, scores, kind, threshold, sigma, min_score):
    live = [[float(s), i] for i, s in enumerate(scores)]
    i = 0
    while i < len(live):
        best = max(range(i, len(live)), key=lambda j: (live[j][0], -j))
        live[i], live[best] = live[best], live[i]
        j = i + 1
        while j < len(live):
            o = float(box_iou(boxes[live[i][1]][None], boxes[live[j][1]][None]))
            w = {"linear": 1 - o if o >= threshold else 1, "gaussian": np.exp(-o * o / sigma), "naive": 0
                 if o >= threshold else 1}[kind]
            live[j][0] = float(np.float32(live[j][0] * w))
            if live[j][0] < min_score:
                live[j] = live[-1]
                live.pop()
            else:
                j += 1
        i += 1
    return [l[1] for l in live], [l[0] for l in live]

corner = torch.rand(40, 2) * 30
boxes, scores = torch.cat([corner, corner + 5 + torch.rand(40, 2) * 25], 1), torch.rand(40)
for kind in "naive", "linear", "gaussian":
    keep, lowered = soft_nms(boxes, scores, kind, 0.3, 0.5, 0.05)
    put("soft_" + kind, 0.3, boxes=boxes, scores=scores, labels=[], keep=keep, lowered=lowered)

here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "..", "data", "boxes", "boxes.json"), "w") as out:
    json.dump(cases, out)
