#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Evaluators side by side: seconds, processor seconds and peak memory, of whole processes and of the part that evaluates.

    bench/evaluators.py data FOLDER [--scale 1] [--writer build/bench/bench_coco]
    bench/evaluators.py time FOLDER [--rounds 3] [--tasks boxes_36k,..] [--peers deformer,..] [--out FILE.json]

The first writes the data, the same for everybody (seeded): COCO's val2017 in size, boxes and masks of 36,335 and 500,000 detections (by
bench_coco), keypoints, LVIS, pairs of panoptic maps, and Objects365 in size. `--scale 0.02` is for trying things. The second runs every
evaluator on every task, in turns, each time as a process of its own, and prints a table. A peer that cannot do a task is left out.

What is run:
    deformer      the program (--program, build/deformer): whole processes
    package       our Python package (--package, its folder: build/python)
    pycocotools, faster-coco-eval, hotcoco, ultrafast-pycocotools, lvis, panopticapi
                  from PyPI (panopticapi: github.com/cocodataset/panopticapi), in the Python of --python; default: this one

`inside` is the time from before the ground truth is read until the last number is there, without imports; `whole` is the process.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

# ---- the data -------------------------------------------------------------------------------------------------------


def dump(path, value):
    path.write_text(json.dumps(value, separators=(",", ":")))


def val2017(folder, scale, writer):
    """Ground truth and results of bench_coco, of which bench_coco itself says what they are."""
    counts = [max(50, int(n * scale)) for n in (36335, 500000)]
    sizes = [word for n in counts for word in ("--detections", str(n), "--masks", str(n))]
    subprocess.run([writer, "--folder", str(folder), "--rounds", "0", *sizes], check=True, stdout=subprocess.DEVNULL)
    (folder / "bench_coco_gt.json").rename(folder / "coco_gt.json")
    for name, n in zip(("36k", "500k"), counts):
        for kind in ("boxes", "masks"):
            (folder / f"bench_coco_{kind}_{n}.json").rename(folder / f"{kind}_{name}_dt.json")


def keypoints(folder, rng, images):
    """People with 17 points: a third has none labelled; found with errors of three sizes, and things that are none."""
    import numpy as np
    points, truth, found = 17, [], []
    for image in range(1, images + 1):
        for _ in range(rng.poisson(4)):
            w, h = np.exp(rng.uniform(3, 5.8)), np.exp(rng.uniform(3.3, 6))
            corner = rng.uniform(0, 400, 2)
            flags = rng.choice([0, 1, 2], points, p=[.35, .15, .5]) * int(rng.random() > .35)
            at = np.round(corner + rng.random((points, 2)) * (w, h)) * (flags > 0)[:, None]
            truth.append({"id": len(truth) + 1, "image_id": image, "category_id": 1, "iscrowd": int(rng.random() < .02),
                          "bbox": [round(float(v), 2) for v in (*corner, w, h)], "area": round(float(w * h) * .6, 3),
                          "num_keypoints": int((flags > 0).sum()),
                          "keypoints": np.c_[at, flags].astype(int).ravel().tolist()})
            for _ in range(rng.binomial(1, .9) + rng.binomial(1, .35)):
                noise = rng.normal(0, np.sqrt(w * h) * rng.choice([.01, .03, .1]), (points, 2))
                found.append((image, np.where(flags[:, None] > 0, at, corner) + noise, rng.random()))
        for _ in range(rng.poisson(2.2)):
            found.append((image, rng.uniform(0, 500, 2) + rng.random((points, 2)) * 100, rng.random() / 2))
    results = [{"image_id": i, "category_id": 1, "keypoints": np.round(np.c_[xy, np.ones(points)], 2).ravel().tolist(),
                "score": round(float(s), 5)} for i, xy, s in found]
    records = [{"id": i, "width": 640, "height": 480, "file_name": f"{i}.jpg"} for i in range(1, images + 1)]
    dump(folder / "keypoints_gt.json", {"images": records, "annotations": truth, "categories": [
        {"id": 1, "name": "person", "keypoints": [f"k{i}" for i in range(points)], "skeleton": []}]})
    dump(folder / "keypoints_dt.json", results)


def boxes(rng, n):
    """x y w h within 640 x 480, sizes like those of photographs."""
    import numpy as np
    size = np.exp(rng.uniform(1.5, 5.5, (n, 2)))
    corner = rng.random((n, 2)) * np.maximum(1, np.array([640, 480]) - size)
    return np.round(np.c_[corner, size], 2)


