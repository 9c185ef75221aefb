# SPDX-License-Identifier: Apache-2.0
"""make_map.py OUT -- boxes in pictures, and their mean average precision by mmdet 2.28's eval_map(): the reference of
tests/eval/test_map.c. Wants mmdet/core/evaluation of mmdet 2.28.2, and numpy below 2.
"""
import json
import os
import sys

import numpy as np
from mmdet.core.evaluation.mean_ap import eval_map

CLASSES, IMAGES = 9, 14
rng = np.random.default_rng(17)


def boxes(n, whole):
    corner = rng.uniform(0, 300, (n, 2))
    size = rng.uniform(8, 160, (n, 2))
    out = np.concatenate([corner, corner + size], 1)
    return (np.round(out) if whole else out).astype(np.float32)


def main(out):
    annotations, results = [], []
    for _ in range(IMAGES):
        n = rng.integers(0, 9)
        gt, label = boxes(n, True), rng.integers(0, CLASSES - 1, n)  # the last class has no object
        hard = rng.random(n) < 0.2
        annotations.append(dict(bboxes=gt[~hard], labels=label[~hard], bboxes_ignore=gt[hard],
                                labels_ignore=label[hard]))
        of_image = []
        for k in range(CLASSES):
            near = gt[label == k]
            found = [near + rng.normal(0, s, near.shape).astype(np.float32)
                     for s in (0, 1, 6, 12) if rng.random() < 0.7]
            found = np.concatenate([*found, boxes(rng.integers(0, 3), False)]).astype(np.float32)
            score = rng.permutation(100000)[:len(found), None].astype(np.float32) / 100000
            found = np.concatenate([found, score], 1)
            of_image.append(found[np.argsort(-found[:, 4])])
        results.append(of_image)
    write(out, annotations, results)


def rows(annotations):
    for i, a in enumerate(annotations):
        for key, crowd in (('', 0), ('_ignore', 1)):
            for box, label in zip(a['bboxes' + key].astype(float), a['labels' + key]):
                yield i + 1, int(label) + 1, box, crowd


def write(out, annotations, results):
    xywh = lambda b: [b[0], b[1], b[2] - b[0], b[3] - b[1]]
    truth = dict(images=[dict(id=i + 1, file_name=f'{i}.jpg') for i in range(IMAGES)],
                 categories=[dict(id=k + 1, name=f'class {k}') for k in range(CLASSES)],
                 annotations=[dict(id=n + 1, image_id=i, category_id=k, bbox=xywh(b),
                                   area=(b[2] - b[0]) * (b[3] - b[1]),
                                   iscrowd=crowd) for n, (i, k, b, crowd) in enumerate(rows(annotations))])
    found = [dict(image_id=i + 1, category_id=k + 1, bbox=xywh(b[:4]), score=b[4])
             for i, image in enumerate(results) for k, dets in enumerate(image) for b in dets.astype(float)]
    json.dump(truth, open(os.path.join(out, 'map.gt.json'), 'w'))
    json.dump(found, open(os.path.join(out, 'map.dt.json'), 'w'))
    with open(os.path.join(out, 'map.expected.txt'), 'w') as file:  # rule wide iou mAP, then the AP of each class
        for rule, wide in (('voc07', 1), ('voc12', 1), ('voc12', 0), ('voc07', 0)):
            for iou in (0.5, 0.55, 0.75, 0.9):
                mean, classes = eval_map(results, annotations, iou_thr=iou, dataset=rule, logger='silent', nproc=1,
                                         use_legacy_coordinate=bool(wide))
                aps = ' '.join(repr(float(c['ap'])) for c in classes)
                file.write(f'{int(rule == "voc07")} {wide} {iou} {mean!r} {aps}\n')


main(sys.argv[1])
