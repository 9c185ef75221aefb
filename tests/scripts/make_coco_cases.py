#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Copies cases of the reference outputs (pycocotools 2.0.11) into tests/data/eval: boxes without the masks that they do not need, masks.
Usage: make_coco_cases.py REFERENCE_DIR"""
import json, os, sys

here = os.path.dirname(os.path.abspath(__file__))
out = os.path.join(here, "..", "data", "eval")
os.makedirs(out, exist_ok=True)

def write(name, kind, value):
    with open(os.path.join(out, "%s.%s.json" % (name, kind)), "w") as file:
        json.dump(value, file, separators=(",", ":"))

for case, name in ("02_crowd", "crowd"), ("06_score_ties", "score_ties"), ("13_custom_params", "custom_params"):
    folder = os.path.join(sys.argv[1], "eval", case)
    gt, dt, expected = (json.load(open(os.path.join(folder, file))) for file in ("gt.json", "dt.json", "expected.json"))
    keep = "id", "image_id", "category_id", "bbox", "area", "iscrowd"
    write(name, "gt", {"images": [{"id": i["id"]} for i in gt["images"]],
                       "annotations": [{k: a[k] for k in keep if k in a} for a in gt["annotations"]],
                       "categories": [{"id": c["id"], "name": c.get("name", "")} for c in gt["categories"]]})
    write(name, "dt", [{k: v for k, v in d.items() if k != "segmentation"} for d in dt])
    box = expected["bbox"]
    write(name, "expected", {"stats": box["stats_numpy23"], "table": box["summary_text"],
                             "per_class": [-1 if ap is None else ap for ap in box["per_category_ap"].values()],
                             **{"sha256_" + k: box["sha256_" + k] for k in ("precision", "recall", "scores")}})

# Masks: every fourth polygon, and the small ones of the rest.
masks = json.load(open(os.path.join(sys.argv[1], "eval", "masks", "cases.json")))
masks["polygons"] = masks["polygons"][::4]
masks["rle"] = [c for c in masks["rle"] if len(c["counts"]) < 2000]
masks["mask_iou"] = masks["mask_iou"][:6]
with open(os.path.join(out, "masks.json"), "w") as file:
    json.dump(masks, file, separators=(",", ":"))

for case, name in ("02_crowd", "crowd_masks"), ("11_rle_mix", "rle_mix"):
    folder = os.path.join(sys.argv[1], "eval", case)
    expected = json.load(open(os.path.join(folder, "expected.json")))
    segm = expected["segm"]
    for kind, file in ("gt", "gt.json"), ("dt", segm["dt_file"]):
        write(name, kind, json.load(open(os.path.join(folder, file))))
    write(name, "expected", {"stats": segm["stats_numpy23"], "table": segm["summary_text"],
                             "per_class": [-1 if ap is None else ap for ap in segm["per_category_ap"].values()],
                             **{"sha256_" + k: segm["sha256_" + k] for k in ("precision", "recall", "scores")}})
