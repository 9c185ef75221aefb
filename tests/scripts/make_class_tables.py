#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/segmentation/ade150.csv, the classes and colours of mmseg's ADE20KDataset, and tests/data/dataset/annotations/
instances_coco.json: made-up annotations of made-up images in the form of COCO's own file (order of the keys, polygons, crowds as run
lengths, ids with gaps), with all of its categories as mmdet's CocoDataset names them.
Usage: make_class_tables.py MMDETECTION MMSEGMENTATION (2.x and 0.x: their classes are read, not imported)"""
import ast
import json
import random
import re
import sys
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "data"
GAPS = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}  # ids that COCO never used


def constant(path, name):
    return ast.literal_eval(re.search(rf"    {name} = (.*?[\])])\n\n", Path(path).read_text(), re.S)[1])


def ade(mmseg):
    path = f"{mmseg}/mmseg/datasets/ade.py"
    rows = zip(constant(path, "CLASSES"), constant(path, "PALETTE"))
    lines = [f"{i + 1},{r},{g},{b},{name.strip()}" for i, (name, (r, g, b)) in enumerate(rows)]
    (DATA / "segmentation" / "ade150.csv").write_text("\n".join(["index,r,g,b,name"] + lines) + "\n")


def runs(rng, height, width):
    left, counts = height * width, []
    while left > 0:
        counts.append(min(left, rng.randint(1, height)))
        left -= counts[-1]
    return counts


def annotation(rng, id, image, category):
    crowd = id % 16 == 0
    x, y = rng.uniform(0, image["width"] - 40), rng.uniform(0, image["height"] - 40)
    w, h = rng.uniform(5, 40), rng.uniform(5, 40)
    corners = [round(v, 2) for v in (x, y, x + w, y, x + w, y + h, x, y + h)]
    segmentation = {"counts": runs(rng, image["height"], image["width"]),
                    "size": [image["height"], image["width"]]} if crowd else [corners]
    return {"segmentation": segmentation, "area": round(w * h, 4), "iscrowd": int(crowd), "image_id": image["id"],
            "bbox": [round(v, 2) for v in (x, y, w, h)], "category_id": category, "id": 900100000000 + id
            if crowd else 1000 + 7 * id}


def coco(mmdet):
    rng = random.Random(17)
    names = constant(f"{mmdet}/mmdet/datasets/coco.py", "CLASSES")
    ids = [i for i in range(1, 91) if i not in GAPS]
    images = [{"license": 1 + i % 8, "file_name": f"{id:012}.jpg", "coco_url": f"http://images.example/{id:012}.jpg",
               "height": 60 + 3 * i, "width": 90 - 2 * i,
               "date_captured": "2013-11-14 17:02:52", "flickr_url": "http://example/z.jpg", "id": id}
              for i, id in enumerate(rng.sample(range(1, 600000), 12))]
    # the last image has none
    annotations = [annotation(rng, k, images[rng.randrange(11)], ids[k % len(ids)]) for k in range(96)]
    whole = {"info": {"description": "made up", "version": "1.0", "year": 2017},
             "licenses": [{"url": "http://example/", "id": 1, "name": "none"}],
             "images": images, "annotations": annotations,
             "categories": [{"supercategory": "thing", "id": i, "name": name} for i, name in zip(ids, names)]}
    (DATA / "dataset" / "annotations" / "instances_coco.json").write_text(json.dumps(whole) + "\n")


coco(sys.argv[1])
ade(sys.argv[2])
