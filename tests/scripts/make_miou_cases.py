#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/eval/miou_cases.json: random label maps and their scores by mmseg's formulas (numpy, float64), with Boundary IoU
by cv2.erode, class by class, as the paper's code does it. usage: make_miou_cases.py > tests/data/eval/miou_cases.json"""
import json

import cv2
import numpy as np


def blobs(rng, h, w, values, cell):
    small = rng.choice(values, size=((h + cell - 1) // cell, (w + cell - 1) // cell))
    return np.kron(small, np.ones((cell, cell), int))[:h, :w].astype(np.uint8)


def reduced(label, reduce):
    label = label.astype(int)
    if reduce:
        label = np.where(label == 0, 255, label - 1)
        label = np.where(label == 254, 255, label)
    return label


def histogram(values, classes, open_last_bin):
    if open_last_bin:  # torch.histc(bins=classes, min=0, max=classes - 1)
        values = values[values < classes]
    return np.histogram(values, bins=np.arange(classes + 1))[0]


def boundary(mask, d):
    padded = cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    return mask & ~cv2.erode(padded, np.ones((3, 3), np.uint8), iterations=d)[1:-1, 1:-1].astype(bool)


def score(c, pairs):
    k = c["classes"]
    inter, pred_area, label_area = np.zeros(k), np.zeros(k), np.zeros(k)
    b_inter, b_union = np.zeros(k), np.zeros(k)
    for gt, pred in pairs:
        label, pred = reduced(gt, c["reduce_zero_label"]), pred.astype(int)
        keep = label != c["ignore_index"]
        p, l = pred[keep], label[keep]
        inter += histogram(p[p == l], k, c["open_last_bin"])
        pred_area += histogram(p, k, c["open_last_bin"])
        label_area += histogram(l, k, c["open_last_bin"])
        d = max(1, int(round(c["ratio"] * np.sqrt(gt.shape[0] ** 2 + gt.shape[1] ** 2))))
        for i in range(k):
            # two stored labels that become one (0 and 255) are both ignored, so label == i is one stored value
            bl, bp = boundary(label == i, d) & keep, boundary(pred == i, d) & keep
            b_inter[i] += (bl & bp).sum()
            b_union[i] += (bl | bp).sum()
    with np.errstate(all="ignore"):
        precision, recall = inter / pred_area, inter / label_area
        b2 = c["beta"] ** 2
        out = {"IoU": inter / (pred_area + label_area - inter), "Acc": recall,
               "Dice": 2 * inter / (pred_area + label_area),
               "Fscore": (1 + b2) * (precision * recall) / (b2 * precision + recall), "Precision": precision,
               "Recall": recall,
               "BoundaryIoU": b_inter / b_union}
        if c["nan_to_num"] is not None:
            out = {key: np.nan_to_num(x, nan=c["nan_to_num"]) for key, x in out.items()}
        means = [inter.sum() / label_area.sum()] + [np.nanmean(out[key]) for key in out]
    return out, means


def plain(x):
    return [None if np.isnan(v) else float(v) for v in x]


def case(name, seed, classes, values, pred_values, h, w, n, **options):
    rng = np.random.default_rng(seed)
    c = dict(name=name, classes=classes, ignore_index=255, reduce_zero_label=False, open_last_bin=False, beta=1.0,
             ratio=0.02, nan_to_num=None,
             height=h, width=w)
    c.update(options)
    pairs = []
    for i in range(n):
        gt, pred = blobs(rng, h, w, values, 5), blobs(rng, h, w, pred_values, 4)
        match = blobs(rng, h, w, [0, 1, 1], 7)
        usable = np.isin(gt, [v + int(c["reduce_zero_label"]) for v in pred_values])
        pred = np.where((match == 1) & usable, gt - int(c["reduce_zero_label"]), pred).astype(np.uint8)
        pairs.append((gt, pred))
    out, means = score(c, pairs)
    c.update({key: plain(x) for key, x in out.items()}, means=plain(means))
    c["gt"] = [int(v) for gt, _ in pairs for v in gt.ravel()]
    c["pred"] = [int(v) for _, pred in pairs for v in pred.ravel()]
    return c


def main():
    cases = [
        case("plain", 1, 4, [0, 1, 2, 3], [0, 1, 2, 3], 23, 31, 3),
        case("reduced", 2, 5, [0, 1, 2, 3, 4, 5, 255], [0, 1, 2, 3, 4], 40, 33, 2, reduce_zero_label=True, beta=2.0,
             ratio=0.05),
        case("absent", 3, 9, [1, 2, 5, 255], [1, 2, 3], 30, 30, 2, ratio=0.1),
        case("nan to num", 3, 9, [1, 2, 5, 255], [1, 2, 3], 30, 30, 2, nan_to_num=0.0, ratio=0.1),
        case("closed bin", 4, 4, [0, 1, 2, 3, 4, 7], [0, 1, 2, 3, 4, 9], 25, 26, 2, ratio=0.0),
        case("open bin", 4, 4, [0, 1, 2, 3, 4, 7], [0, 1, 2, 3, 4, 9], 25, 26, 2, open_last_bin=True, ratio=0.02),
        case("another ignored", 5, 6, [0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 5], 64, 48, 1, ignore_index=3, beta=0.5,
             ratio=0.03),
        case("one row", 6, 3, [0, 1, 2], [0, 1, 2], 1, 50, 1),
    ]
    for c in cases:
        if c["ratio"] == 0.0:
            c["BoundaryIoU"] = [None] * c["classes"]
            c["means"][7] = None
    print("[" + ",\n".join(json.dumps(c) for c in cases) + "]")


main()
