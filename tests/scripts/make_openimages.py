# SPDX-License-Identifier: Apache-2.0
"""make_openimages.py OUT -- tables of Open Images and their scores by TensorFlow's object_detection: the reference of
tests/eval/test_openimages.c. Wants tf-models-research-object-detection 2.8.0.post1, pandas and pycocotools; TensorFlow may be missing.
"""
import base64
import json
import os
import sys
import types
import zlib

import numpy as np
import pandas as pd
import pycocotools.mask

np.float, np.int, np.NAN = float, int, np.nan  # the package is older
for name in ('tensorflow', 'tensorflow.compat', 'tensorflow.compat.v1', 'absl'):
    sys.modules.setdefault(name, types.ModuleType(name))
sys.modules['tensorflow'].compat = sys.modules['tensorflow.compat']
sys.modules['tensorflow.compat'].v1 = sys.modules['tensorflow.compat.v1']
flags = types.SimpleNamespace(FLAGS=None, DEFINE_string=lambda *a, **k: None, DEFINE_integer=lambda *a, **k: None)
sys.modules['absl'].app, sys.modules['absl'].flags = types.SimpleNamespace(run=None), flags
labels = types.ModuleType('object_detection.utils.label_map_util')
labels.create_category_index = lambda classes: {c['id']: c for c in classes}
import object_detection.utils  # noqa: E402

sys.modules['object_detection.utils.label_map_util'] = object_detection.utils.label_map_util = labels
from object_detection.dataset_tools import oid_hierarchical_labels_expansion as hierarchy  # noqa: E402
from object_detection.metrics import oid_challenge_evaluation_utils as tables  # noqa: E402
from object_detection.utils import object_detection_evaluation as evaluation  # noqa: E402

rng = np.random.default_rng(3)
LEAVES = {'/m/dog': ('/m/pet', '/m/toy'), '/m/cat': ('/m/pet',), '/m/bear': ('/m/toy',), '/m/bird': ('/m/animal',),
          '/m/car': ()}
CLASSES = sorted(['/m/pet', '/m/toy', '/m/animal', *LEAVES])
SIDE = 48


def tree():
    def leaves(parent):
        return [dict(LabelName=c) for c, parents in LEAVES.items() if parent in parents]
    pet = dict(LabelName='/m/pet', Subcategory=leaves('/m/pet'))
    animal = dict(Subcategory=[pet, *leaves('/m/animal')], LabelName='/m/animal')
    return dict(LabelName='/m/root',
                Subcategory=[animal, dict(LabelName='/m/toy', Subcategory=leaves('/m/toy')), dict(LabelName='/m/car')])


def box():
    (x1, x2), (y1, y2) = (sorted(int(v) for v in rng.choice(SIDE + 1, 2, replace=False)) for _ in range(2))
    return [x1 / SIDE, x2 / SIDE, y1 / SIDE, y2 / SIDE]


def mask(b):
    m = np.zeros((SIDE, SIDE), np.uint8, order='F')
    m[round(b[2] * SIDE):round(b[3] * SIDE), round(b[0] * SIDE):round(b[1] * SIDE)] = 1
    return base64.b64encode(zlib.compress(pycocotools.mask.encode(m)['counts'])).decode()


def write(path, head, rows):
    open(path, 'w').write('\n'.join([head, *(','.join(str(v) for v in row) for row in rows)]) + '\n')


