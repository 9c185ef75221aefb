#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/images/colours.safetensors: what OpenCV makes of small pictures: hue, saturation and value of bytes and floats, and back;
pictures turned; the nearest pixel; floats resized. Needs numpy and OpenCV."""
from pathlib import Path

import cv2
import numpy as np

import tensor_files

OUT = Path(__file__).resolve().parent.parent / "data" / "images" / "colours.safetensors"

cv2.setNumThreads(1)
rng = np.random.RandomState(3)
t = {}
bgr = rng.randint(0, 256, (9, 77, 3)).astype(np.uint8)
bgr[0] = bgr[0, :, :1]                        # greys
bgr[1, :, 1] = bgr[1, :, 2]                   # ties of the largest
bgr[2] = bgr[2] // 128 * 255                  # corners of the cube
t["bgr"], t["bgr.hsv"] = bgr, cv2.cvtColor(bgr, cv2.COLOR_BGR2HSV)
hsv = np.stack([rng.randint(0, 180, (9, 77)), rng.randint(0, 256, (9, 77)), rng.randint(0, 256, (9, 77))],
               -1).astype(np.uint8)
hsv[0, :, 1] = 0
t["hsv"], t["hsv.bgr"] = hsv, cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)
floats = (rng.rand(9, 77, 3) * 300 - 20).astype(np.float32)
floats[0] = np.rint(floats[0])
floats[1] = floats[1, :, :1]
t["floats"], t["floats.hsv"] = floats, cv2.cvtColor(floats, cv2.COLOR_BGR2HSV)
back = t["floats.hsv"].copy()
back[:3, :, 1] *= 0.7
back[3, :, 0] = 360
t["back"], t["back.bgr"] = back, cv2.cvtColor(back, cv2.COLOR_HSV2BGR)
small = rng.randint(0, 256, (19, 23, 3)).astype(np.uint8)
m = cv2.getRotationMatrix2D((11, 9), 27.5, 1)
t["small"], t["small.matrix"] = small, m
y, x = np.mgrid[:19, :23]
smooth = np.stack([4 * x + 5 * y, 200 - 3 * x + y, 90 + 20 * np.sin(x / 5 + y / 7)], -1).astype(np.uint8)
t["smooth"], t["smooth.turned"] = smooth, cv2.warpAffine(smooth, m, (23, 19), flags=cv2.INTER_LINEAR,
                                                         borderValue=(90, 190, 90))
t["small.turned_nearest"] = cv2.warpAffine(small, m, (30, 25), flags=cv2.INTER_NEAREST, borderValue=(10, 20, 30))
for h, w in (38, 46), (10, 9), (19, 50), (7, 23):
    t[f"small.nearest.{h}x{w}"] = cv2.resize(small, (w, h), interpolation=cv2.INTER_NEAREST)
    t[f"small.floats.{h}x{w}"] = cv2.resize(small.astype(np.float32), (w, h), interpolation=cv2.INTER_LINEAR)
tensor_files.save(OUT, t)
