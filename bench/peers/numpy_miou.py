#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Seconds that mIoU of a pair of label maps takes with numpy, the way mmseg 0.x counts (three histograms of an image).

    bench/peers/numpy_miou.py FOLDER      with labels/ and predictions/, as bench_semantic writes them

Reading the files is not counted. Prints processor seconds a pair, the median of five rounds. Needs numpy and OpenCV.
"""
import pathlib
import sys
import time

import cv2
import numpy as np

CLASSES = 150
IGNORE = 255


def areas(pred, label):
    label = label.copy()
    label[label == 0] = IGNORE  # reduce_zero_label
    label = label - 1
    label[label == IGNORE - 1] = IGNORE
    counts = label != IGNORE
    pred, label = pred[counts], label[counts]
    edges = np.arange(CLASSES + 1)
    both = np.histogram(pred[pred == label], bins=edges)[0]
    of_pred = np.histogram(pred, bins=edges)[0]
    of_label = np.histogram(label, bins=edges)[0]
    return both, of_pred + of_label - both, of_pred, of_label


def main():
    folder = pathlib.Path(sys.argv[1])
    names = sorted(p.name for p in (folder / "labels").iterdir())
    pairs = [[cv2.imread(str(folder / kind / name), cv2.IMREAD_UNCHANGED) for kind in ("predictions", "labels")]
             for name in names]
    rounds = []
    for _ in range(5):
        total = np.zeros((4, CLASSES))
        start = time.process_time()
        for pred, label in pairs:
            total += areas(pred, label)
        rounds.append((time.process_time() - start) / len(pairs))
    with np.errstate(invalid="ignore"):
        print(f"mIoU {np.nanmean(total[0] / total[1]):.6f}")
    print(sorted(rounds)[2])


if __name__ == "__main__":
    main()
