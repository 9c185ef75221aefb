# SPDX-License-Identifier: Apache-2.0
"""make_lvis.py OUT -- federated annotations and detections, and their scores by lvis-api 0.5.3 with numpy 2.3 or later: the reference of
tests/eval/test_lvis.c. Wants the package lvis.
"""
import json
import os
import sys

import numpy as np

np.float = float  # the package is older
from lvis import LVIS, LVISEval, LVISResults  # noqa: E402
from pycocotools import mask as coco_mask  # noqa: E402

CLASSES, IMAGES = 14, 16
rng = np.random.default_rng(5)


def box():
    corner, size = rng.integers(0, 300, 2), rng.integers(4, 200, 2)
    return [float(x) for x in (*corner, *size)]


def annotation(n, image):
    b = box()
    area = 0.0 if rng.random() < 0.05 else b[2] * b[3] * 0.8
    return dict(id=n, image_id=image, category_id=int(rng.integers(1, CLASSES)), bbox=b, area=area,
                **(dict(ignore=1) if rng.random() < 0.1 else {}),
                segmentation=[[b[0], b[1], b[0] + b[2], b[1], b[0] + b[2], b[1] + b[3]]])


def truth():
    anns = [annotation(n, int(rng.integers(1, IMAGES + 1))) for n in range(1, 90)]
    some = lambda: [int(k) for k in rng.choice(np.arange(1, CLASSES + 1), 5, replace=False)]
    images = [dict(id=i, coco_url=f'http://images.cocodataset.org/val2017/{i}.jpg', height=500, width=500,
                   neg_category_ids=some(), not_exhaustive_category_ids=some()[:2]) for i in range(1, IMAGES + 1)]
    cats = [dict(id=k, name=f'thing_{k}', frequency='rcf'[k % 3]) for k in range(1, CLASSES + 1)]
    return dict(images=images, annotations=anns, categories=cats)


def results(gt):
    found = []
    for a in gt['annotations']:
        for s in (0, 3, 20):
            b = np.array(a['bbox']) + rng.normal(0, s, 4)
            found.append((a['image_id'], a['category_id'], b))
    for _ in range(700):  # more than 300 in some images
        found.append((int(rng.integers(1, 3)), int(rng.integers(1, CLASSES + 1)), np.array(box())))
    score = rng.integers(0, 100, len(found)) / 100  # with many that are equal
    return [dict(image_id=i, category_id=k, bbox=[round(float(x), 2) for x in b], score=float(s))
            for (i, k, b), s in zip(found, score)]


def best_of_class(found, most):
    """Fixed AP, as large-vocab-devil selects."""
    classes = {}
    for d in found:
        classes.setdefault(d['category_id'], []).append(d)
    return [d for some in classes.values() for d in sorted(some, key=lambda d: d['score'], reverse=True)[:most]]


def limits(api, found, file):
    """Lines of a limit for an image, one for a class (0: none), and the thirteen scores."""
    for of_image, of_class in ((5, 0), (-1, 0), (-1, 20)):
        some = best_of_class(found, of_class) if of_class else list(found)
        e = LVISEval(api, LVISResults(api, [dict(d) for d in some], max_dets=of_image), 'bbox')
        e.run()
        file.write(' '.join([str(of_image), str(of_class), *(repr(float(v)) for v in e.get_results().values())]) + '\n')


def boundary(rle):
    """What of a mask lies within 2% of the diagonal of its image from what is not of it (Cheng et al., CVPR 2021)."""
    mask = coco_mask.decode(rle)
    inner = mask
    distance = max(1, int(round(0.02 * np.hypot(*mask.shape))))
    for axis in 0, 1:
        padded = np.pad(inner, [(distance, distance) if a == axis else (0, 0) for a in (0, 1)])
        inner = np.min([np.take(padded, np.arange(mask.shape[axis]) + k, axis) for k in range(2 * distance + 1)],
                       axis=0)
    return coco_mask.encode(np.asfortranarray(mask - inner))


class Boundaries(LVISEval):
    """Two objects are as alike as their masks or their boundaries, whichever are less."""

    def compute_iou(self, image, category):
        truth, found = self._get_gt_dt(image, category)
        found = [found[i] for i in np.argsort([-d['score'] for d in found], kind='mergesort')]
        if not truth or not found:
            return []
        of = lambda get: coco_mask.iou([get(d) for d in found], [get(g) for g in truth], [0] * len(truth))
        return np.minimum(of(lambda a: a['segmentation']), of(lambda a: boundary(a['segmentation'])))


def named(e, path):
    e.run()
    with open(path, 'w') as file:
        for key, value in e.get_results().items():
            file.write(f'{key} {float(value)!r}\n')


def main(out):
    gt = truth()
    files = [os.path.join(out, name) for name in ('lvis.gt.json', 'lvis.dt.json', 'lvis.expected.txt')]
    json.dump(gt, open(files[0], 'w'))
    found = results(gt)
    json.dump(found, open(files[1], 'w'))
    api = LVIS(files[0])
    named(LVISEval(api, LVISResults(api, files[1]), 'bbox'), files[2])
    named(Boundaries(api, LVISResults(api, files[1]), 'segm'), os.path.join(out, 'lvis.boundary.txt'))
    with open(os.path.join(out, 'lvis.limits.txt'), 'w') as file:
        limits(api, found, file)


main(sys.argv[1])
