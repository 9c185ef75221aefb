#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/eval/slices.gt.json, image records of explain.gt.json with more keys, and slices.expected.txt: a line for each slice with
its key, name, images, AP, AP50 and AR of 100 detections, tabs between them, by pycocotools. Slices of images are scored with imgIds; those of objects
with areaRng after `area` was replaced by what the slice is about. usage: make_slices.py tests/data/eval"""
import contextlib
import io
import json
import random
import sys

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

folder = sys.argv[1]
gt, dt = json.load(open(folder + "/explain.gt.json")), json.load(open(folder + "/explain.dt.json"))


def iou(a, b):
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return w * h / (a[2] * a[3] + b[2] * b[3] - w * h) if w > 0 and h > 0 else 0.0


def aspect(box, others, itself):
    return box[2] / box[3] if box[3] > 0 else float("inf")


def crowding(box, others, itself):
    """The largest overlap with another object; of a detection, which may lie on an object, the second one."""
    overlaps = sorted((iou(box, o["bbox"]) for o in others if not o["iscrowd"] and o["id"] != itself),
                      reverse=True) + [0.0, 0.0]
    return overlaps[1] if itself is None else overlaps[0]


def score(ids=None, measure=None, span=(0, 1e10)):
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = json.loads(json.dumps(gt))
        truth.createIndex()
        found = truth.loadRes(json.loads(json.dumps(dt)))
        others = {i["id"]: [a for a in gt["annotations"] if a["image_id"] == i["id"]] for i in gt["images"]}
        for a in truth.dataset["annotations"] if measure else []:
            a["area"] = measure(a["bbox"], others[a["image_id"]], a["id"])
        for a in found.dataset["annotations"] if measure else []:
            a["area"] = measure(a["bbox"], others[a["image_id"]], None)
        e = COCOeval(truth, found, "bbox")
        e.params.imgIds = ids or e.params.imgIds
        e.params.areaRng, e.params.areaRngLbl = [list(span)], ["all"]
        e.evaluate()
        e.accumulate()
    precision, recall = e.eval["precision"][:, :, :, 0, -1], e.eval["recall"][:, :, 0, -1]
    return [float(np.mean(v[v > -1])) if (v > -1).any() else -1.0 for v in (precision, precision[0], recall)]


def main():
    rng = random.Random(11)
    records = []
    for image in gt["images"]:
        record = dict(image, camera=dict(id=rng.choice([1, 2]), lens=dict(focal=round(rng.uniform(10, 90), 1))),
                      tags=[t for t in ("rain", "fog & <sun>") if rng.random() < 0.4])
        if rng.random() < 0.8:
            record["night"] = rng.random() < 0.5
        records.append(record)
    with open(folder + "/slices.gt.json", "w") as f:
        json.dump(dict(info=dict(images=[1, {"id": 2}]), images=records, annotations=[], categories=[]), f,
                  separators=(",", ":"))
        f.write("\n")
    slices = [("", "everything", None, score())]
    for name, span in (("small", (0, 1024)), ("medium", (1024, 9216)), ("large", (9216, 1e10))):
        slices.append(("area", name, None, score(span=span)))
    for name, span in (("tall", (0, 0.5)), ("neither", (0.5, 2)), ("wide", (2, float("inf")))):
        slices.append(("aspect", name, None, score(measure=aspect, span=span)))
    for name, span in (("alone", (0, 0.1)), ("touched", (0.1, 0.3)), ("crowded", (0.3, 1))):
        slices.append(("crowding", name, None, score(measure=crowding, span=span)))
    per_image = {r["id"]: sum(a["image_id"] == r["id"] for a in gt["annotations"]) for r in records}

    def images(key, name, keep):
        ids = [r["id"] for r in records if keep(r)]
        if ids:
            slices.append((key, name, len(ids), score(ids)))
    for low, high in ((1, 3), (4, 10)):
        images("objects in the image", "%d to %d" % (low, high), lambda r: low <= per_image[r["id"]] <= high)
    for value in (1, 2):
        images("camera.id", str(value), lambda r: r["camera"]["id"] == value)
    focal = sorted(r["camera"]["lens"]["focal"] for r in records)
    at = 0
    for quarter in range(1, 5):
        end = len(focal) * quarter // 4
        while end < len(focal) and focal[end] == focal[end - 1]:
            end += 1
        part = focal[at:end]
        at = end
        images("camera.lens.focal", "%.6g to %.6g" % (part[0], part[-1]),
               lambda r: part[0] <= r["camera"]["lens"]["focal"] <= part[-1])
    for value, name in ((False, "false"), (True, "true"), (None, "not given")):
        images("night", name, lambda r: r.get("night") is value)
    for tag in ("fog & <sun>", "rain"):
        images("tags", tag, lambda r: tag in r["tags"])
    images("tags", "not given", lambda r: not r["tags"])
    with open(folder + "/slices.expected.txt", "w") as f:
        for key, name, n, values in slices:
            f.write("%s\t%s\t%d\t%s\n" % (key, name, -1 if n is None else n, "\t".join("%.17g" % v for v in values)))


main()
