# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/segmentation: a small data set of pictures and label maps, and label maps that are wrong in one way each.

    python3 tests/scripts/make_segmentation.py            needs numpy and opencv-python

images/{a,b,deep/c}.png, labels/{a,b,deep/c}.png  labels 0 (no class) and 1..4; each class has a colour of its own in the pictures
wrong/{size,colour,deep16,outside}.png            for a.png: another size, three channels, 16 bits, a label of 77
"""
from pathlib import Path

import cv2
import numpy as np

OUT = Path(__file__).resolve().parent.parent / "data" / "segmentation"
COLOURS = np.array([[20, 20, 20], [200, 60, 40], [40, 180, 60], [60, 80, 220], [210, 210, 90]], np.uint8)


def scene(height, width, seed):
    rng = np.random.default_rng(seed)
    labels = np.zeros((height, width), np.uint8)
    for _ in range(6):
        y, x = int(rng.integers(0, height)), int(rng.integers(0, width))
        cv2.circle(labels, (x, y), int(rng.integers(8, 20)), int(rng.integers(1, 5)), -1)
    return COLOURS[labels] // 2 + rng.integers(0, 40, (height, width, 3), dtype=np.uint8), labels


def write(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), array)


def main():
    for i, (name, height, width) in enumerate([("a", 48, 64), ("b", 50, 40), ("deep/c", 33, 57)]):
        picture, labels = scene(height, width, i)
        write(OUT / "images" / f"{name}.png", picture)
        write(OUT / "labels" / f"{name}.png", labels)
        if name == "a":
            write(OUT / "wrong" / "size.png", labels[:, 1:])
            write(OUT / "wrong" / "colour.png", picture)
            write(OUT / "wrong" / "deep16.png", labels.astype(np.uint16))
            outside = labels.copy()
            outside[3, 4] = 77
            write(OUT / "wrong" / "outside.png", outside)


if __name__ == "__main__":
    main()
