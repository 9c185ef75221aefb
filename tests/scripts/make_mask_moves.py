#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/boxes/mask_moves.json: masks of objects mirrored, resized and seen through windows, as mmdet 3's BitmapMasks and
PolygonMasks do it: bitmaps by NumPy and OpenCV's INTER_NEAREST, polygons by shapely's intersection, drawn by pycocotools.
Usage: make_mask_moves.py OUT; needs numpy, opencv-python, pycocotools and shapely."""
import json
import sys

import cv2
import numpy as np
from pycocotools import mask as coco
from shapely import geometry

rng = np.random.default_rng(5)


def text(bitmap):
    return coco.encode(np.asfortranarray(bitmap.astype(np.uint8)))["counts"].decode()


def blob(h, w):
    """A few rectangles, one of them over the border, and a hole."""
    out = np.zeros((h, w), np.uint8)
    for fill in 1, 1, 0, 1:
        y, x = rng.integers(-3, h), rng.integers(-3, w)
        out[max(y, 0):max(y + rng.integers(1, h + 1), 0), max(x, 0):max(x + rng.integers(1, w + 1), 0)] = fill
    return out


def window(bitmap, x, y, h, w):
    out = np.zeros((h, w), np.uint8)
    for row in range(h):
        for column in range(w):
            if 0 <= y + row < bitmap.shape[0] and 0 <= x + column < bitmap.shape[1]:
                out[row, column] = bitmap[y + row, x + column]
    return out


def bitmap_box(bitmap):
    y, x = np.nonzero(bitmap)
    return [int(x.min()), int(y.min()), int(x.max()) + 1, int(y.max()) + 1] if len(x) else [0, 0, 0, 0]


def bitmap_cases():
    sizes = [(17, 23), (1, 9), (40, 31), (12, 1)]
    for i in range(24):
        h, w = sizes[i % len(sizes)]
        b = blob(h, w)
        op = ("flip", "resize", "window")[i % 3]
        if op == "flip":
            args = [[1, 0], [0, 1], [1, 1]][i // 3 % 3]
            out = b[::-1 if args[1] else 1, ::-1 if args[0] else 1]
        elif op == "resize":
            args = [int(rng.integers(1, 3 * h + 2)), int(rng.integers(1, 3 * w + 2))]
            out = cv2.resize(b, (args[1], args[0]), interpolation=cv2.INTER_NEAREST)
        else:
            args = [int(rng.integers(-5, w)), int(rng.integers(-5, h)), int(rng.integers(1, h + 8)),
                    int(rng.integers(1, w + 8))]
            out = window(b, *args)
        yield dict(op=op, args=args, size=[h, w], counts=text(b), out_size=list(out.shape), out=text(out),
                   box=bitmap_box(out))


def polygon(h, w):
    n = int(rng.integers(3, 9))
    angles = np.sort(rng.uniform(0, 2 * np.pi, n))
    radius = rng.uniform(0.2, 0.9, n)
    middle = rng.uniform(0.2, 0.8, 2)
    return [round(float(v), 2) for a, r in zip(angles, radius)
            for v in ((middle[0] + 0.5 * r * np.cos(a)) * w, (middle[1] + 0.5 * r * np.sin(a)) * h)]


def cut(p, x, y, h, w):
    """mmdet 3, PolygonMasks.crop"""
    whole = geometry.Polygon(np.reshape(p, (-1, 2))).buffer(0.0)
    part = whole.intersection(geometry.box(x, y, x + w, y + h).buffer(0.0))
    parts = getattr(part, "geoms", [part])
    return [(np.asarray(q.exterior.coords)[:-1] - [x, y]).reshape(-1)
            for q in parts if isinstance(q, geometry.Polygon) and not q.is_empty]


def moved(op, args, p, h, w):
    q = np.array(p)
    if op == "flip":
        q[0::2] = w - q[0::2] if args[0] else q[0::2]
        q[1::2] = h - q[1::2] if args[1] else q[1::2]
    elif op == "resize":
        q[0::2] *= args[1] / w
        q[1::2] *= args[0] / h
    else:
        return cut(p, *args)
    return [q]


def polygon_cases():
    for i in range(24):
        h, w = (29, 41) if i % 2 else (48, 30)
        parts = [polygon(h, w) for _ in range(1 + i % 2)]
        op = ("flip", "resize", "window")[i % 3]
        args = {"flip": [[1, 0], [0, 1], [1, 1]][i // 3 % 3],
                "resize": [int(rng.integers(9, 90)), int(rng.integers(9, 90))],
                "window": [int(rng.integers(-5, 30)), int(rng.integers(-5, 25)), int(rng.integers(6, 40)),
                           int(rng.integers(6, 40))]}[op]
        size = {"flip": [h, w], "resize": args, "window": args[2:]}[op]
        out = [q for p in parts for q in moved(op, args, p, h, w)] or [np.zeros(6)]
        drawn = coco.decode(coco.merge(coco.frPyObjects([list(map(float, q)) for q in out], *size)))
        points = np.concatenate([q.reshape(-1, 2) for q in out])
        yield dict(op=op, args=args, size=[h, w], polygons=parts, out_size=list(size), out=text(drawn),
                   box=[float(v) for v in (*points.min(0), *points.max(0))])


with open(sys.argv[1], "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(c) for c in [*bitmap_cases(), *polygon_cases()]) + "\n]\n")