def moved(rng, box):
    """The same boxes as a detector of three qualities finds them."""
    import numpy as np
    error = rng.normal(0, 1, box.shape) * rng.choice([.03, .1, .3], (len(box), 1))
    return np.round(np.c_[box[:, :2] + error[:, :2] * box[:, 2:], box[:, 2:] * np.exp(error[:, 2:])], 2)


def results_of(images, classes, box, scores):
    return [{"image_id": i, "category_id": c, "bbox": b, "score": s}
            for i, c, b, s in zip(images.tolist(), classes.tolist(), box.tolist(), scores.round(5).tolist())]


def detection(folder, name, rng, images, classes, per_image, wrong, lvis):
    """Boxes whose classes thin out; each is found 1.2 times on average, and `wrong` an image are none."""
    import numpy as np
    share = 1 / np.arange(1, classes + 1) ** .9
    share /= share.sum()
    n = images * per_image
    image, kind, box = rng.integers(1, images + 1, n), rng.choice(classes, n, p=share) + 1, boxes(rng, n)
    image.sort()
    again = np.repeat(np.arange(n), rng.binomial(1, .8, n) + rng.binomial(1, .4, n))
    m = images * wrong
    found = results_of(np.r_[image[again], rng.integers(1, images + 1, m)],
                       np.r_[kind[again], rng.choice(classes, m, p=share) + 1],
                       np.r_[moved(rng, box[again]), boxes(rng, m)], np.r_[rng.random(len(again)), rng.random(m) * .4])
    found.sort(key=lambda r: r["image_id"])
    truth = [{"id": i + 1, "image_id": g, "category_id": c, "bbox": b, "area": round(b[2] * b[3], 2), "iscrowd": 0,
              "segmentation": []}
             for i, (g, c, b) in enumerate(zip(image.tolist(), kind.tolist(), box.tolist()))]
    records = [{"id": i, "width": 640, "height": 480, "file_name": f"{i}.jpg", "coco_url": ""}
               for i in range(1, images + 1)]
    categories = [{"id": c, "name": f"class {c}"} for c in range(1, classes + 1)]
    if lvis:
        here = [set() for _ in range(images + 1)]
        for g, c in zip(image.tolist(), kind.tolist()):
            here[g].add(c)
        for r in records:
            r["neg_category_ids"] = [c + 1 for c in rng.choice(classes, 8, replace=False).tolist()
                                     if c + 1 not in here[r["id"]]]
            r["not_exhaustive_category_ids"] = [c for c in sorted(here[r["id"]]) if rng.random() < .1]
        for c in categories:
            c.update(frequency="f" if c["id"] < classes * .34 else "c"
                     if c["id"] < classes * .72 else "r", image_count=10, instance_count=20)
    dump(folder / f"{name}_gt.json", {"images": records, "annotations": truth, "categories": categories})
    dump(folder / f"{name}_dt.json", found)


