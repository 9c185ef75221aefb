#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/boxes/nms.json: what mmcv's batched_nms() keeps of random boxes, and with which scores: hard and soft, with and without
class_agnostic, from split_thr boxes on and below, with ties and with boxes of whole pixels. The loops of mmcv 1.7 are written
out here with float32 numbers, one operation at a time.
Usage: make_nms.py; needs numpy."""
import json
import os

import numpy as np

F = np.float32
KINDS = ["nms", "naive", "linear", "gaussian"]


def area(b, offset):
    return F(F(b[2] - b[0] + F(offset)) * F(b[3] - b[1] + F(offset)))


def iou(a, b, offset):
    w = max(F(0), F(F(min(a[2], b[2]) - max(a[0], b[0])) + F(offset)))
    h = max(F(0), F(F(min(a[3], b[3]) - max(a[1], b[1])) + F(offset)))
    with np.errstate(all="ignore"):
        return F(F(w * h) / F(F(area(a, offset) + area(b, offset)) - F(w * h)))


def hard(boxes, scores, o):
    keep = []
    for i in np.argsort(-scores, kind="stable"):
        if not any(iou(boxes[k], boxes[i], o["offset"]) > F(o["iou_threshold"]) for k in keep):
            keep.append(i)
    return np.array(keep, int), scores[keep]


def weight(o, overlap):
    if o["kind"] == "gaussian":
        return F(np.exp(F(-F(overlap * overlap) / F(o["sigma"]))))
    if not overlap >= F(o["iou_threshold"]):
        return F(1)
    return F(0) if o["kind"] == "naive" else F(1) - overlap


def soft(boxes, scores, o):
    live = [[s, i] for i, s in enumerate(scores)]
    i = 0
    while i < len(live):
        best = max(range(i, len(live)), key=lambda j: (live[j][0], -j))
        live[i], live[best] = live[best], live[i]
        j = i + 1
        while j < len(live):
            live[j][0] = F(live[j][0] * weight(o, iou(boxes[live[i][1]], boxes[live[j][1]], o["offset"])))
            if live[j][0] < F(o["min_score"]):
                last = live.pop()
                if j < len(live):
                    live[j] = last
            else:
                j += 1
        i += 1
    return np.array([l[1] for l in live], int), np.array([l[0] for l in live], F)


def batched(boxes, scores, labels, o):
    op = hard if o["kind"] == "nms" else soft
    spread = boxes if o["class_agnostic"] else boxes + (labels.astype(F) * (boxes.max() + F(1)))[:, None]
    if len(boxes) < o["split_thr"]:
        keep, lowered = op(spread, scores, o)
    else:
        after, kept = np.zeros_like(scores), np.zeros(len(scores), bool)
        for label in np.unique(labels):
            mine = np.nonzero(labels == label)[0]
            keep, lowered = op(spread[mine], scores[mine], o)
            kept[mine[keep]] = True
            after[mine[keep]] = lowered
        keep = np.nonzero(kept)[0]
        keep = keep[np.argsort(-after[keep], kind="stable")]
        lowered = after[keep]
    most = o["max_num"] if o["max_num"] > 0 else len(keep)
    return keep[:most], lowered[:most]


def case(r, t):
    n = int(r.choice([1, 2, 9, 24, 31]))
    corner, size = (r.random((n, 2)) * 30).astype(F), (r.random((n, 2)) * 25).astype(F)
    if t % 3 == 0:
        corner, size = np.floor(corner), np.floor(size)
    if KINDS[t % 4] == "gaussian":
        size = np.maximum(size, F(1))                                            # two empty boxes would give NaN
    boxes = np.concatenate([corner, corner + size], 1).astype(F) - F(10 if t % 5 == 0 else 0)
    boxes = np.round(boxes * 8) / 8                                              # short numbers in the file
    scores = (np.floor(r.random(n) * (15 if t % 2 else 128)) / (15 if t % 2 else 128)).astype(F)
    labels = r.integers(0, r.integers(1, 5), n)
    o = dict(kind=KINDS[t % 4], iou_threshold=float(r.choice([0.1, 0.3, 0.5, 0.7])), class_agnostic=bool(t // 4 % 2),
             sigma=0.5,
             max_num=int(r.choice([-1, 5])), split_thr=int(r.choice([0, n, n + 1, 10000])),
             min_score=float(r.choice([0.001, 0.05])),
             offset=int(r.integers(0, 2)))
    keep, lowered = batched(boxes, scores, labels, o)
    numbers = [KINDS.index(o["kind"])] + [float(o[k])
                                          for k in ("iou_threshold", "class_agnostic", "max_num", "split_thr", "sigma",
                                                                "min_score", "offset")]
    short = lambda a: [float("%.9g" % x) for x in np.asarray(a, float).ravel()]
    return dict(kind="batched", options=numbers, boxes=short(boxes), scores=short(scores), labels=labels.tolist(),
                keep=keep.tolist(),
                lowered=short(lowered))


def main():
    r = np.random.default_rng(11)
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "..", "data", "boxes", "nms.json"), "w") as out:
        json.dump([case(r, t) for t in range(96)], out, separators=(",", ":"))


if __name__ == "__main__":
    main()
