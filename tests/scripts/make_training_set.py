#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Annotations with everything that training leaves out, and what mmdetection 2.11 makes of them.

    make_training_set.py OUT      writes objects.json and expected.txt

The rules are the lines of CocoDataset._filter_imgs, CocoDataset._parse_ann_info and
ClassBalancedDataset._get_repeat_factors, copied. Needs nothing but Python.
"""
import json
import math
import random
import sys
from collections import defaultdict

CLASSES = ("cell", "plate", "spot")


def make(rng):
    images, annotations = [], []
    for i in range(14):
        width, height = rng.choice([(40, 60), (64, 48), (50, 50), (31, 80)])
        images.append(dict(id=100 - i, file_name=f"{i:02d}.png", width=width, height=height))
        for _ in range(rng.choice([0, 1, 2, 4])):
            x, y = rng.uniform(-5, width - 3), rng.uniform(-5, height - 3)
            box = [round(v, 2) for v in (x, y, rng.uniform(0.2, 30), rng.uniform(0.2, 30))]
            if rng.random() < 0.1:
                box[0] = width + 3
            annotation = dict(id=len(annotations) + 1, image_id=100 - i, bbox=box, iscrowd=int(rng.random() < 0.15),
                              category_id=rng.choices([7, 3, 5, 9], [8, 2, 1, 1])[0], area=round(box[2] * box[3], 2))
            if rng.random() < 0.1:
                annotation["ignore"] = 1
            if rng.random() < 0.1:
                annotation["area"] = 0
            annotations.append(annotation)
    categories = [dict(id=i, name=n) for i, n in ((7, "cell"), (3, "plate"), (5, "spot"), (9, "other"))]
    return dict(images=images, annotations=annotations, categories=categories)


def filtered(data, by_image, cat_ids, filter_empty_gt, min_size):
    ids_with_ann = {a["image_id"] for a in data["annotations"]}
    ids_in_cat = {a["image_id"] for a in data["annotations"] if a["category_id"] in cat_ids} & ids_with_ann
    for info in data["images"]:
        if filter_empty_gt and info["id"] not in ids_in_cat:
            continue
        if min(info["width"], info["height"]) >= min_size:
            yield info


def parsed(info, anns, cat_ids):
    for ann in anns:
        if ann.get("ignore", False):
            continue
        x1, y1, w, h = ann["bbox"]
        inter_w = max(0, min(x1 + w, info["width"]) - max(x1, 0))
        inter_h = max(0, min(y1 + h, info["height"]) - max(y1, 0))
        if inter_w * inter_h == 0:
            continue
        if ann["area"] <= 0 or w < 1 or h < 1:
            continue
        if ann["category_id"] not in cat_ids:
            continue
        yield ann


def repeats(categories, thr, filter_empty_gt):
    freq, n = defaultdict(int), len(categories)
    sets = [set(c) if c or filter_empty_gt else {-1} for c in categories]
    for cats in sets:
        for c in cats:
            freq[c] += 1
    repeat = {c: max(1.0, math.sqrt(thr / (v / n))) for c, v in freq.items()}
    return [math.ceil(max({repeat[c] for c in cats})) if cats else 1 for cats in sets]


def main(folder):
    data = make(random.Random(5))
    with open(f"{folder}/objects.json", "w") as f:
        json.dump(data, f, separators=(",", ":"))
    by_image = defaultdict(list)
    for a in data["annotations"]:
        by_image[a["image_id"]].append(a)
    cat_ids = [c["id"] for c in data["categories"] if c["name"] in CLASSES]
    with open(f"{folder}/expected.txt", "w") as f:
        for filter_empty, min_size in ((True, 32), (False, 32), (False, 0), (True, 45)):
            infos = list(filtered(data, by_image, cat_ids, filter_empty, min_size))
            print(int(filter_empty), min_size, len(infos), file=f)
            both = [[a["category_id"] for a in by_image[i["id"]]] for i in infos]
            learnt = [[a["category_id"] for a in parsed(i, by_image[i["id"]], cat_ids)] for i in infos]
            for thr in (0.4, 0.9):
                print(thr, *repeats(both, thr, filter_empty), *repeats(learnt, thr, filter_empty), file=f)
            for info in infos:
                anns = list(parsed(info, by_image[info["id"]], cat_ids))
                print(info["file_name"], len(anns), file=f)
                for a in anns:
                    print(a["id"], cat_ids.index(a["category_id"]), a["iscrowd"], file=f)


main(sys.argv[1])