def panoptic(folder, rng, images):
    """Wavy discs over one another, 640 x 480: eighty classes of things, 53 of stuff."""
    import numpy as np
    from PIL import Image
    yy, xx = np.mgrid[:480, :640]
    waves = 1 + .15 * np.sin(xx / 9) * np.sin(yy / 7)
    sides = {"gt": [], "dt": []}
    for side in sides:
        (folder / f"panoptic_{side}").mkdir(exist_ok=True)
    for i in range(1, images + 1):
        maps = {side: np.zeros((480, 640), np.int64) for side in sides}
        of = {side: {} for side in sides}
        for k in range(14):
            kind = int(rng.integers(1 if k > 3 else 81, 134))
            x, y = rng.uniform(0, 640), rng.uniform(0, 480)
            a, b = rng.uniform(15, 320 if k < 4 else 110), rng.uniform(15, 240 if k < 4 else 90)
            for side, (dx, dy) in (("gt", (0, 0)), ("dt", rng.normal(0, 5, 2))):
                if side == "gt" or rng.random() < .9:
                    value = int(rng.integers(1, 1 << 24))
                    maps[side][((xx - x - dx) / a) ** 2 + ((yy - y - dy) / b) ** 2 < waves] = value
                    of[side][value] = kind if side == "gt" or rng.random() < .9 else int(rng.integers(1, 134))
        for side, values in maps.items():
            segments = [{"id": int(v), "category_id": of[side][int(v)],
                         "iscrowd": int(of[side][int(v)] <= 80 and rng.random() < .03),
                         "area": int(n), "bbox": [0, 0, 1, 1]}
                         for v, n in zip(*np.unique(values, return_counts=True)) if v]
            colours = np.stack([values % 256, values // 256 % 256, values // 65536], 2).astype(np.uint8)
            Image.fromarray(colours).save(folder / f"panoptic_{side}" / f"{i}.png")
            sides[side].append({"image_id": i, "file_name": f"{i}.png", "segments_info": segments})
    categories = [{"id": c, "name": f"class {c}", "isthing": int(c <= 80)} for c in range(1, 134)]
    for side, annotations in sides.items():
        dump(folder / f"panoptic_{side}.json",
             {"images": [{"id": a["image_id"]} for a in annotations], "annotations": annotations,
                                                "categories": categories})


def write_data(o):
    import numpy as np
    folder = pathlib.Path(o.folder)
    folder.mkdir(parents=True, exist_ok=True)
    of = lambda n: max(2, int(n * o.scale))
    val2017(folder, o.scale, o.writer)
    keypoints(folder, np.random.default_rng(1), of(5000))
    detection(folder, "lvis", np.random.default_rng(2), of(5000), 1203, 12, 65, True)
    detection(folder, "objects365", np.random.default_rng(3), of(80000), 365, 10, 3, False)
    panoptic(folder, np.random.default_rng(4), of(500))


# ---- the evaluators -------------------------------------------------------------------------------------------------

# task: what `deformer metric` and COCOeval are told
TASKS = {
    "boxes_36k": ("coco", "bbox"), "masks_36k": ("coco", "segm"), "boxes_500k": ("coco", "bbox"),
    "masks_500k": ("coco", "segm"),
    "keypoints": ("coco", "keypoints"), "objects365": ("coco", "bbox"), "lvis": ("lvis", "bbox"),
    "panoptic": ("panoptic", None),
}
PEERS = ["deformer", "package", "hotcoco", "ultrafast-pycocotools", "faster-coco-eval", "pycocotools", "lvis",
         "panopticapi"]
SLOW = {("pycocotools", "boxes_500k"), ("pycocotools", "masks_500k"), ("pycocotools", "objects365"),
        ("faster-coco-eval", "lvis")}


def files_of(folder, task):
    truth = "coco" if task.startswith(("boxes", "masks")) else task
    return [os.path.join(folder, f"{truth}_gt.json"), os.path.join(folder, f"{task}_dt.json")]


def coco_classes(peer):
    if peer == "package":
        from deformer import COCO, COCOeval
    elif peer == "hotcoco":
        from hotcoco import COCO, COCOeval
    elif peer == "ultrafast-pycocotools":
        from ultrafast_pycocotools.coco import COCO
        from ultrafast_pycocotools.cocoeval import COCOeval
    elif peer == "faster-coco-eval":
        from faster_coco_eval import COCO, COCOeval_faster as COCOeval
    else:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    return COCO, COCOeval


def coco(peer, truth, found, kind):
    COCO, COCOeval = coco_classes(peer)

    def run():
        gt = COCO(truth)
        e = COCOeval(gt, gt.loadRes(found), kind)
        e.evaluate(), e.accumulate(), e.summarize()
    return run


def lvis(peer, truth, found):
    if peer == "lvis":
        import numpy as np
        np.float = float  # the package is older
        from lvis import LVIS, LVISEval, LVISResults

        def run():
            gt = LVIS(truth)
            e = LVISEval(gt, LVISResults(gt, found), "bbox")
            e.run(), e.print_results()
    elif peer == "package":
        from deformer.lvis import LVIS, LVISEval, LVISResults

        def run():
            gt = LVIS(truth)
            LVISEval(gt, LVISResults(gt, found), "bbox").run()
    elif peer == "hotcoco":
        import hotcoco

        def run():
            gt = hotcoco.COCO(truth)
            hotcoco.LVISeval(gt, hotcoco.LVISResults(gt, found), "bbox").run()
    else:
        COCO, COCOeval = coco_classes(peer)

        def run():
            gt = COCO(truth)
            e = COCOeval(gt, gt.loadRes(found), "bbox", lvis_style=True)
            e.params.maxDets = [300]
            e.evaluate(), e.accumulate(), e.summarize()
    return run


def panoptic_quality(peer, truth, found):
    if peer == "package":
        from deformer.panoptic import pq_compute
    elif peer == "hotcoco":
        from hotcoco.panoptic import pq_compute
    else:
        from panopticapi.evaluation import pq_compute
    return lambda: pq_compute(truth, found, truth[:-5], found[:-5])


CAN = {"panoptic": ("deformer", "package", "hotcoco", "panopticapi"),
       "lvis": ("deformer", "package", "hotcoco", "ultrafast-pycocotools", "faster-coco-eval", "lvis"),
       "coco": ("deformer", "package", "hotcoco", "ultrafast-pycocotools", "faster-coco-eval", "pycocotools")}


def child(peer, task, folder):
    """One measured process: prints the seconds inside."""
    out = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    truth, found = files_of(folder, task)
    how, kind = TASKS[task]
    if how == "coco":
        run = coco(peer, truth, found, kind)
    else:
        run = {"lvis": lvis, "panoptic": panoptic_quality}[how](peer, truth, found)
    start = time.perf_counter()
    run()
    os.write(out, repr(time.perf_counter() - start).encode())


# ---- the table ------------------------------------------------------------------------------------------------------


def command(o, peer, task):
    if peer != "deformer":
        return [o.python, os.path.abspath(__file__), "child", peer, task, o.folder]
    how, kind = TASKS[task]
    threads = ["--threads", str(o.threads)] if o.threads else []
    return [o.program, "metric", how, *files_of(o.folder, task), *(["--type", kind] if how == "coco" else []), *threads]


def measure(o, peer, task):
    """(inside, whole, processor seconds, MB) of one process; None if it fails."""
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, [o.package, os.environ.get("PYTHONPATH")])))
    start = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        p = subprocess.Popen(command(o, peer, task), stdout=subprocess.PIPE, stderr=said, env=environment)
        text = p.stdout.read()
        _, status, used = os.wait4(p.pid, 0)
        whole = time.perf_counter() - start
        p.returncode = status
        if status:
            said.seek(0)
            print(f"{peer} fails on {task}:", (said.read().decode(errors="replace").splitlines() or ["?"])[-1],
                  file=sys.stderr)
            return None
    inside = whole if peer == "deformer" else float(text)
    return inside, whole, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def time_all(o):
    tasks = o.tasks.split(",") if o.tasks else list(TASKS)
    peers = o.peers.split(",") if o.peers else PEERS
    series = {}
    for r in range(o.rounds):
        for task in tasks:
            for peer in peers:
                failed = r > 0 and (task, peer) not in series
                if peer not in CAN[TASKS[task][0]] or failed or (r > 0 and (peer, task) in SLOW):
                    continue
                figures = measure(o, peer, task)
                print(r, task, peer, figures, file=sys.stderr, flush=True)
                if figures:
                    series.setdefault((task, peer), []).append(figures)
    if o.out:
        dump(pathlib.Path(o.out), [dict(task=t, peer=p, runs=runs) for (t, p), runs in series.items()])
    print_table(o, tasks, series)


