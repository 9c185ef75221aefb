#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/eval/compare.{gt,dt}.json: the data set explain.* with each image as often as compare.weights.json says, as images of
their own, so that an ordinary evaluation gives what a bootstrap sample must give. usage: make_compare_cases.py tests/data/eval"""
import json
import random
import sys

folder = sys.argv[1]
gt, dt = json.load(open(folder + "/explain.gt.json")), json.load(open(folder + "/explain.dt.json"))
rng = random.Random(3)
images = sorted(i["id"] for i in gt["images"])
weights = [rng.choice([0, 0, 1, 1, 2, 3]) for _ in images]
weight = dict(zip(images, weights))
out = dict(images=[dict(i, id=10 * i["id"] + c) for i in gt["images"] for c in range(weight[i["id"]])],
           categories=gt["categories"], annotations=[])
for a in gt["annotations"]:
    for c in range(weight[a["image_id"]]):
        out["annotations"].append(dict(a, id=len(out["annotations"]) + 1, image_id=10 * a["image_id"] + c))
results = [dict(d, image_id=10 * d["image_id"] + c) for d in dt for c in range(weight[d["image_id"]])]
for name, value in (("gt", out), ("dt", results), ("weights", weights)):
    with open(folder + "/compare.%s.json" % name, "w") as f:
        json.dump(value, f, separators=(",", ":"))
        f.write("\n")
