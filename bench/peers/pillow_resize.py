#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Seconds that Pillow takes to resize a photograph of 2000 x 1500 to a shorter side of 224, the peer of bench_resize.

    bench/peers/pillow_resize.py FILTER      bilinear, bicubic, box, hamming or lanczos

Prints Pillow's release, and the median of the processor seconds. Needs numpy and Pillow."""
import sys
import time

import numpy as np
import PIL
from PIL import Image

pixels = np.random.default_rng(7).integers(0, 256, (1500, 2000, 3), np.uint8)
picture = Image.fromarray(pixels)
picture.load()
filter = Image.Resampling[sys.argv[1].upper()]
times = []
for _ in range(20):
    start = time.process_time()
    picture.resize((298, 224), filter)
    times.append(time.process_time() - start)
print("Pillow", PIL.__version__)
print(sorted(times)[len(times) // 2])