def print_table(o, tasks, series):
    print(f"Medians of {o.rounds} rounds in turns; load {os.getloadavg()[0]:.1f}\n")
    print("| task | evaluator | inside s | whole s | CPU s | peak MB | times ours, inside | whole |\n|---|---|---|---|---|---|---|---|")
    for task in tasks:
        median = {p: [statistics.median(x) for x in zip(*runs)] for (t, p), runs in series.items() if t == task}
        ours = median.get("package") or median.get("deformer")
        for peer, (inside, whole, cpu, mb) in sorted(median.items(), key=lambda item: item[1][1]):
            ahead = [f"{inside / ours[0]:.1f}",
                     f"{whole / median['deformer'][1]:.1f}"] if "deformer" in median else ["", ""]
            print(f"| {task} | {peer} | {inside:.3f} | {whole:.3f} | {cpu:.2f} | {mb:.0f} | {ahead[0]} | {ahead[1]} |")


def main():
    if sys.argv[1:2] == ["child"]:
        child(*sys.argv[2:5])
        return
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("what", choices=["data", "time"])
    p.add_argument("folder")
    p.add_argument("--scale", type=float, default=1)
    p.add_argument("--writer", default="build/bench/bench_coco")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--tasks")
    p.add_argument("--peers")
    p.add_argument("--out")
    p.add_argument("--program", default="build/deformer")
    p.add_argument("--package", default=os.path.abspath("build/python"))
    p.add_argument("--python", default=sys.executable)
    p.add_argument("--threads", type=int, default=0)
    o = p.parse_args()
    write_data(o) if o.what == "data" else time_all(o)


if __name__ == "__main__":
    main()
