#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/eval/explain.{gt,dt}.json, a synthetic data set with every kind of error, and explain.expected.json: TIDE's errors
and costs after the paper (Bolya et al., ECCV 2020), the confusion matrix, calibration and best F1 by plain loops.
usage: make_explain_cases.py FOLDER [GT.json DT.json]   (with files: prints the numbers for them instead of making a case)"""
import json
import random
import sys

THR, BG, SCORE = 0.5, 0.1, 0.3
KINDS = ["Cls", "Loc", "Both", "Dupe", "Bkg", "Miss"]


def iou(a, b, crowd=False):
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    i = w * h
    return i / (a[2] * a[3]) if crowd else i / (a[2] * a[3] + b[2] * b[3] - i)


def make(seed):
    rng = random.Random(seed)
    names = ["circle", "square", "star & <moon>", "cross", "never"]
    images, anns, dets = [], [], []
    for i in range(40):
        images.append(dict(id=100 + 3 * i, file_name="%06d.jpg" % (100 + 3 * i), width=320, height=240))
    for image in images:
        here = []
        for _ in range(rng.randint(0, 6)):
            w, h = rng.randint(12, 120), rng.randint(12, 120)
            box = [rng.randint(0, 320 - w), rng.randint(0, 240 - h), w, h]
            crowd = int(rng.random() < 0.06)
            here.append(dict(id=len(anns) + 1, image_id=image["id"], category_id=rng.randint(1, 4), bbox=box,
                             area=w * h, iscrowd=crowd))
            anns.append(here[-1])

        def detect(box, c, s):
            dets.append(dict(image_id=image["id"], category_id=c, bbox=[round(v, 2) for v in box], score=round(s, 3)))
        for g in here:
            x, y, w, h = g["bbox"]
            for _ in range(rng.choice([0, 1, 1, 1, 2, 3])):
                shift = rng.choice([0.02, 0.05, 0.1, 0.3, 0.5])
                box = [x + rng.uniform(-shift, shift) * w, y + rng.uniform(-shift, shift) * h,
                       w * (1 + rng.uniform(-shift, shift)), h * (1 + rng.uniform(-shift, shift))]
                c = g["category_id"] if rng.random() < 0.8 else rng.randint(1, 5)
                detect(box, c, rng.random() ** (0.5 if shift < 0.2 else 2))
        for _ in range(rng.randint(0, 3)):
            detect([rng.uniform(0, 250), rng.uniform(0, 180), rng.uniform(5, 90), rng.uniform(5, 90)],
                   rng.randint(1, 5), rng.random() ** 3)
    categories = [dict(id=k + 1, name=n) for k, n in enumerate(names)]
    return dict(images=images, annotations=anns, categories=categories), dets


def ap(points, positives):
    """points: (score, right) in the order that breaks ties"""
    if positives == 0:
        return 0.0
    tp = n = 0
    precision, recall = [], []
    for _, right in sorted(points, key=lambda p: -p[0]):
        n, tp = n + 1, tp + right
        precision.append(tp / n)
        recall.append(tp / positives)
    total = 0.0
    for r in range(101):
        total += max((p for p, q in zip(precision, recall) if q >= r / 100), default=0.0)
    return total / 101


def mean_ap(points, positives):
    """points: (class, score, right)"""
    values = []
    for k in positives:
        mine = [p[1:] for p in points if p[0] == k]
        if mine or positives[k]:
            values.append(ap(mine, positives[k]))
    return sum(values) / len(values)


def main():
    if len(sys.argv) > 2:
        gt, dets = json.load(open(sys.argv[2])), json.load(open(sys.argv[3]))
    else:
        gt, dets = make(5)
    classes = sorted(c["id"] for c in gt["categories"])
    marks = []  # of each detection: det, outcome (True, False, None: ignored), kind, truth
    missed, fixers = [], {}
    for image in sorted(i["id"] for i in gt["images"]):
        truths = [a for a in gt["annotations"] if a["image_id"] == image and not a["iscrowd"]]
        crowds = [a for a in gt["annotations"] if a["image_id"] == image and a["iscrowd"]]
        here = sorted((d for d in dets if d["image_id"] == image), key=lambda d: -d["score"])[:100]
        taken, mine = {}, []
        for d in here:
            overlaps = [(iou(d["bbox"], g["bbox"]), -j)
                        for j, g in enumerate(truths) if g["category_id"] == d["category_id"] and g["id"] not in taken]
            best = max(overlaps, default=(0, 0))
            m = dict(det=d, right=best[0] >= THR, kind=None, truth=None)
            if m["right"]:
                m["truth"] = truths[-best[1]]
                taken[m["truth"]["id"]] = d
            elif any(c["category_id"] == d["category_id"] and iou(d["bbox"], c["bbox"], True) > THR for c in crowds):
                m["right"] = None
            mine.append(m)
        for m in mine:
            if m["right"]:
                continue
            d = m["det"]
            best = {True: (0, None), False: (0, None)}
            best_taken = best_any = 0
            for g in truths:
                v, own = iou(d["bbox"], g["bbox"]), g["category_id"] == d["category_id"]
                if v > best[own][0]:
                    best[own] = (v, g)
                if own and g["id"] in taken:
                    best_taken = max(best_taken, v)
                best_any = max(best_any, v)
            if BG <= best[True][0] <= THR:
                m["kind"], m["truth"] = "Loc", best[True][1]
            elif best[False][0] >= THR:
                m["kind"], m["truth"] = "Cls", best[False][1]
            elif best_taken >= THR:
                m["kind"] = "Dupe"
            else:
                m["kind"] = "Bkg" if best_any <= BG else "Both"
            if m["kind"] in ("Loc", "Cls") and m["truth"]["id"] not in taken:
                fixers.setdefault(m["truth"]["id"], m)
        missed += [g for g in truths if g["id"] not in taken]
        marks += mine

    everything = {k: sum(1 for a in gt["annotations"] if a["category_id"] == k and not a["iscrowd"]) for k in classes}
    base = mean_ap([(m["det"]["category_id"], m["det"]["score"], m["right"])
                    for m in marks if m["right"] is not None], everything)
    wrong, right = [m for m in marks if not m["right"]], [m for m in marks if m["right"]]
    true_points = [(m["det"]["category_id"], m["det"]["score"], True) for m in right]
    cost, count = {}, {}
    for kind in KINDS:
        points, positives = [], dict(everything)
        for m in wrong:
            if m["kind"] != kind:
                if m["right"] is not None:
                    points.append((m["det"]["category_id"], m["det"]["score"], False))
            elif kind in ("Loc", "Cls") and fixers.get(m["truth"]["id"]) is m:
                points.append((m["truth"]["category_id"], m["det"]["score"], True))
        unexplained = [g for g in missed if g["id"] not in fixers]
        if kind == "Miss":
            for g in unexplained:
                positives[g["category_id"]] -= 1
        cost[kind] = max(0.0, mean_ap(points + true_points, positives) - base)
        count[kind] = len(unexplained) if kind == "Miss" else sum(m["kind"] == kind for m in wrong)
    false_points = [(m["det"]["category_id"], m["det"]["score"], False) for m in wrong if m["right"] is not None]
    fp = mean_ap([(k, 1, r) for k, _, r in true_points] + [(k, 0, r) for k, _, r in false_points], everything) - base
    found = {k: everything[k] - sum(g["category_id"] == k for g in missed) for k in classes}
    fn = mean_ap(false_points + true_points, found) - base

    # confusion at a score: pairs of one class first, then what is left with the ground truth that is left
    n = len(classes)
    confusion = [[0] * (n + 1) for _ in range(n + 1)]
    used = set()
    for m in right:
        if m["det"]["score"] >= SCORE:
            used.add(m["truth"]["id"])
            k = classes.index(m["det"]["category_id"])
            confusion[k][k] += 1
    for m in wrong:
        if m["right"] is None or m["det"]["score"] < SCORE:
            continue
        d = m["det"]
        left = [(iou(d["bbox"], g["bbox"]), -j, g) for j, g in enumerate(gt["annotations"])
                if g["image_id"] == d["image_id"] and not g["iscrowd"] and g["id"] not in used
                and g["category_id"] != d["category_id"]]
        best = max(left, default=(0, 0, None), key=lambda x: x[:2])
        row = n
        if best[0] >= THR:
            used.add(best[2]["id"])
            row = classes.index(best[2]["category_id"])
        confusion[row][classes.index(d["category_id"])] += 1
    for g in gt["annotations"]:
        if not g["iscrowd"] and g["id"] not in used:
            confusion[classes.index(g["category_id"])][n] += 1

    scored = [(m["det"]["score"], bool(m["right"]), m["det"]["category_id"]) for m in marks if m["right"] is not None]
    bins = [[0, 0.0, 0] for _ in range(10)]
    for s, r, _ in scored:
        b = bins[min(9, int(s * 10))]
        b[0], b[1], b[2] = b[0] + 1, b[1] + s, b[2] + r
    ece = sum(abs(b[2] - b[1]) for b in bins) / len(scored)
    per_class = []
    for k in classes:
        mine = sorted(((s, r) for s, r, c in scored if c == k), key=lambda x: -x[0])
        best, at = 0.0, 1.0
        for s in sorted({s for s, _ in mine}, reverse=True):
            tp = sum(r for t, r in mine if t >= s)
            taken_n = sum(t >= s for t, _ in mine)
            f = 2 * tp / (taken_n + everything[k]) if taken_n + everything[k] else 0.0
            if f > best:
                best, at = f, s
        tp, taken_n = sum(r for s, r in mine if s >= SCORE), sum(s >= SCORE for s, _ in mine)
        per_class.append(dict(id=k, tp=tp, fp=taken_n - tp, fn=everything[k] - tp, best_f1=best, best_f1_score=at))
    expected = dict(ap50=base, cost=[cost[k] for k in KINDS], count=[count[k] for k in KINDS], false_positives=fp,
                    false_negatives=fn,
                    confusion=[v for row in confusion for v in row], ece=ece, bins=[v for b in bins for v in b],
                    counts=[v for c in per_class
                            for v in (c["tp"], c["fp"], c["fn"], c["best_f1"], c["best_f1_score"])])
    if len(sys.argv) > 2:
        print(json.dumps(expected))
        return
    for name, value in (("gt", gt), ("dt", dets), ("expected", expected)):
        with open(sys.argv[1] + "/explain.%s.json" % name, "w") as f:
            json.dump(value, f, separators=(",", ":"))
            f.write("\n")


main()
