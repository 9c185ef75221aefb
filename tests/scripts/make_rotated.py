#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/boxes/rotated.json: pairs of oriented boxes and of quadrangles with the IoU that Shapely (GEOS) gives them.
Usage: make_rotated.py. Needs shapely 2."""
import json, math, os, random
from shapely.geometry import Polygon

rng = random.Random(18)


def corners(box):
    cx, cy, w, h, t = box
    c, s = math.cos(t), math.sin(t)
    signs = (-.5, -.5), (.5, -.5), (.5, .5), (-.5, .5)
    return [n for i, j in signs for n in (cx + i * w * c - j * h * s, cy + i * w * s + j * h * c)]


def overlap(a, b):
    a, b = (Polygon(list(zip(q[::2], q[1::2]))) for q in (a, b))
    if a.area <= 0 or b.area <= 0:
        return 0.0, 0.0
    both = a.intersection(b).area
    return both / (a.area + b.area - both), both / a.area


def rounded(numbers, digits):
    return [round(x, digits) for x in numbers]


def random_pair():
    size = 10 ** rng.uniform(0, 2)
    a = [rng.uniform(0, 200), rng.uniform(0, 200), size * rng.uniform(.1, 1), size * rng.uniform(.1, 1),
         rng.uniform(-7, 7)]
    b = list(a)
    for i, spread in enumerate((size / 3, size / 3, size / 10, size / 10, rng.choice([1e-6, .01, 1]))):
        b[i] += rng.gauss(0, spread) * (rng.random() < .7)
    return rounded(a, 4), rounded([b[0], b[1], abs(b[2]), abs(b[3]), b[4]], 6)


base = [3.25, -8.5, 5.0, 57.25, -3.5]
pairs = [random_pair() for _ in range(80)]
pairs += [(base, base[:4] + [base[4] + turn]) for turn in (0, math.pi / 2, math.pi, -math.pi, 2 * math.pi, 1000)]
pairs += [(base, [base[0], base[1], base[3], base[2], base[4] + math.pi / 2]),     # sides swapped: the same box
          ([10, 10, 4, 4, 0], [14, 10, 4, 4, 0]), ([10, 10, 4, 4, 0], [14, 14, 4, 4, 0]),  # touching
          ([10, 10, 4, 4, 0], [10, 10, 2, 2, .7]), ([10, 10, 2, 2, .7], [10, 10, 4, 4, 0]),
          ([10, 10, 4, 0, .3], [10, 10, 4, 4, 0]), ([10, 10, 0, 0, 0], [10, 10, 0, 0, 0]),  # no area
          ([1e5, 1e5, 30, 10, .1], [1e5 + 1, 1e5, 30, 10, .1001]),
          ([10, 10, 100, .01, .5], [10, 10, 100, .01, .5001]),                     # needles
          ([10, 10, 1e-7, 1e-7, 0], [10, 10, 1e-7, 1e-7, 0]),
          ([0, 0, 1000, 20, 0], [0, 0, 1000, 20, 1e-7])]
cases = [{"a": a, "b": b, "iou": overlap(corners(a), corners(b))} for a, b in pairs]

quads = []
while len(quads) < 60:                              # simple, half of them concave; in either sense
    a, b = ([round(rng.uniform(0, 50), 2) for _ in range(8)] for _ in range(2))
    if all(Polygon(list(zip(q[::2], q[1::2]))).is_valid for q in (a, b)):
        quads.append({"a": a, "b": b, "iou": overlap(a, b)})

path = os.path.join(os.path.dirname(__file__), "..", "data", "boxes", "rotated.json")
with open(path, "w") as f:
    f.write("[" + ",\n".join(json.dumps(c) for c in cases + quads) + "]\n")