def make(out):
    boxes, said, segments, found = [], [], [], []
    for i in range(7):
        image = f'{rng.integers(16 ** 8):08x}{i:04x}'
        for _ in range(int(rng.integers(1, 6))):
            b, c, group = box(), str(rng.choice(CLASSES)), int(rng.random() < .25)
            boxes.append((image, c, 1, *b, group))
            if rng.random() < .6:
                segments.append((image, c, SIDE, SIDE, *b, group, mask(b)))
            for _ in range(2):
                moved = [min(1, max(0, v + int(rng.integers(-3, 4)) / SIDE)) for v in b]
                found.append((image, c if rng.random() < .8 else str(rng.choice(CLASSES)), moved))
        said += [(image, 'verification', str(c), int(rng.random() < .5)) for c in rng.choice(CLASSES, 3, replace=False)]
        found += [(image, str(c), box()) for c in rng.choice(CLASSES, 2)]
    found = [f for f in found if f[2][0] < f[2][1] and f[2][2] < f[2][3]] + [('none', '/m/dog', box())]
    scores = (rng.permutation(len(found)) + 1) / (len(found) + 1)
    write(f'{out}/boxes.csv', 'ImageID,LabelName,Confidence,XMin,XMax,YMin,YMax,IsGroupOf', boxes)
    write(f'{out}/labels.csv', 'ImageID,Source,LabelName,Confidence', said)
    write(f'{out}/segments.csv', 'ImageID,LabelName,ImageWidth,ImageHeight,XMin,XMax,YMin,YMax,IsGroupOf,Mask',
          segments)
    write(f'{out}/predictions.csv', 'ImageID,LabelName,Score,XMin,XMax,YMin,YMax',
          [(i, c, f'{s:.5f}', *b) for (i, c, b), s in zip(found, scores)])
    write(f'{out}/masks.csv', 'ImageID,LabelName,ImageWidth,ImageHeight,Score,Mask',
          [(i, c, SIDE, SIDE, f'{s:.5f}', mask(b)) for (i, c, b), s in zip(found, scores)])
    json.dump(tree(), open(f'{out}/hierarchy.json', 'w'))


def expanded(out, name):
    expansion = hierarchy.OIDHierarchicalLabelsExpansion(tree())
    lines = open(f'{out}/{name}.csv').read().splitlines()
    for line in lines[1:]:
        lines += (expansion.expand_labels_from_csv(line, 2, 3)
                  if name == 'labels' else expansion.expand_boxes_or_segments_from_csv(line, 1))[1:]
    path = f'{out}/expanded.csv'
    open(path, 'w').write('\n'.join(lines) + '\n')
    table = pd.read_csv(path, dtype={'ImageID': str})
    os.remove(path)
    return table


def score(out, masks, challenge, weight):
    number = {c: i + 1 for i, c in enumerate(CLASSES)}
    objects = expanded(out, 'boxes')
    if masks:
        objects = tables.merge_boxes_and_masks(objects, expanded(out, 'segments'))
    known = pd.concat([objects, expanded(out, 'labels').rename(columns={'Confidence': 'ConfidenceImageLabel'})])
    kind = evaluation.OpenImagesChallengeEvaluator if challenge else evaluation.OpenImagesDetectionEvaluator
    e = kind([dict(id=i, name=c) for c, i in number.items()], evaluate_masks=masks, group_of_weight=weight)
    found = pd.read_csv(f"{out}/{'masks' if masks else 'predictions'}.csv", dtype={'ImageID': str})
    for image, rows in known.groupby('ImageID'):
        truth = tables.build_groundtruth_dictionary(rows, number)
        results = tables.build_predictions_dictionary(found.loc[found['ImageID'] == image], number)
        e.add_single_ground_truth_image_info(image, {k: np.array(v) for k, v in truth.items()})
        e.add_single_detected_image_info(image, {k: np.array(v) for k, v in results.items()})
    return e.evaluate()


def main(out):
    os.makedirs(out, exist_ok=True)
    make(out)
    with open(f'{out}/expected.txt', 'w') as file:  # masks, challenge, weight, mAP, then AP of each class by name
        for masks, challenge, weight in ((0, 1, 1.0), (0, 1, 0.5), (0, 0, 0.0), (1, 1, 1.0), (1, 1, 0.0)):
            numbers = score(out, bool(masks), bool(challenge), weight).values()
            file.write(' '.join([str(masks), str(challenge), str(weight), *(repr(float(x)) for x in numbers)]) + '\n')


main(sys.argv[1])
