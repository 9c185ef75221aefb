#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/eval/explain_masks.{gt,dt,expected}.json: a synthetic data set with every kind of error of masks, and what TIDE's own
toolbox (tidecv 1.0.1, https://github.com/dbolya/tide) says about it. IoUs of masks are counted here pixel by pixel, in the place of
pycocotools. usage: make_explain_masks.py FOLDER TIDE_CHECKOUT"""
import json
import os
import random
import sys
import types
import unittest.mock

import numpy as np

HEIGHT, WIDTH = 72, 96


def runs_of(mask):
    flat = mask.T.reshape(-1)  # column by column
    ends = np.flatnonzero(np.diff(np.concatenate([[0], flat, [2]])))
    return [int(n) for n in np.diff(np.concatenate([[0], ends]))]


def text_of(runs):
    out = ""
    for i, n in enumerate(runs):
        x, more = n - (runs[i - 2] if i > 2 else 0), True
        while more:
            c, x = x & 31, x >> 5
            more = x != (-1 if c & 16 else 0)
            out += chr((c | 32 if more else c) + 48)
    return out


def box_of(mask):
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return [int(columns[0]), int(rows[0]), int(columns[-1] - columns[0] + 1), int(rows[-1] - rows[0] + 1)]


def iou(dets, truths, crowd):
    out = np.zeros((len(dets), len(truths)))
    for i, d in enumerate(dets):
        for j, g in enumerate(truths):
            both = int((d & g).sum())
            out[i, j] = both / (int(d.sum()) if crowd[j] else int((d | g).sum()))
    return out


def blob(rng, x, y, w, h):
    yy, xx = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    inside = (np.abs(xx - x) / (w / 2)) ** 2.5 + (np.abs(yy - y) / (h / 2)) ** 2.5 < 1
    if rng.random() < 0.3:  # a bite out of it: the box says little about the mask
        inside &= ~((xx > x) & (yy > y))
    return inside.astype(np.uint8)


def make(rng):
    images, truths, dets = [], [], []
    for i in range(30):
        images.append(dict(id=7 + 2 * i, file_name="%04d.png" % i, width=WIDTH, height=HEIGHT))
        for _ in range(rng.randint(0, 5)):
            shape = [rng.uniform(20, 76), rng.uniform(16, 56), rng.uniform(8, 50), rng.uniform(8, 44)]
            truth = dict(image=images[-1]["id"], cls=rng.randint(1, 3), mask=blob(rng, *shape),
                         crowd=rng.random() < 0.08)
            truths.append(truth)
            for _ in range(rng.choice([0, 1, 1, 2, 3])):
                s = rng.choice([0.02, 0.1, 0.3, 0.6])
                near = [shape[0] + rng.uniform(-s, s) * shape[2], shape[1] + rng.uniform(-s, s) * shape[3],
                        shape[2] * (1 + rng.uniform(-s, s)), shape[3] * (1 + rng.uniform(-s, s))]
                dets.append(dict(image=truth["image"], cls=truth["cls"] if rng.random() < 0.8 else rng.randint(1, 4),
                                 mask=blob(rng, *near), score=round(rng.random(), 3)))
        for _ in range(rng.randint(0, 2)):
            dets.append(dict(image=images[-1]["id"], cls=rng.randint(1, 4),
                             mask=blob(rng, rng.uniform(10, 86), rng.uniform(10, 62), 12, 12),
                             score=round(rng.random() ** 3, 3)))
    return images, truths, [d for d in dets if d["mask"].any()]


def toolbox(path, images, truths, dets):
    for name in "matplotlib", "matplotlib.pyplot", "matplotlib.lines", "seaborn", "pandas", "cv2", "appdirs", "requests", "pycocotools":
        sys.modules[name] = unittest.mock.MagicMock()
    sys.modules["pycocotools.mask"] = sys.modules["pycocotools"].mask = types.SimpleNamespace(iou=iou)
    for name in "plotting", "datasets":
        sys.modules["tidecv." + name] = unittest.mock.MagicMock()
    sys.path.insert(0, path)
    package = types.ModuleType("tidecv")
    package.__path__ = [os.path.join(path, "tidecv")]
    sys.modules["tidecv"] = package
    sys.modules["tidecv"].plotting = sys.modules["tidecv.plotting"]
    from tidecv.data import Data
    from tidecv.quantify import TIDE
    gt, dt = Data("gt"), Data("dt")
    for k in range(1, 5):
        gt.add_class(k, str(k))
    for image in images:
        gt.add_image(image["id"], image["file_name"])
    for t in truths:
        (gt.add_ignore_region if t["crowd"] else gt.add_ground_truth)(t["image"], t["cls"], None, t["mask"])
    for d in dets:
        dt.add_detection(d["image"], d["cls"], d["score"], None, d["mask"])
    tide = TIDE()
    run = tide.evaluate(gt, dt, mode=TIDE.MASK)
    kinds = {e.short_name: e for e in TIDE._error_types}
    order = ["Cls", "Loc", "Both", "Dupe", "Bkg", "Miss"]
    main, special = run.fix_main_errors(), run.fix_special_errors()
    return dict(ap50=run.ap / 100, cost=[main[kinds[k]] / 100 for k in order],
                count=[len(run.error_dict[kinds[k]]) for k in order],
                **{name: {e.short_name: v for e, v in special.items()}[key] / 100
                   for name, key in (("false_positives", "FalsePos"), ("false_negatives", "FalseNeg"))})


def main():
    images, truths, dets = make(random.Random(4))
    expected = toolbox(sys.argv[2], images, truths, dets)
    gt = dict(images=images, categories=[dict(id=k, name="kind %d" % k) for k in range(1, 5)],
              annotations=[dict(id=i + 1, image_id=t["image"], category_id=t["cls"], bbox=box_of(t["mask"]),
                                area=int(t["mask"].sum()), iscrowd=int(t["crowd"]),
                                segmentation=dict(size=[HEIGHT, WIDTH], counts=runs_of(t["mask"])))
                                for i, t in enumerate(truths)])
    dt = [dict(image_id=d["image"], category_id=d["cls"], score=d["score"],
               segmentation=dict(size=[HEIGHT, WIDTH], counts=text_of(runs_of(d["mask"])))) for d in dets]
    for name, value in (("gt", gt), ("dt", dt), ("expected", expected)):
        with open(sys.argv[1] + "/explain_masks.%s.json" % name, "w") as f:
            json.dump(value, f, separators=(",", ":"))
            f.write("\n")


main()
