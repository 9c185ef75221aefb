# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/eval/panoptic: six small pictures in panoptic form, and their quality as COCO's panopticapi has it.

    PYTHONPATH=panopticapi python3 tests/scripts/make_panoptic.py [SEED FOLDER]

Needs numpy, Pillow and https://github.com/cocodataset/panopticapi (7bb4655). In the pictures are nothing (0), crowds, two of one class among
them, classes without segments, IoUs of exactly a half, areas in the file that are not those of the map, and ids that are large, listed twice
or of no class.
"""
import contextlib
import io
import json
import pathlib
import sys

import numpy as np
from PIL import Image
from panopticapi.evaluation import pq_compute_single_core

OUT = pathlib.Path(__file__).resolve().parents[1] / "data" / "eval" / "panoptic"
HEIGHT, WIDTH = 30, 44


def regions(rng, n):
    """A map of the numbers 0..n: rectangles and discs over one another, of which 0 is nothing."""
    out = np.zeros((HEIGHT, WIDTH), np.int64)
    yy, xx = np.mgrid[:HEIGHT, :WIDTH]
    for k in range(1, n + 1):
        y, x, h, w = rng.integers(0, HEIGHT - 3), rng.integers(0, WIDTH - 3), rng.integers(3, HEIGHT), rng.integers(3, WIDTH // 2)
        inside = (abs(yy - y) < h / 2) & (abs(xx - x) < w / 2)
        if rng.random() < .4:
            inside = ((yy - y) / h) ** 2 + ((xx - x) / w) ** 2 < .25
        out[inside] = k
    return out


def moved(rng, regions):
    how = rng.random()
    if how < .3:
        return np.roll(regions, (int(rng.integers(-2, 3)), int(rng.integers(-3, 4))), (0, 1))
    return regions if how < .5 else np.where(rng.random(regions.shape) < .2, np.roll(regions, 1, 1), regions)


def save(path, regions, ids):
    values = np.array([0] + ids)[regions]
    Image.fromarray(np.stack([values % 256, values // 256 % 256, values // 65536], 2).astype(np.uint8)).save(path)


def picture(rng, name, folder, classes):
    n = int(rng.integers(3, 9))
    truth = regions(rng, n)
    found = moved(rng, truth)
    if rng.random() < .5:
        found = np.where(found == rng.integers(1, n + 1), rng.integers(0, n + 1), found)
    if rng.random() < .3:                                  # half of a segment: an IoU of exactly 0.5
        at = np.argwhere(truth == rng.integers(1, n + 1))
        for y, x in at[:len(at) // 2]:
            found[y, x] = 0
    ids = [[int(v) for v in rng.choice(1 << 24, n, replace=False)] for _ in range(2)]
    if rng.random() < .3:
        ids[1] = ids[0]
    of = [int(rng.choice(classes)) for _ in range(n)]
    lists = [[], []]
    for k in range(1, n + 1):
        area = int((truth == k).sum())
        if area or rng.random() < .1:
            lie = int(rng.integers(-5, 6)) if rng.random() < .15 else 0
            lists[0].append({"id": ids[0][k - 1], "category_id": of[k - 1], "iscrowd": int(rng.random() < .2),
                             "area": max(1, area + lie)})
        if (found == k).any():
            lists[1].append({"id": ids[1][k - 1], "category_id": of[k - 1]
                             if rng.random() < .8 else int(rng.choice(classes))})
    if rng.random() < .2:
        lists[0].append(dict(lists[0][0], category_id=int(rng.choice(classes))))
    if rng.random() < .15:
        lists[0][-1]["category_id"] = 999999
    for side, part, regions_, ids_ in ((0, "gt", truth, ids[0]), (1, "dt", found, ids[1])):
        rng.shuffle(lists[side])
        save(folder / part / f"{name}.png", regions_, ids_)
    return lists


def case(seed, folder, pictures=6):
    rng = np.random.default_rng(seed)
    for part in ("gt", "dt"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    classes = [1, 3, 17, 90, 92, 200]
    categories = [{"id": c, "name": f"class {c}", "isthing": int(c < 50)} for c in classes + [300]]
    truth, found = [], []
    for i in range(pictures):
        image = int(rng.integers(1, 1 << 40))
        lists = picture(rng, str(i), folder, classes)
        truth.append({"image_id": image, "file_name": f"{i}.png", "segments_info": lists[0]})
        found.append({"image_id": image, "file_name": f"{i}.png", "segments_info": lists[1]})
    rng.shuffle(found)
    for name, value in (("gt", {"annotations": truth, "categories": categories}), ("dt", {"annotations": found})):
        (folder / f"{name}.json").write_text(json.dumps(value, separators=(",", ":")) + "\n")
    return quality(folder)


def quality(folder):
    truth, found = (json.loads((folder / f"{n}.json").read_text()) for n in ("gt", "dt"))
    categories = {c["id"]: c for c in truth["categories"]}
    of = {a["image_id"]: a for a in found["annotations"]}
    pairs = [(a, of[a["image_id"]]) for a in truth["annotations"]]
    with contextlib.redirect_stdout(io.StringIO()):
        stat = pq_compute_single_core(0, pairs, str(folder / "gt"), str(folder / "dt"), categories)
    out = {}
    for name, things in (("All", None), ("Things", True), ("Stuff", False)):
        try:
            out[name], per_class = stat.pq_average(categories, things)
        except ZeroDivisionError:
            out[name] = {"pq": None, "sq": None, "rq": None, "n": 0}
        if name == "All":
            counts = {c: (stat[c].iou, stat[c].tp, stat[c].fp, stat[c].fn) for c in categories}
    out["per_class"] = [dict(id=c, tp=counts[c][1], fp=counts[c][2], fn=counts[c][3], iou=float(counts[c][0]))
                        for c in categories]
    return out


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(case(int(sys.argv[1]), pathlib.Path(sys.argv[2]))))
    else:
        expected = case(11, OUT)
        rows = [f"{c['id']} {c['tp']} {c['fp']} {c['fn']} {c['iou'].hex()}" for c in expected["per_class"]]
        rows += [f"{k} {v['n']} {float(v['pq']).hex()} {float(v['sq']).hex()} {float(v['rq']).hex()}"
                 for k, v in expected.items() if k != "per_class"]
        (OUT / "expected.txt").write_text("\n".join(rows) + "\n")
