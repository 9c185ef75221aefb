# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/eval/cityscapes: three small pictures in the files of Cityscapes, and their AP by cityscapesscripts.

    python3 tests/scripts/make_cityscapes.py [SEED FOLDER]

Needs numpy, Pillow and cityscapesscripts (PyPI, 2.3.0). There are objects below 100 pixels, groups, void, labels without instances, empty masks,
equal scores, several predictions of one object, and classes without objects.
"""
import json
import os
import pathlib
import shutil
import sys
import tempfile

import numpy as np
from PIL import Image

OUT = pathlib.Path(__file__).resolve().parents[1] / "data" / "eval" / "cityscapes"
HEIGHT, WIDTH = 64, 96
OBJECTS = [24, 25, 26, 27, 28, 31, 32, 33]


def region(rng):
    yy, xx = np.mgrid[:HEIGHT, :WIDTH]
    y, x, h, w = rng.integers(0, HEIGHT), rng.integers(0, WIDTH), rng.integers(6, 40), rng.integers(6, 50)
    if rng.random() < .5:
        return (abs(yy - y) < h / 2) & (abs(xx - x) < w / 2)
    return ((yy - y) / h) ** 2 + ((xx - x) / w) ** 2 < .25


def picture(rng, core, folder):
    ids = np.full((HEIGHT, WIDTH), int(rng.choice([7, 8, 11, 21, 23])), np.uint16)
    for label in (0, 3, 4, 9, 29, 24, 26):                 # void, what is not scored, groups
        if rng.random() < .4:
            ids[region(rng)] = label
    count = {}
    for _ in range(rng.integers(2, 12)):
        label = int(rng.choice(OBJECTS[:6] + [29, 24, 26, 26]))
        number = count[label] = count.get(label, -1) + 1
        ids[region(rng)] = label * 1000 + number
    city = folder / "gt" / core.split("_")[0]
    city.mkdir(parents=True, exist_ok=True)
    Image.fromarray(ids).save(city / f"{core}_gtFine_instanceIds.png")
    masks = []
    for value in np.unique(ids):
        for _ in range(int(rng.integers(0, 3)) if value >= 1000 else int(rng.random() < .3)):
            how = rng.random()
            mask = np.roll(ids == value, (int(rng.integers(-3, 4)), int(rng.integers(-3, 4))),
                           (0, 1)) if how < .8 else region(rng)
            label = int(value) // 1000 if value >= 1000 and how < .9 else int(rng.choice(OBJECTS))
            masks.append((label, mask))
    for _ in range(rng.integers(0, 4)):
        masks.append((int(rng.choice(OBJECTS + [7, 29])), region(rng)))
    if rng.random() < .3:
        masks.append((26, np.zeros((HEIGHT, WIDTH), bool)))
    lines = []
    (folder / "pred" / "masks").mkdir(parents=True, exist_ok=True)
    for i, (label, mask) in enumerate(masks):
        name = f"masks/{core}_{i}.png"
        grey = Image.fromarray(mask.astype(np.uint8) * int(rng.choice([1, 255])))
        (grey if rng.random() < .8 else grey.convert(str(rng.choice(["1", "RGB", "P"])))).save(folder / "pred" / name)
        lines.append(f"{name} {label} {round(float(rng.random()), int(rng.integers(1, 6)))}\n")
    (folder / "pred" / f"{core}_pred.txt").write_text("".join(lines))


def case(seed, folder, pictures=3):
    rng = np.random.default_rng(seed)
    shutil.rmtree(folder, ignore_errors=True)
    for i in range(pictures):
        picture(rng, f"{'town' if i % 2 else 'village'}_{i:06d}_{int(rng.integers(1000)):06d}", folder)
    return reference(folder)


def reference(folder):
    np.in1d = np.isin                                      # the package is older
    import cityscapesscripts.evaluation.evalInstanceLevelSemanticLabeling as script
    script.writeDict2JSON = lambda *_: None                # numbers of numpy that it cannot write
    truths = sorted(str(p) for p in folder.glob("gt/*/*.png"))
    with tempfile.TemporaryDirectory() as work:
        script.args.quiet, script.args.JSONOutput = True, False
        script.args.gtInstancesFile = os.path.join(work, "gt.json")
        script.args.predictionPath, script.args.predictionWalk = str((folder / "pred").absolute()), None
        found = [script.getPrediction(t, script.args) for t in truths]
        return script.evaluateImgLists(found, truths, script.args)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(case(int(sys.argv[1]), pathlib.Path(sys.argv[2]))["averages"]))
    else:
        expected = case(5, OUT)
        rows = [f"{k} {v['ap']:.17g} {v['ap50%']:.17g}" for k, v in expected["averages"]["classes"].items()]
        rows += [f"all {expected['averages']['allAp']:.17g} {expected['averages']['allAp50%']:.17g}"]
        names = [str(p.relative_to(OUT)) for p in sorted(OUT.glob("gt/*/*.png"))]
        (OUT / "list.txt").write_text("".join(f"{n} pred/{pathlib.Path(n).name.replace('_gtFine_instanceIds.png', '_pred.txt')}\n" for n in names))
        (OUT / "expected.txt").write_text("\n".join(rows) + "\n")
