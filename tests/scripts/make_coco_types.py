#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/eval/TYPE.{gt.json,dt.json,want.txt} for the types of COCO's family beside boxes and masks: keypoints, crowdpose, boundary and obb.
Usage: make_coco_types.py. Needs pycocotools 2.0.11, crowdposetools (Jeff-sjtu/CrowdPose), boundary_iou (bowenc0221/boundary-iou-api) and
opencv for it, shapely 2. They give the stats, with numpy 2.3 or later."""
import contextlib, copy, hashlib, io, json, math, os, random, tempfile
import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from pycocotools import mask as masks


# ---- ground truth and results ----

def number(rng, low, high):
    return rng.choice([float(rng.randint(low, high)), round(rng.uniform(low, high), 2)])


def images_of(rng, n, most):
    ids = rng.sample([i + rng.choice([0, 1 << 31]) for i in range(3, 900)], n)
    return [{"id": i, "width": rng.randint(30, most), "height": rng.randint(30, most)} for i in ids]


def box_in(rng, image):
    w, h = number(rng, 2, image["width"]), number(rng, 2, image["height"])
    return [number(rng, -3, image["width"] - 2), number(rng, -3, image["height"] - 2), w, h]


def keypoints_in(rng, box, n, labelled):
    points = []
    for _ in range(n):
        v = rng.choice([0, 1, 2, 2]) if labelled else 0
        points += [round(box[0] + rng.random() * box[2], 2), round(box[1] + rng.random() * box[3], 2),
                   v] if v else [0, 0, 0]
    return points


def moved_keypoints(rng, points, box, spread):
    out = []
    for i in range(0, len(points), 3):
        x, y = points[i:i + 2] if points[i + 2] else (box[0] + rng.random() * box[2], box[1] + rng.random() * box[3])
        out += [round(x + rng.gauss(0, spread * box[2]), 2), round(y + rng.gauss(0, spread * box[3]), 2),
                round(rng.random(), 2)]
    return out


def score(rng):
    return rng.choice([rng.randint(0, 9) / 10, round(rng.random(), 4)])


def make_keypoints(rng, n_points, crowdpose):
    images = images_of(rng, rng.randint(3, 12), 200)
    categories = [1] if crowdpose else rng.sample(range(1, 30), rng.randint(1, 3))
    truths, found = [], []
    for image in images:
        image["crowdIndex"] = rng.choice([0, .2, .8, 1, round(rng.random(), 3)])
        for _ in range(rng.choice([0, 1, 3, 6])):
            box = box_in(rng, image)
            points = keypoints_in(rng, box, n_points, rng.random() < .85)
            n = sum(v > 0 for v in points[2::3])
            g = {"id": len(truths) + 1, "image_id": image["id"], "category_id": rng.choice(categories), "bbox": box,
                 "area": rng.choice([1024, 9216, round(box[2] * box[3] * .6, 3)]), "iscrowd": int(rng.random() < .1),
                 "num_keypoints": rng.choice([n, n, n, n, 0]), "keypoints": points}
            if crowdpose:
                del g["area"]
            truths.append(g)
            for _ in range(rng.choice([0, 1, 1, 2, 4, 8])):
                found.append({"image_id": image["id"],
                              "category_id": rng.choice([g["category_id"], rng.choice(categories)]),
                              "keypoints": moved_keypoints(rng, points, box, rng.choice([.01, .03, .1, .5])),
                              "score": score(rng)})
                if rng.random() < .05:
                    found[-1]["keypoints"] = [x for i in range(n_points) for x in points[3 * i:3 * i + 2] + [1]]
    if rng.random() < .3:
        for d in found:
            d["bbox"] = [d["keypoints"][0], d["keypoints"][1], number(rng, 1, 90), number(rng, 1, 90)]
    return images, categories + ([] if crowdpose else [77]), truths, found


def polygon_in(rng, image):
    cx, cy = rng.uniform(0, image["width"]), rng.uniform(0, image["height"])
    r = rng.uniform(2, max(image["width"], image["height"]) * .6)
    n = rng.randint(3, 12)
    points = []
    for i in range(n):
        a, s = 2 * math.pi * i / n, r * rng.uniform(.4, 1)
        points += [round(min(max(cx + s * math.cos(a), 0), image["width"]), 2),
                   round(min(max(cy + s * math.sin(a), 0), image["height"]), 2)]
    return points


def runs_of(image, polygons):
    return masks.merge(masks.frPyObjects(polygons, image["height"], image["width"]))


def as_text(runs):
    return {"size": runs["size"], "counts": runs["counts"].decode()}


def make_boundary(rng):
    images = images_of(rng, rng.randint(3, 9), rng.choice([40, 120, 400]))
    categories = rng.sample(range(1, 30), rng.randint(1, 4))
    truths, found = [], []
    for image in images:
        for _ in range(rng.choice([0, 1, 3, 6])):
            polygons = [polygon_in(rng, image) for _ in range(rng.choice([1, 1, 1, 2]))]
            runs = runs_of(image, polygons)
            form = rng.random()
            segmentation = polygons
            if form < .2:
                segmentation = as_text(runs)
            elif form < .35:
                flat = masks.decode(runs).flatten(order="F")
                edges = np.flatnonzero(np.diff(np.concatenate([[0], flat, [2]]).astype(int)))
                segmentation = {"size": runs["size"], "counts": [int(x) for x in np.diff(np.concatenate([[0], edges]))]}
            g = {"id": len(truths) + 1, "image_id": image["id"], "category_id": rng.choice(categories),
                 "segmentation": segmentation,
                 "bbox": [float(x) for x in masks.toBbox(runs)], "area": rng.choice([1024, float(masks.area(runs))]),
                 "iscrowd": int(rng.random() < .1)}
            if rng.random() < .2:
                g["ignore"] = rng.choice([0, 1])
            truths.append(g)
            for _ in range(rng.choice([0, 1, 1, 2, 4])):
                near = [[round(min(max(x + rng.gauss(0, rng.choice([.3, 1, 4])), 0),
                                   image["width" if i % 2 == 0 else "height"]), 2)
                         for i, x in enumerate(p)] for p in polygons]
                found.append({"image_id": image["id"],
                              "category_id": rng.choice([g["category_id"], rng.choice(categories)]),
                              "segmentation": as_text(runs_of(image, near)), "score": score(rng)})
    return images, categories + [77], truths, found


def make_obb(rng):
    images = images_of(rng, rng.randint(3, 12), 200)
    categories = rng.sample(range(1, 30), rng.randint(1, 4))
    truths, found = [], []
    for image in images:
        for _ in range(rng.choice([0, 1, 3, 6])):
            obb = [number(rng, 0, image["width"]), number(rng, 0, image["height"]), number(rng, 1, 90),
                   number(rng, 1, 90), round(rng.uniform(-7, 7), 4)]
            obb[3] *= rng.random() >= .03
            g = {"id": len(truths) + 1, "image_id": image["id"], "category_id": rng.choice(categories), "obb": obb,
                 "area": rng.choice([1024, 9216, round(obb[2] * obb[3], 3)]), "iscrowd": int(rng.random() < .1)}
            truths.append(g)
            for _ in range(rng.choice([0, 1, 1, 2, 4])):
                s = rng.choice([0, .02, .1, .4])
                near = [obb[0] + rng.gauss(0, s * obb[2]), obb[1] + rng.gauss(0, s * obb[3]),
                        obb[2] * math.exp(rng.gauss(0, s)),
                        obb[3] * math.exp(rng.gauss(0, s)), obb[4] + rng.gauss(0, s) + rng.choice([0, 0, math.pi])]
                if rng.random() < .1:
                    near = [near[0], near[1], near[3], near[2], near[4] + math.pi / 2]
                found.append({"image_id": image["id"],
                              "category_id": rng.choice([g["category_id"], rng.choice(categories)]),
                              "obb": [round(x, 4) for x in near], "score": score(rng)})
    return images, categories + [77], truths, found


def params_of(rng, kind):
    p = {}
    if rng.random() < .4:
        p["iouThrs"] = sorted({.5, .75} | {rng.randint(1, 98) / 100 for _ in range(rng.randint(0, 5))})
    if rng.random() < .3 and kind != "crowdpose":
        p["maxDets"] = rng.choice([[20], [3, 20], [5]]
                                  if kind == "keypoints" else [[1, 3, 100], [2, 4, 8], [1, 10, 100, 300]])
    if rng.random() < .25:
        p["recThrs"] = [i / 10 for i in range(11)]
    return p


def make(kind, seed):
    """Images, categories, truths, detections; parameters."""
    rng = random.Random("%s %d" % (kind, seed))
    p = params_of(rng, kind)
    if kind in ("keypoints", "crowdpose"):
        n = 14 if kind == "crowdpose" else rng.choice([17, 17, 17, 5, 21])
        if n not in (14, 17):
            p["sigmas"] = [round(rng.uniform(.02, .12), 4) for _ in range(n)]
        images, categories, truths, found = make_keypoints(rng, n, kind == "crowdpose")
    elif kind == "boundary":
        p["dilation_ratio"] = rng.choice([.02, .02, .008, .05])
        images, categories, truths, found = make_boundary(rng)
    else:
        images, categories, truths, found = make_obb(rng)
    rng.shuffle(found)
    truth = {"images": images, "annotations": truths, "categories": [{"id": c, "name": "c%d" % c} for c in categories]}
    return truth, found, p


# ---- their numbers ----

def corners(obb):
    cx, cy, w, h, t = obb
    c, s = math.cos(t), math.sin(t)
    return [(cx + i * w * c - j * h * s, cy + i * w * s + j * h * c)
            for i, j in ((-.5, -.5), (.5, -.5), (.5, .5), (-.5, .5))]


class OrientedEval(COCOeval):
    def computeIoU(self, image, category):
        from shapely.geometry import Polygon
        gt, dt = self._gts[image, category], self._dts[image, category]
        if not gt and not dt:
            return []
        dt = [dt[i] for i in np.argsort([-d["score"] for d in dt], kind="mergesort")][:self.params.maxDets[-1]]
        out = np.zeros((len(dt), len(gt)))
        for i, d in enumerate(dt):
            for j, g in enumerate(gt):
                a, b = Polygon(corners(d["obb"])), Polygon(corners(g["obb"]))
                both = a.intersection(b).area if a.area > 0 and b.area > 0 else 0
                out[i, j] = both and both / (a.area if g["iscrowd"] else a.area + b.area - both)
        return out


def evaluator(kind, gt_path, found, p):
    """Of the reference, its ground truth and results loaded."""
    if kind == "boundary":
        from boundary_iou.coco_instance_api.coco import COCO as BoundaryCOCO
        from boundary_iou.coco_instance_api import coco as module, cocoeval
        module.augment_annotations_with_boundary_multi_core = lambda anns, to_mask, dilation_ratio: \
            module_utils().augment_annotations_with_boundary_single_core(0, anns, to_mask, dilation_ratio)
        gt = BoundaryCOCO(gt_path, get_boundary=True, dilation_ratio=p["dilation_ratio"])
        return cocoeval.COCOeval(gt, gt.loadRes(found), "boundary", dilation_ratio=p["dilation_ratio"])
    if kind == "crowdpose":
        from crowdposetools import coco as module, cocoeval
        gt = module.COCO(gt_path)
        with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
            json.dump(found, f)
            f.flush()
            return cocoeval.COCOeval(gt, gt.loadRes(f.name), "keypoints")
    gt = COCO(gt_path)
    if kind == "keypoints":
        return COCOeval(gt, gt.loadRes(found), "keypoints")
    dt = COCO()
    dt.dataset = {"images": gt.dataset["images"], "categories": gt.dataset["categories"]}
    dt.dataset["annotations"] = [dict(d, id=i + 1, area=d["obb"][2] * d["obb"][3], iscrowd=0)
                                 for i, d in enumerate(found)]
    dt.createIndex()
    return OrientedEval(gt, dt, "bbox")


def module_utils():
    from boundary_iou.utils import boundary_utils
    return boundary_utils


def numbers(kind, gt_path, found, p):
    with contextlib.redirect_stdout(io.StringIO()):
        e = evaluator(kind, gt_path, copy.deepcopy(found), p)
        for key in ("iouThrs", "recThrs"):
            if key in p:
                setattr(e.params, key, np.array(p[key]))
        if "maxDets" in p:
            e.params.maxDets = p["maxDets"]
        if "sigmas" in p:
            e.params.kpt_oks_sigmas = np.array(p["sigmas"])
        e.evaluate()
        e.accumulate()
        arrays = {k: hashlib.sha256(np.ascontiguousarray(e.eval[k]).astype("<f8").tobytes()).hexdigest()
                  for k in ("precision", "recall", "scores")}
        e.summarize()
    return {"stats": [float(x) for x in e.stats], **arrays}


def main():
    folder = os.path.join(os.path.dirname(__file__), "..", "data", "eval")
    for kind in "keypoints", "crowdpose", "boundary", "obb":
        for seed in range(1000):                    # the first whose parameters are the protocol's own
            truth, found, p = make(kind, seed)
            if p in ({}, {"dilation_ratio": .02}) and 12 <= len(truth["annotations"]) <= 30 and len(found) >= 20:
                break
        path = os.path.join(folder, kind)
        for what, content in ("gt", truth), ("dt", found):
            with open("%s.%s.json" % (path, what), "w") as f:
                json.dump(content, f, separators=(",", ":"))
                f.write("\n")
        with open(path + ".want.txt", "w") as f:
            f.write("".join("%.17g\n" % x for x in numbers(kind, path + ".gt.json", found, p)["stats"]))


if __name__ == "__main__":
    main()
